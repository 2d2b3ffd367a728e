"""Every language of the table: a program that is right, one that is wrong in each way that there is."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Engine, Limits, Program, StdinTest, Verdict
from engine.languages.table import LANGUAGES, sample
from rewards import CodeReward, Reward
from tests.support.evidence import code_evidence
from tests.support.runs import all_runs

pytestmark = [pytest.mark.kernel, pytest.mark.crun_is_soak, pytest.mark.asyncio(loop_scope="module")]

WORDS = ["world", "fail", "spin"]
OF_WORDS = [Verdict.ACCEPTED, Verdict.RUNTIME_ERROR, Verdict.TIME_LIMIT]
# Each of the others takes seconds.
OFTEN = ("python", "c", "cpp", "bash", "javascript", "java", "go", "rust", "typescript")
# A runner of tests compiles the program first.
FOR_RUNNERS = Limits(cpu_seconds=3)


@pytest.fixture(
    params=[pytest.param(name, marks=() if name in OFTEN else pytest.mark.soak) for name in LANGUAGES],
)
def name(request: pytest.FixtureRequest) -> str:
    """A language that is installed here."""
    language = LANGUAGES[request.param]
    if (problem := language.problem()) is not None:
        pytest.skip(f"needs {language.name}: {problem}")
    return language.name


async def test_verdicts(engine: Engine, name: str) -> None:
    language = LANGUAGES[name]
    if language.verdict_by_exit:
        files = [StdinTest(files={"word": word.encode()}) for word in WORDS]
        runs = await all_runs(engine, Program(sample(language), name), files, FOR_RUNNERS)
        assert [run.outcome.verdict for run in runs] == OF_WORDS, [run.outcome.stderr for run in runs]
        return
    tests = [{"stdin": f"{word}\n", "expected": "hello world\n"} for word in (*WORDS, "moon")]
    item = _item(name, sample(language), tests)
    reward = await CodeReward(engine).score(item)
    assert isinstance(reward, Reward), reward
    assert [test.verdict for test in code_evidence(reward).tests] == [*OF_WORDS, Verdict.WRONG_ANSWER], reward


async def test_what_does_not_compile(engine: Engine, name: str) -> None:
    language = LANGUAGES[name]
    broken = "((( " + sample(language)
    if language.compile is not None:
        outcome = await engine.run(Program(broken, name))
        assert outcome.verdict is Verdict.COMPILE_ERROR, outcome
        assert outcome.compile is not None
        assert outcome.compile.stderr + outcome.compile.stdout
    else:
        outcome = await engine.run(Program(broken, name), b"world\n")
        assert outcome.verdict is Verdict.RUNTIME_ERROR, outcome


def _item(name: str, source: str, tests: list[dict[str, Any]]) -> dict[str, Any]:
    limits = {"cpu_seconds": 1 if name in OFTEN else 2}
    completion = f"```{name}\n{source}\n```"
    return {
        "kind": "code",
        "language": name,
        "completion": completion,
        "tests": tests,
        "limits": limits,
        "reward": "fraction",
    }
