"""Code rewards: the program in a completion, put to its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from engine.errors import Overloaded, SandboxError
from engine.flow import off_loop
from engine.languages.table import language_named
from engine.program import Program, Verdict
from rewards.code.asserts import needs_of
from rewards.code.cases import AssertsCase, ScriptCase, wanted_names
from rewards.code.extract import program
from rewards.code.item import CodeItem, code_item
from rewards.code.scoring import Scoring
from rewards.completion import Nothing
from rewards.evidence import CodeEvidence
from rewards.reward import NotJudged, Reward

if TYPE_CHECKING:
    from engine.engine import Engine


class CodeReward:
    """Extracts, runs and compares; what is expected never enters the process that runs the program.

    client              whose turn in the engine's queue the runs take
    deadline_seconds    per item; what has not begun by then is not judged
    """

    def __init__(self, engine: Engine, *, client: str = "", deadline_seconds: float | None = None) -> None:
        self._engine = engine
        self._client = client
        self._deadline_seconds = deadline_seconds

    async def score(self, item: CodeItem | dict[str, Any]) -> Reward | NotJudged:
        """The item's reward.

        Raises BadInput for a wrong item, Overloaded if nothing of it was run. A completion without a program is
        WRONG_ANSWER. A fault of ours makes it NotJudged, unless "all" is asked for and another test failed.
        """
        if isinstance(item, dict):
            item = code_item(item)
        language = language_named(item.language)
        tags = frozenset((language.name, *language.aliases))
        found = await off_loop(
            len(item.completion),
            program,
            item.completion,
            tags,
            wanted=wanted_names(item.tests),
            thinking=item.thinking,
        )
        given = CodeEvidence(forgeable=_forgeable(item), form=item.form, prelude=item.prelude)
        if isinstance(found, Nothing):
            evidence = structs.replace(given, reason=f"no program: {found.reason}")
            return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=evidence)
        source = found.source if item.stub is None else item.stub.completed(found.source, language.name)
        scoring = Scoring(
            self._engine, Program(source, item.language, image=item.image, prelude=item.prelude), item, self._client
        )
        try:
            await scoring.run(self._deadline_seconds)
        except SandboxError as error:
            return NotJudged(str(error))
        except Overloaded as error:
            if not scoring.judged:
                raise
            return NotJudged(str(error))
        return scoring.reward(given)


def _forgeable(item: CodeItem) -> bool:
    return any(
        isinstance(case, ScriptCase)
        or (isinstance(case, AssertsCase) and needs_of(case.asserts).in_process is not None)
        for case in item.tests
    )
