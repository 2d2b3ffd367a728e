"""Special judges: programs that say whether an output is right, in testlib's and in ScaleBox's convention."""

from __future__ import annotations

from typing import Any

import pytest

from engine import BadInput, Engine, Verdict
from engine.languages.table import LANGUAGES
from rewards import CodeReward, NotJudged, Reward
from tests.support.evidence import failure_of

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

# Two numbers whose sum is the input: any such pair will do.
TESTLIB_CPP = """
#include <fstream>
#include <iostream>
int main(int argc, char **argv) {
    std::ifstream input(argv[1]), output(argv[2]), answer(argv[3]);
    long sum, a, b, x, y;
    if (argc != 4 || !(input >> sum) || !(answer >> x >> y) || x + y != sum) return 3;
    if (!(output >> a >> b)) { std::cerr << "expected two numbers"; return 2; }
    if (a + b != sum) { std::cerr << a << " and " << b << " are not " << sum; return 1; }
    return 0;
}
"""
SCALEBOX_PYTHON = """
import sys
def numbers(name): return [int(word) for word in open(name).read().split()]
[total] = numbers("stdin.txt")
a, b = numbers("answer.txt")
assert len(numbers("stdout.txt")) == 2
sys.exit(0 if a + b == total else 1)
"""
JUDGES: dict[str, dict[str, Any]] = {
    "testlib": {"source": TESTLIB_CPP, "language": "c++17"},
    "scalebox": {"source": SCALEBOX_PYTHON, "language": "python", "convention": "scalebox"},
}
TESTS = [{"stdin": "5\n", "expected": "2 3\n"}, {"stdin": "7\n", "expected": "3 4\n"}]


async def scored(engine: Engine, program: str, judge: dict[str, Any], **more: Any) -> Reward | NotJudged:
    item = {"kind": "code", "completion": f"```python\n{program}\n```", "tests": TESTS, "judge": judge, **more}
    return await CodeReward(engine).score(item)


@pytest.mark.parametrize("convention", JUDGES)
@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("n = int(input()); print(n - 1, 1)", Verdict.ACCEPTED),
        ("n = int(input()); print(-1, n + 1)", Verdict.ACCEPTED),
        ("print(1, 4)", Verdict.WRONG_ANSWER),
        ("print('nothing of use')", Verdict.WRONG_ANSWER),
        ("", Verdict.WRONG_ANSWER),
        ("n = int(input()); print(n - 1, 1); raise SystemExit(3)", Verdict.RUNTIME_ERROR),
        ("n = int(input()); print(n - 1, 1, flush=True); import os; os.kill(os.getpid(), 9)", Verdict.RUNTIME_ERROR),
    ],
)
async def test_a_judge_says_what_is_right(engine: Engine, convention: str, program: str, verdict: Verdict) -> None:
    reward = await scored(engine, program, JUDGES[convention])
    assert isinstance(reward, Reward), reward
    assert (reward.verdict, reward.reward) == (verdict, float(verdict is Verdict.ACCEPTED))


async def test_its_words_are_kept(engine: Engine) -> None:
    reward = await scored(engine, "print(1, 4)", JUDGES["testlib"])
    failure = failure_of(reward)
    assert (failure.test, failure.expected, failure.got) == (1, "3 4\n", "1 4\n")
    assert failure.problem == "the judge: 1 and 4 are not 7"


async def test_a_judge_compiles_once(engine: Engine) -> None:
    judge = {**JUDGES["testlib"], "source": TESTLIB_CPP + "// another one\n"}
    before = engine.stats().compiles
    reward = await scored(engine, "n = int(input()); print(n - 1, 1)", judge, reward="fraction")
    assert isinstance(reward, Reward)
    assert engine.stats().compiles == before + 1


@pytest.mark.parametrize(
    "source",
    [
        "raise RuntimeError('broken')",
        "def",
        "if True:\nbroken",
        "import sys; sys.exit(3)",
        "while True: pass",
        "import os; os.kill(os.getpid(), 11)",
    ],
)
@pytest.mark.parametrize("convention", JUDGES)
async def test_a_judge_that_fails_is_not_judged(engine: Engine, convention: str, source: str) -> None:
    judge = {"source": source, "language": "python", "convention": convention, "limits": {"cpu_seconds": 0.5}}
    for program in ("n = int(input()); print(n - 1, 1)", "print(1, 4)"):
        reward = await scored(engine, program, judge)
        assert isinstance(reward, NotJudged), reward
        assert reward.reason.startswith("the judge failed")


# They end with 1, or 2, which says wrong, and so would every program be.
CRASHES = {
    "cpp": '#include <stdexcept>\nint main() { throw std::runtime_error("x"); }',
    "rust": 'fn main() -> Result<(), String> { Err("x".into()) }',
    "go": "package main\nfunc main() { var none []int; _ = none[len(none)] }",
    "java": 'public class Main { public static void main(String[] a) { throw new RuntimeException("x"); } }',
    "javascript": "require('fs').readFileSync('not there')",
    "typescript": "Promise.reject(1)",
    "ruby": "nil.x",
    "lua": "x = = 1",
    "R": "stop('x')",
    "racket": '#lang racket\n(error "x")',
    "haskell": 'main :: IO ()\nmain = error "x"',
    "ocaml": 'let () = ignore (open_in "not there")',
    "csharp": "class P { static void Main() { throw new System.Exception(); } }",
    "perl": "open(F, 'not there') or die 'x'",
    "bash": "if (",
    "D_ut": 'void main() { throw new Exception("x"); }',
    "pypy": "raise ValueError",
    "sql": "select nothing;",
}


@pytest.mark.crun_is_soak
@pytest.mark.parametrize("language", CRASHES)
async def test_an_error_that_nobody_caught_is_no_verdict(engine: Engine, language: str) -> None:
    problem = LANGUAGES[language].problem()
    if problem is not None:
        pytest.skip(problem)
    judge = {"source": CRASHES[language], "language": language}
    reward = await scored(engine, "print(1, 4)", judge, tests=TESTS[:1])
    assert isinstance(reward, NotJudged), reward
    assert reward.reason.startswith("the judge failed")


@pytest.mark.crun_is_soak
@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("javascript", "if (!require('fs').readFileSync('output.txt', 'utf8').startsWith('2')) process.exit(1)"),
        ("javascript", "if (require('fs').readFileSync('output.txt')[0] != 50) throw Error('wrong')"),
        ("bash", "grep -q ^2 output.txt || { echo 'main.sh: line 1: ' >&2; exit 1; }"),
        ("perl", "open(F, 'output.txt'); <F> =~ /^2/ or exit 1"),
    ],
)
async def test_other_languages_say_wrong_as_well(engine: Engine, language: str, source: str) -> None:
    """By an exit code, or by an error where the answer file gives none."""
    problem = LANGUAGES[language].problem()
    if problem is not None:
        pytest.skip(problem)
    for program, verdict in (("print(2, 3)", Verdict.ACCEPTED), ("print(1, 4)", Verdict.WRONG_ANSWER)):
        reward = await scored(engine, program, {"source": source, "language": language}, tests=TESTS[:1])
        assert isinstance(reward, Reward), reward
        assert reward.verdict is verdict


@pytest.mark.parametrize(
    "output", ["'x' * 100_000", "'9' * 5000 + ' 1'", "'\\0\\0'", "'Traceback (most recent call last)'"]
)
async def test_no_output_buys_that_nobody_judges_it(engine: Engine, output: str) -> None:
    reward = await scored(engine, f"print({output})", JUDGES["scalebox"])
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.WRONG_ANSWER
    assert "the judge broke down over this output" in str(failure_of(reward).problem)


PARSES = (
    "import sys\n[n] = open(sys.argv[1])\na, b = map(int, open(sys.argv[2]).read().split())\nsys.exit(a + b != int(n))"
)
NO_ANSWER_FILE: dict[str, dict[str, Any]] = {
    "python": {"source": PARSES, "language": "python"},
    "names of its own": {"source": PARSES.replace("sys.argv[2]", "'output.txt'"), "language": "python"},
    "scalebox": {"source": SCALEBOX_PYTHON.replace("assert", "#"), "language": "python", "convention": "scalebox"},
    "cpp": {
        "source": "#include <fstream>\n#include <string>\nint number(std::ifstream &from) {\n"
        "    std::string word; from >> word; return std::stoi(word); }\n"
        "int main(int, char **argv) {\n    std::ifstream input(argv[1]), output(argv[2]);\n"
        "    return number(output) + number(output) != number(input);\n}",
        "language": "cpp",
    },
}


@pytest.mark.parametrize("judge", NO_ANSWER_FILE)
async def test_nor_where_there_is_no_answer_file(engine: Engine, judge: str) -> None:
    tests = [{"stdin": "7\n"}]
    right, wrong = [("3, 4", "ACCEPTED")], ("3, 5", "'abc'", "3", "end=''")
    for output, verdict in right + [(output, "WRONG_ANSWER") for output in wrong]:
        reward = await scored(engine, f"print({output})", NO_ANSWER_FILE[judge], tests=tests)
        assert isinstance(reward, Reward), (output, reward)
        assert reward.verdict == verdict


@pytest.mark.parametrize("source", ["raise ValueError", "import sys; sys.exit(7)", "while True: pass"])
@pytest.mark.parametrize("convention", JUDGES)
async def test_a_judge_that_fails_without_an_answer_file_is_not_judged(
    engine: Engine, convention: str, source: str
) -> None:
    judge = {"source": source, "language": "python", "convention": convention, "limits": {"cpu_seconds": 0.2}}
    reward = await scored(engine, "print(3, 4)", judge, tests=[{"stdin": "7\n"}])
    assert isinstance(reward, NotJudged), reward


async def test_an_answer_file_that_is_no_output_does_not_spare_the_others(engine: Engine) -> None:
    """The judge breaks down over it as well, but in another way."""
    tests = [{"stdin": "7\n", "expected": "2\n"}]
    for output in ("'abc'", "''"):
        reward = await scored(engine, f"print({output})", NO_ANSWER_FILE["python"], tests=tests)
        assert isinstance(reward, Reward), reward
        assert reward.verdict is Verdict.WRONG_ANSWER
    reads_the_answer_first = PARSES.replace("import sys", "import sys\n[_] = open(sys.argv[3])")
    judge = {"source": reads_the_answer_first, "language": "python"}
    reward = await scored(engine, "print(3, 4)", judge, tests=[{"stdin": "7\n", "expected": "1\n2\n"}])
    assert isinstance(reward, NotJudged), reward


async def test_testlibs_own_fault_is_not_the_programs(engine: Engine) -> None:
    # The answer file is wrong: the judge says so, whatever the program printed.
    reward = await scored(engine, "n = int(input()); print(n - 1, 1)", JUDGES["testlib"], tests=[{"stdin": "5"}])
    assert isinstance(reward, NotJudged)


async def test_a_judge_that_does_not_compile_is_wrong_input(engine: Engine) -> None:
    with pytest.raises(BadInput, match=r"^judge.source 'int main.*: does not compile: (?s:.*)missing"):
        await scored(engine, "print(1)", {"source": "int main() { return missing; }"})


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ({}, r"judge.source None: required"),
        ("x", r"judge 'x': expected a map"),
        ({"source": 3}, r"judge.source 3: expected `str`"),
        ({"source": " \n", "language": "python"}, r"judge.source ' \\n': expected a program"),
        ({"source": "", "language": "cobol"}, r"judge.language 'cobol': unknown language"),
        ({"source": "", "convention": "icpc"}, r"judge.convention 'icpc'"),
        ({"source": "x", "files": {"answer.txt": ""}}, r"judge.files 'answer.txt': this name is that of a file"),
        ({"source": "", "checker": "x"}, r"judge.checker 'x': unknown field"),
        ({"source": "", "limits": {"cpu_seconds": 0}}, r"judge.limits.cpu_seconds 0"),
    ],
)
async def test_a_wrong_judge_is_named(engine: Engine, judge: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        await scored(engine, "print(1)", judge)


async def test_a_judge_sees_files_of_its_own_and_the_program_none(engine: Engine) -> None:
    judge = {
        "source": "import table\nimport sys\nsys.exit(0 if open(sys.argv[2]).read().split() == table.right else 1)",
        "language": "python",
        "files": {"table.py": "right = ['1', '2']"},
    }
    reward = await scored(engine, "import os\nprint(1, 2) if os.listdir('.') == ['main.py'] else print(0)", judge)
    assert isinstance(reward, Reward)
    assert reward.verdict is Verdict.ACCEPTED, failure_of(reward)
