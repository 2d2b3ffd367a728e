"""Code rewards with the real sandbox below them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Verdict
from rewards import CodeReward, MathReward, NotJudged, Reward
from rewards.cli.demo import sample
from rewards.cli.tally import verdict_name
from rewards.data.datasets import Labelled, humaneval
from rewards.evidence import SHOWN_CHARS
from rewards.flow import flow
from tests.support.evidence import code_evidence, failure_of

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

SUM = [{"stdin": "1 2\n", "expected": "3\n"}, {"stdin": "2 2\n", "expected": "4\n"}]


async def scored(engine: Engine, source: str, tests: list[dict[str, Any]], **more: Any) -> Reward:
    language = more.get("language", "python")
    item = {"kind": "code", "completion": f"```{language}\n{source}\n```", "tests": tests, **more}
    reward = await CodeReward(engine).score(item)
    assert isinstance(reward, Reward), reward
    return reward


async def surprises(engine: Engine, items: Iterable[Labelled]) -> list[str]:
    """Where the verdict is not the label's."""
    expected = list(items)

    async def score(item: dict[str, Any]) -> Reward | NotJudged:
        return await (MathReward() if item["kind"] == "math" else CodeReward(engine)).score(item)

    return [
        f"{each.item['id']}: {each.reward}, expected {expected[each.index].label}"
        async for each in flow(score, (labelled.item for labelled in expected), 4)
        if verdict_name(each.reward) != expected[each.index].label
    ]


@pytest.mark.parametrize("kind", ["code", "math"])
async def test_the_bundled_sample_gets_the_verdicts_on_its_labels(engine: Engine, kind: str) -> None:
    items = sample(kind)
    assert len({each.item["id"] for each in items}) == len(items) >= 25
    assert await surprises(engine, items) == []


async def test_humaneval_accepts_every_canonical_solution(engine: Engine, data_file: Callable[[str], Path]) -> None:
    items = list(humaneval(data_file("HumanEval.jsonl.gz")))
    assert len(items) == 164
    assert await surprises(engine, items) == []


@pytest.mark.parametrize(
    "body", ["    return None\n", "    import os\n    os._exit(0)\n", "    import sys\n    sys.exit(0)\n"]
)
async def test_humaneval_accepts_no_body_that_does_nothing(
    engine: Engine, data_file: Callable[[str], Path], body: str
) -> None:
    verdicts = []
    items = [each.item for each in humaneval(data_file("HumanEval.jsonl.gz"), body)]
    async for each in flow(CodeReward(engine).score, items, 4):
        assert isinstance(each.reward, Reward), each
        assert not code_evidence(each.reward).forgeable
        verdicts.append(each.reward.verdict)
    assert len(verdicts) == 164
    assert Verdict.ACCEPTED not in verdicts


ALWAYS_EQUAL = """
class Yes{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __instancecheck__(self, kind): return True
    def __reduce__(self): return (int, (3,))
    def __repr__(self): return "3"
    __str__ = __repr__
"""
FORGED = """
import os
def frame(body): return len(body).to_bytes(4, "big") + body
def add(a, b):
    for fd in range(3, 64):
        try:
            os.write(fd, {what})
        except OSError:
            pass
    {then}
"""
CHEATS = {
    "an object equal to everything": ALWAYS_EQUAL.format(base="") + "def add(a, b): return Yes()",
    "one in a list": ALWAYS_EQUAL.format(base="") + "def add(a, b): return [Yes()]",
    "a str equal to everything": ALWAYS_EQUAL.format(base="(str)") + "def add(a, b): return Yes('3')",
    "a float equal to everything": ALWAYS_EQUAL.format(base="(float)") + "def add(a, b): return Yes(4.0)",
    "an int equal to everything": ALWAYS_EQUAL.format(base="(int)") + "def add(a, b): return Yes(4)",
    "a list equal to everything": ALWAYS_EQUAL.format(base="(list)") + "def add(a, b): return Yes([3])",
    "a class equal to everything": ALWAYS_EQUAL.format(base="(type)")
    + "class It(metaclass=Yes): pass\ndef add(a, b): return It",
    "its arguments, changed": "def add(a, b):\n    a.append(3)\n    b[:] = a\n    return a",
    "an early exit": "import os\ndef add(a, b): os._exit(0)",
    "an early clean exit": "import sys\ndef add(a, b): sys.exit(0)",
    "an early exit with a value": "def add(a, b): raise SystemExit(3)",
    "an exception named as the value": "class AddError(Exception): pass\ndef add(a, b): raise AddError('3')",
    "a forged frame before its own": FORGED.format(what="frame(b'{\"returned\":3}')", then="return 3"),
    "a forged frame and an exit": FORGED.format(what="frame(b'{\"returned\":4}')", then="os._exit(0)"),
    "a forged frame of every value": FORGED.format(
        what="b''.join(frame(b'{\"returned\":%d}' % n) for n in range(9))", then="os._exit(0)"
    ),
    "a frame that announces more": FORGED.format(
        what="(99).to_bytes(4, 'big') + b'{\"returned\":3}'", then="os._exit(0)"
    ),
    "a frame with two answers": FORGED.format(what='frame(b\'{"returned":3,"raised":"x"}\')', then="os._exit(0)"),
    "a verdict instead of a value": FORGED.format(
        what='frame(b\'{"verdict":"ACCEPTED","reward":1.0}\')', then="os._exit(0)"
    ),
    "the verdict printed": "def add(a, b): print('{\"returned\":3}', 'ACCEPTED', 3)",
    "patched builtins": "import builtins, json, sys\n"
    "for name in ('isinstance', 'type', 'len', 'all', 'any', 'repr', 'issubclass'):\n"
    "    setattr(builtins, name, lambda *a, **k: True)\n"
    "json.dumps = json.loads = lambda *a, **k: 3\n"
    "sys.modules['marshal'] = sys.modules['_json'] = json\n"
    "def add(a, b): return None",
    "a patched driver": "import sys\n"
    "frame = sys._getframe()\n"
    "while frame.f_back: frame = frame.f_back\n"
    "frame.f_globals['encode'] = lambda value, put, depth=0: put('true')\n"
    "def add(a, b): return None",
    "a child that answers before": "import os, time\ndef add(a, b):\n"
    "    if os.fork() == 0: return 3\n    os.wait()\n    return 4",
    "True for 1": "def add(a, b): return True",
    "nothing at all": "",
}


@pytest.mark.parametrize("name", CHEATS)
async def test_no_cheat_passes_a_function_call(engine: Engine, name: str) -> None:
    arguments: list[Any] = [[1], [2]] if name == "its arguments, changed" else [1, 2]
    expected = 1 if name == "True for 1" else 3
    reward = await scored(engine, CHEATS[name], [{"call": "add", "arguments": arguments, "expected": expected}])
    assert reward.reward == 0.0
    assert reward.verdict in (Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR)
    assert not code_evidence(reward).forgeable


async def test_a_changed_argument_does_not_reach_the_next_test(engine: Engine) -> None:
    source = "seen = []\ndef count(xs):\n    seen.append(1)\n    xs.append(1)\n    return len(seen) + len(xs)"
    tests = [{"call": "count", "arguments": [[]], "expected": 2}] * 2
    assert (await scored(engine, source, tests)).verdict is Verdict.ACCEPTED


async def test_the_first_failure_ends_all_and_keeps_its_evidence(engine: Engine) -> None:
    reward = await scored(engine, "print(3)", [*SUM, *SUM])
    assert (reward.reward, reward.verdict) == (0.0, Verdict.WRONG_ANSWER)
    assert [test.verdict for test in code_evidence(reward).tests] == [Verdict.ACCEPTED, Verdict.WRONG_ANSWER]
    assert (
        failure_of(reward).test,
        failure_of(reward).expected,
        failure_of(reward).got,
    ) == (1, "4\n", "3\n")
    assert all(test.cpu_seconds > 0 and test.wall_seconds > 0 for test in code_evidence(reward).tests)


async def test_a_fraction_runs_every_test(engine: Engine) -> None:
    reward = await scored(engine, "print(3)", [*SUM, *SUM], reward="fraction")
    assert (reward.reward, reward.verdict) == (0.5, Verdict.WRONG_ANSWER)
    assert len(code_evidence(reward).tests) == 4


@pytest.mark.parametrize("kind", ["all", "fraction"])
async def test_a_program_that_does_not_compile_gets_nothing(engine: Engine, kind: str) -> None:
    reward = await scored(engine, "int main() { return missing; }", SUM, language="c", reward=kind)
    assert (reward.reward, reward.verdict) == (0.0, Verdict.COMPILE_ERROR)
    assert "missing" in str(failure_of(reward).problem)
    assert code_evidence(reward).tests[0].cpu_seconds > 0


@pytest.mark.parametrize("kind", ["all", "fraction"])
async def test_large_outputs_are_judged_and_the_tests_go_on(engine: Engine, kind: str) -> None:
    source = "n = int(input())\nprint('7 ' * n)"
    tests = [{"stdin": str(n), "expected": "7 " * n} for n in (100_000, 1, 200_000, 100_001)]
    reward = await scored(engine, source, tests, checker="tokens", reward=kind)
    assert (reward.reward, len(code_evidence(reward).tests)) == (1.0, 4)
    tests[2]["expected"] = "8"
    reward = await scored(engine, source, tests, checker="tokens", reward=kind)
    assert (reward.reward, len(code_evidence(reward).tests)) == ((0.0, 3) if kind == "all" else (0.75, 4))
    assert failure_of(reward).test == 2
    assert len(str(failure_of(reward).got)) <= SHOWN_CHARS


async def test_evidence_is_short_whatever_the_program_returns(engine: Engine) -> None:
    for source in (
        "def f():\n    return 'x' * 1_000_000",
        "def f():\n    return [[list(range(100))] * 100] * 20",
        "def f():\n    return 1 << 100_000",
        "def f():\n    raise ValueError('x' * 1_000_000)",
        "import sys\ndef f():\n    sys.stderr.write('x' * 500_000)",
    ):
        reward = await scored(engine, source, [{"call": "f", "arguments": [], "expected": "y"}])
        assert reward.reward == 0.0
        for text in (
            failure_of(reward).got,
            failure_of(reward).problem,
            failure_of(reward).stderr,
        ):
            assert len(text or "") <= SHOWN_CHARS


async def test_asserts_that_need_the_programs_process_are_marked_as_forgeable(engine: Engine) -> None:
    right = "def add(a, b):\n    return a + b"
    tests = [{"asserts": "assert add.__code__ and add(1, 2) == 3"}]
    assert (await scored(engine, right, tests)).to_wire()["forgeable"] is True
    wrong = await scored(engine, right, [{"asserts": "assert add.__code__ and add(1, 2) == 4, 'no'"}])
    assert (wrong.verdict, code_evidence(wrong).forgeable) == (Verdict.WRONG_ANSWER, True)
    broken = await scored(engine, right, [{"asserts": "assert sub(1, 2) == 4"}])
    assert broken.verdict is Verdict.RUNTIME_ERROR


async def test_a_completion_without_a_program_is_wrong(engine: Engine) -> None:
    for completion in ("", "<think>never ends", "</think>", "```\n```"):
        reward = await CodeReward(engine).score({"completion": completion, "tests": SUM})
        assert isinstance(reward, Reward)
        assert (reward.reward, reward.verdict) == (0.0, Verdict.WRONG_ANSWER)
        assert code_evidence(reward).reason is not None
