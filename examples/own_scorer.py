"""A scorer of one's own: the share of a program's lines that are right, where Assay's own would say 0 or 1.

cd examples && assay serve --scorer own_scorer:lines
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay import BadInput, Engine, Limits, Program, Verdict


@dataclass(frozen=True)
class Lines:
    """An item, parsed: a program without input, and the lines that it should print."""

    program: Program
    expected: list[str]


class LineScorer:
    """Items like {"kind": "lines", "source": "print(1)", "expected": ["1", "2"]}."""

    kind = "lines"

    def parse(self, item: dict[str, Any]) -> Lines:
        """Everything that can be wrong with an item is said here, before anything runs; raises BadInput."""
        source, expected = item.get("source"), item.get("expected")
        if not isinstance(source, str):
            raise BadInput("source", source, "expected text")
        if not isinstance(expected, list) or not expected or not all(isinstance(line, str) for line in expected):
            raise BadInput("expected", expected, "expected a list of lines")
        return Lines(Program(source), expected)

    async def score(
        self, parsed: Lines, engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """The share of right lines. What the engine raises says nothing of the program: let it through, never a 0."""
        outcome = await engine.run(
            parsed.program, limits=Limits(cpu_seconds=2), client=client, deadline_seconds=deadline_seconds
        )
        if outcome.verdict is not Verdict.ACCEPTED:
            return {"reward": 0.0, "verdict": outcome.verdict.value}
        # Bytes of a program that nobody trusts: compared, capped by the limits, and never evaluated.
        said = outcome.stdout.decode(errors="replace").splitlines()
        right = sum(one == other for one, other in zip(said, parsed.expected, strict=False))
        reward = right / max(len(said), len(parsed.expected))
        return {"reward": reward, "verdict": (Verdict.ACCEPTED if reward == 1 else Verdict.WRONG_ANSWER).value}


lines = LineScorer()
