"""What a prelude gives to a program, and what a standard of a language does."""

from __future__ import annotations

import pytest

from engine import BadInput, CallTest, Engine, Program, Verdict
from tests.support.runs import all_runs
from tests.support.runtimes import NewEngine

pytestmark = pytest.mark.kernel


@pytest.fixture
async def engine(new_engine: NewEngine) -> object:
    async with new_engine(slots=1) as engine:
        yield engine


BARE = "import sys, os\nprint(sys.getrecursionlimit(), os.environ.get('ONLINE_JUDGE'), 'List' in dir(__builtins__))"


async def test_nothing_is_given_that_is_not_asked_for(engine: Engine) -> None:
    outcome = await engine.run(Program(BARE))
    assert outcome.stdout == b"1000 None False\n"
    outcome = await engine.run(Program("print(10 ** 5000)"))
    assert outcome.verdict is Verdict.RUNTIME_ERROR


@pytest.mark.parametrize("prelude", ["competitive", "leetcode"])
async def test_limits_of_the_interpreter_are_lifted(engine: Engine, prelude: str) -> None:
    source = "def f(n): return n and 1 + f(n - 1)\nprint(f(int(input())), len(str(10 ** 5000)))"
    outcome = await engine.run(Program(source, prelude=prelude), b"20000\n")
    assert (outcome.stdout, outcome.verdict) == (b"20000 5001\n", Verdict.ACCEPTED), outcome.stderr


async def test_leetcodes_names_are_there_and_ones_own_go_first(engine: Engine) -> None:
    source = (
        "class ListNode:\n"
        "    mine = True\n"
        "class Solution:\n"
        "    def f(self, xs: List[int], root: Optional[TreeNode]) -> int:\n"
        "        assert ListNode.mine and TreeNode(3).val == 3 and pow(2, 3) == 8 and type(pow(2, 3)) is int\n"
        "        heap = list(xs)\n"
        "        heapify(heap)\n"
        "        return [heappop(heap), Counter(xs)[2], bisect_left(xs, 2), math.gcd(4, 6), *accumulate([1, 2]),\n"
        "                re.findall('a', 'aa'), cache(lambda: json.dumps([1]))(), datetime.date(2020, 1, 1).year]\n"
    )
    [run] = await all_runs(engine, Program(source, prelude="leetcode"), [CallTest("Solution.f", [[2, 1, 2], None])])
    assert run.returned == [1, 2, 2, 2, 1, 3, ["a", "a"], "[1]", 2020], run.problem


async def test_online_judge_is_defined(engine: Engine) -> None:
    source = '#include <cstdio>\nint main(){\n#ifdef ONLINE_JUDGE\nputs("judge");\n#endif\n}'
    assert (await engine.run(Program(source, "cpp", prelude="competitive"))).stdout == b"judge\n"
    assert (await engine.run(Program(source, "cpp"))).stdout == b""
    outcome = await engine.run(Program("console.log(process.env.ONLINE_JUDGE)", "js", prelude="competitive"))
    assert outcome.stdout == b"1\n"


@pytest.mark.parametrize(
    ("word", "version"), [("cpp", 201703), ("c++20", 202002), ("CPP20", 202002), ("c++14", 201402), ("c++23", 202100)]
)
async def test_a_standard_is_named_as_the_language(engine: Engine, word: str, version: int) -> None:
    outcome = await engine.run(Program('#include <cstdio>\nint main(){printf("%ld", __cplusplus);}', word))
    assert outcome.stdout == b"%d" % version


async def test_what_cannot_be_given_is_refused(engine: Engine) -> None:
    for prelude, language in (("icpc", "python"), ("leetcode", "cpp")):
        with pytest.raises(BadInput, match=f"prelude '{prelude}'"):
            await engine.run(Program("", language, prelude=prelude))
    with pytest.raises(BadInput, match=r"language 'c\+\+98'"):
        await engine.run(Program("", "c++98"))
