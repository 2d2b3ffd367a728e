"""Interactive judges: they talk with the program, each of the two in a slot of its own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from engine import BadInput, Engine, Verdict
from engine.languages.table import LANGUAGES
from rewards import CodeReward, NotJudged, Reward
from tests.support.evidence import code_evidence, failure_of
from tests.support.runtimes import NewEngine

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.crun_is_soak("who is right is decided above the runtime; test_dialogues has crun's part"),
    pytest.mark.asyncio(loop_scope="module"),
]

# Guess a number of at most 1000 in ten questions.
GUESS_CPP = """
#include <fstream>
#include <iostream>
#include <string>
int main(int argc, char **argv) {
    std::ifstream input(argv[1]), answer(argv[3]);
    std::ofstream output(argv[2]);
    int secret, right, guess;
    if (argc != 4 || !(input >> secret)) return 3;
    if (!(answer >> right) || right != secret) { std::cerr << "the answer file is wrong"; return 3; }
    for (int asked = 0; asked < 10; asked++) {
        if (!(std::cin >> guess)) { std::cerr << "no guess " << asked + 1; return 2; }
        output << guess << '\\n';
        std::cout << (guess == secret ? "=" : guess < secret ? ">" : "<") << std::endl;
        if (guess == secret) return 0;
    }
    std::cerr << "too many questions";
    return 1;
}
"""
GUESS_PYTHON = """
import sys
secret = int(open(sys.argv[1]).read())
for asked in range(10):
    line = sys.stdin.readline()
    if not line.strip().isdigit():
        print("no guess", asked + 1, file=sys.stderr)
        sys.exit(2)
    guess = int(line)
    print("=" if guess == secret else ">" if guess < secret else "<", flush=True)
    if guess == secret:
        sys.exit(0)
print("too many questions", file=sys.stderr)
sys.exit(1)
"""
JUDGES: dict[str, dict[str, Any]] = {
    "cpp": {"source": GUESS_CPP, "language": "c++17", "interactive": True},
    "python": {"source": GUESS_PYTHON, "language": "python", "interactive": True},
}
TESTS = [{"stdin": f"{secret}\n", "expected": f"{secret}\n"} for secret in (1, 618, 1000)]
# What a bad program costs at most, so that a deadlock is over soon.
LIMITS = {"cpu_seconds": 1, "wall_seconds": 1.5}

HALVES = """
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "=":
        break
    if said == ">":
        low = middle + 1
    else:
        high = middle - 1
"""
HALVES_CPP = """
#include <iostream>
#include <string>
int main() {
    int low = 1, high = 1000;
    std::string said;
    do {
        int middle = (low + high) / 2;
        std::cout << middle << std::endl;
        std::cin >> said;
        (said == ">" ? low : high) = said == ">" ? middle + 1 : middle - 1;
    } while (said != "=");
}
"""


def talking(source: str, **more: Any) -> dict[str, Any]:
    """A judge in Python that is not the one under test."""
    return {"source": f"import sys, time\n{source}", "language": "python", "interactive": True, **more}


async def scored(engine: Engine, program: str, judge: dict[str, Any], **more: Any) -> Reward | NotJudged:
    language = more.get("language", "python")
    item = {"kind": "code", "completion": f"```{language}\n{program}\n```", "tests": TESTS, "judge": judge}
    return await CodeReward(engine).score({**item, "limits": LIMITS, **more})


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        pytest.param(HALVES, Verdict.ACCEPTED, id="right"),
        pytest.param(HALVES + "print('bye', flush=True)\nprint('bye')", Verdict.ACCEPTED, id="says more afterwards"),
        pytest.param("for n in range(999, 0, -1): print(n, flush=True); input()", Verdict.WRONG_ANSWER, id="too many"),
        pytest.param("print('what?', flush=True); input()", Verdict.WRONG_ANSWER, id="nonsense"),
        pytest.param("while True: print('x' * 100)", Verdict.WRONG_ANSWER, id="flood of nonsense"),
        pytest.param("pass", Verdict.WRONG_ANSWER, id="quits at once"),
        pytest.param("print(500, flush=True); print(input())", Verdict.WRONG_ANSWER, id="quits early"),
        pytest.param("print(500, flush=True); 1 / 0", Verdict.RUNTIME_ERROR, id="crashes"),
        pytest.param("raise SystemExit(3)", Verdict.RUNTIME_ERROR, id="exit code"),
        pytest.param(HALVES + "raise SystemExit(3)", Verdict.RUNTIME_ERROR, id="exit code after a right answer"),
        pytest.param("import os; os.abort()", Verdict.RUNTIME_ERROR, id="signal"),
        pytest.param("input()", Verdict.TIME_LIMIT, id="each waits for the other"),
        pytest.param("import sys; sys.stdout.write('500\\n'); sys.stdin.readline()", Verdict.TIME_LIMIT, id="no flush"),
        pytest.param("print(500, flush=True)\nwhile True: pass", Verdict.TIME_LIMIT, id="spins"),
        pytest.param("x = []\nwhile True: x.append('y' * 10**6)", Verdict.MEMORY_LIMIT, id="memory"),
        pytest.param("def", Verdict.RUNTIME_ERROR, id="no Python"),
    ],
)
async def test_whoever_goes_wrong_first_decides(engine: Engine, judge: str, program: str, verdict: Verdict) -> None:
    reward = await scored(engine, program, JUDGES[judge])
    assert isinstance(reward, Reward), reward
    assert (reward.verdict, reward.reward) == (verdict, float(verdict is Verdict.ACCEPTED)), reward.evidence


async def test_a_compiled_program_talks_too(engine: Engine) -> None:
    for judge in JUDGES.values():
        reward = await scored(engine, HALVES_CPP, judge, language="cpp")
        assert isinstance(reward, Reward)
        assert (reward.verdict, len(code_evidence(reward).tests)) == (Verdict.ACCEPTED, 3)
    reward = await scored(engine, "int main() { return missing; }", JUDGES["cpp"], language="cpp")
    assert isinstance(reward, Reward)
    assert reward.verdict is Verdict.COMPILE_ERROR


async def test_what_was_said_is_kept(engine: Engine) -> None:
    failure = failure_of(await scored(engine, "print(7, flush=True); input(); print('x')", JUDGES["cpp"]))
    assert (failure.test, failure.expected, failure.got) == (0, "1\n", "7\nx\n")
    assert failure.problem == "the judge: no guess 2"


async def test_a_share_of_tests(engine: Engine) -> None:
    first_is_right = "print(1, flush=True)\nif input() != '=': print('x')"
    reward = await scored(engine, first_is_right, JUDGES["cpp"], reward="fraction")
    assert isinstance(reward, Reward)
    assert reward.reward == pytest.approx(1 / 3)
    assert [facts.verdict for facts in code_evidence(reward).tests] == ["ACCEPTED", "WRONG_ANSWER", "WRONG_ANSWER"]


# It never asks how many questions there were.
PATIENT = talking("secret = int(open(sys.argv[1]).read())\nfor line in sys.stdin: print(line, end='', flush=True)")


async def test_a_flood_is_past_the_programs_own_limit(engine: Engine) -> None:
    limits = {"cpu_seconds": 10, "output_bytes": 100_000}
    unread = "while True: print('x' * 50)"
    read = "while True: print('x' * 50, flush=True); input()"
    reward = await scored(engine, read, PATIENT, limits=limits)
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.OUTPUT_LIMIT
    # Once all that lies between them is full, each waits until the other reads.
    reward = await scored(engine, unread, PATIENT, limits=limits | {"wall_seconds": 1, "output_bytes": 2**23})
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.TIME_LIMIT


async def test_much_is_said_both_ways_and_nothing_is_lost(engine: Engine) -> None:
    judge = talking(
        "import hashlib\n"
        "sys.stdout.write('y' * 300_000 + '\\n'); sys.stdout.flush()\n"
        "heard = sys.stdin.readline()\n"
        "sys.exit(0 if heard == 'x' * 700_000 + '\\n' and sys.stdin.read() == 'z' * 200_000 else 1)"
    )
    program = "heard = input()\nassert heard == 'y' * 300_000\nprint('x' * 700_000)\nprint('z' * 200_000, end='')"
    reward = await scored(engine, program, judge)
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.ACCEPTED, reward.evidence


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("raise RuntimeError('broken')", id="exception"),
        pytest.param("sys.exit(3)", id="fail"),
        pytest.param("sys.stdin.readline(); sys.exit(7)", id="points"),
        pytest.param("sys.stdin.readline(); sys.exit(20)", id="more points"),
        pytest.param("while True: pass", id="loop"),
        pytest.param("import os; os.kill(os.getpid(), 11)", id="signal"),
        pytest.param("x = []\nwhile True: x.append('y' * 10**6)", id="memory"),
        pytest.param("print('=', flush=True)\nwhile True: print('=' * 100)", id="flood"),
    ],
)
@pytest.mark.parametrize("program", [HALVES, "print(1, flush=True); import time; time.sleep(60)", "pass"])
async def test_a_judge_that_fails_is_not_judged(engine: Engine, source: str, program: str) -> None:
    judge = talking(source, limits={"cpu_seconds": 0.5, "memory_bytes": 2**26, "output_bytes": 10_000})
    limits = {"cpu_seconds": 1, "wall_seconds": 6}
    reward = await scored(engine, program, judge, limits=limits, tests=TESTS[:1])
    assert isinstance(reward, NotJudged), reward
    assert reward.reason.startswith("the judge failed"), reward


async def test_no_words_buy_that_nobody_judges_them(engine: Engine) -> None:
    careless = talking(
        "table = [0] * 10\n"
        "line = sys.stdin.readline()\n"
        "if not line: sys.exit(1)\n"
        "n = int(line)\n"
        "if n < 0:\n"
        "    while True: pass\n"
        "print(table[n], flush=True)",
        limits={"cpu_seconds": 0.5},
    )
    for words in ("'x'", "99", "-1"):
        reward = await scored(engine, f"print({words}, flush=True); input()", careless, limits={"wall_seconds": 6})
        assert isinstance(reward, Reward), reward
        assert reward.verdict is Verdict.WRONG_ANSWER
        assert "the judge broke down over this dialogue" in str(failure_of(reward).problem)
    listening = talking("input(); input()")
    reward = await scored(engine, "print(1)", listening)
    assert isinstance(reward, Reward), reward
    assert failure_of(reward).problem == "the judge: the program ended while the judge still listened"


# Each reads as one does who expects numbers, and breaks down over all else, the end of the input too.
CARELESS = {
    "python": "int(input())",
    "python, by lines": "import sys\nfor line in iter(sys.stdin.readline, None): low, high = line.split()",
    "cpp": "#include <iostream>\nint main() { std::string s; std::cin >> s; return std::stoi(s) - 7; }",
    "perl": "<STDIN> =~ /^[0-9]+$/ or die 'x'",
    "javascript": "require('fs').readFileSync(0); throw Error('x')",
    "rust": "fn main() { std::io::stdin().lines().next().unwrap().unwrap().parse::<u64>().unwrap(); }",
}


@pytest.mark.crun_is_soak
@pytest.mark.parametrize("judge", CARELESS)
async def test_no_program_escapes_a_judge_that_breaks_down_at_the_end_of_the_input(engine: Engine, judge: str) -> None:
    language = judge.partition(",")[0]
    problem = LANGUAGES[language].problem()
    if problem is not None:
        pytest.skip(problem)
    careless = {"source": CARELESS[judge], "language": language, "interactive": True}
    for program in ("print('abc')", "print('9' * 5000 + 'x')", "pass"):
        reward = await scored(engine, program, careless, tests=TESTS[:1])
        assert isinstance(reward, Reward), (program, reward)
        assert reward.verdict is Verdict.WRONG_ANSWER


async def test_no_program_escapes_a_judge_of_another_language_by_ending(engine: Engine) -> None:
    """Its error at the end of the input is like any other; one before that end is the judge's own fault."""
    problem = LANGUAGES["perl"].problem()
    if problem is not None:
        pytest.skip(problem)
    judge = {"source": "$_ = <STDIN>; sleep 1; $_ = <STDIN> // die 'x';", "language": "perl", "interactive": True}
    reward = await scored(engine, "print(1)", judge)
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.WRONG_ANSWER
    broken = await scored(engine, "import time; time.sleep(2)", {**judge, "source": "$! = 1; die 'x'"})
    assert isinstance(broken, NotJudged), broken


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("input()", id="an exception at the end of input"),
        pytest.param("line = sys.stdin.readline()\nif line: int(line)\nelse: sys.exit(1)", id="a careless one"),
        pytest.param("sys.stdin.readline(); sys.exit(7)", id="points"),
    ],
)
@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("print('x', flush=True); 1 / 0", Verdict.RUNTIME_ERROR),
        ("import time; time.sleep(60)", Verdict.TIME_LIMIT),
    ],
)
async def test_the_end_of_a_program_is_its_own_whatever_a_sound_judge_says_then(
    engine: Engine, source: str, program: str, verdict: Verdict
) -> None:
    # It hears what was said only after the program's end.
    judge = talking(f"time.sleep(0.5)\n{source}")
    reward = await scored(engine, program, judge)
    assert isinstance(reward, Reward), reward
    assert reward.verdict is verdict


async def test_a_program_that_a_broken_judge_has_led_astray_is_not_judged(engine: Engine) -> None:
    judge = talking("print('oops', flush=True); time.sleep(0.5); raise RuntimeError")
    reward = await scored(engine, HALVES + "print(1 / 0)", judge, tests=TESTS[:1])
    assert isinstance(reward, NotJudged), reward
    sleeps = talking("time.sleep(60)", limits={"wall_seconds": 1})
    reward = await scored(engine, HALVES, sleeps, tests=TESTS[:1])
    assert isinstance(reward, NotJudged), reward


async def test_a_judge_that_has_said_no_is_not_kept_waiting(engine: Engine) -> None:
    began = time.monotonic()
    reward = await scored(engine, "import time\nprint('x', flush=True)\ntime.sleep(60)", JUDGES["cpp"], limits={})
    assert isinstance(reward, Reward)
    assert reward.verdict is Verdict.WRONG_ANSWER
    assert time.monotonic() - began < 20


async def test_the_judges_work_is_not_the_programs_time(engine: Engine) -> None:
    judge = talking(
        "until = time.process_time() + 1.2\n"
        "while time.process_time() < until: pass\n"
        "print('go', flush=True)\n"
        "sys.exit(0 if sys.stdin.readline() == 'went\\n' else 1)"
    )
    # Less than the judge works, but by little: what the machine's host takes from it is counted.
    limits = {"cpu_seconds": 1, "wall_seconds": 1.1}
    reward = await scored(engine, "input(); print('went')", judge, limits=limits, tests=TESTS[:1])
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.ACCEPTED, reward.evidence
    # Its sleep is, for nobody can tell it from a wait for the program.
    asleep = await scored(engine, "input(); print('went')", talking("time.sleep(3)"), limits=limits, tests=TESTS[:1])
    assert isinstance(asleep, Reward)
    assert asleep.verdict is Verdict.TIME_LIMIT


REACHES = """
import os, signal, sys
found = []
for name in ("0", "1"):
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY):
        try:
            os.close(os.open(f"/proc/self/fd/{name}", flags | os.O_NONBLOCK))
            found.append((name, flags))
        except OSError:
            pass
# Its own stdin for reading and its own stdout as it likes: nothing of the judge's.
assert {flags for name, flags in found if name == "0"} == {os.O_RDONLY}, found
assert all(pid == str(os.getpid()) or pid == "1" for pid in os.listdir("/proc") if pid.isdigit())
assert not os.path.exists("input.txt") and not os.path.exists("/work/answer.txt")
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
"""


async def test_a_program_reaches_nothing_of_its_judge(engine: Engine) -> None:
    reward = await scored(engine, REACHES + HALVES, JUDGES["cpp"])
    assert isinstance(reward, Reward)
    assert reward.verdict is Verdict.ACCEPTED, reward.evidence


async def test_streams_that_are_opened_again_still_talk(engine: Engine) -> None:
    again = "import sys\nsys.stdin = open('/dev/stdin')\nsys.stdout = open('/dev/stdout', 'w')\n"
    reward = await scored(engine, again + HALVES, JUDGES["cpp"])
    assert isinstance(reward, Reward)
    assert reward.verdict is Verdict.ACCEPTED, reward.evidence


@pytest.mark.parametrize("closed", ["os.close(0); time.sleep(60)", "os.close(1); time.sleep(60)"])
async def test_who_closes_a_stream_and_stays_is_out_of_time(engine: Engine, closed: str) -> None:
    reward = await scored(engine, f"import os, time\nprint(500, flush=True)\n{closed}", JUDGES["cpp"])
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.TIME_LIMIT


async def test_an_end_that_is_kept_open_by_nobody_alive_is_an_end(engine: Engine) -> None:
    # The write end travels in a socket that only its own other end refers to.
    hidden = (
        "import array, socket\n"
        "a, b = socket.socketpair()\n"
        "fds = array.array('i', [1, a.fileno(), b.fileno()])\n"
        "a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])\n"
        "print(500, flush=True)\n"
    )
    began = time.monotonic()
    reward = await scored(engine, hidden, JUDGES["cpp"], limits={})
    assert isinstance(reward, Reward), reward
    assert reward.verdict is Verdict.WRONG_ANSWER
    assert failure_of(reward).problem == "the judge: no guess 2"
    assert time.monotonic() - began < 10


async def test_many_at_once_in_few_slots(new_engine: NewEngine) -> None:
    async with new_engine(slots=3) as engine:
        programs = [HALVES, "print('x', flush=True)", "1 / 0", HALVES, "input()"] * 6
        rewards = await asyncio.wait_for(
            asyncio.gather(*(scored(engine, program, JUDGES["cpp"], limits=LIMITS) for program in programs)), 100
        )
        verdicts = [reward.verdict for reward in rewards if isinstance(reward, Reward)]
        expected = [Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR, Verdict.ACCEPTED, Verdict.TIME_LIMIT]
        assert verdicts == expected * 6
        stats = engine.stats()
        assert (stats.running, stats.queued, stats.bytes_held) == (0, 0, 0)


async def test_one_slot_is_too_few_and_says_so(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        reward = await asyncio.wait_for(scored(engine, HALVES, JUDGES["python"]), 30)
        assert reward == NotJudged("2 programs have to run at once, and the slots here are 1")
        assert engine.stats().running == 0


async def test_cancelled_midway_nothing_stays(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        for delay in (0.0, 0.01, 0.05, 0.2, 0.4):
            waits = scored(engine, "input()", JUDGES["python"], limits={"wall_seconds": 60})
            task = asyncio.create_task(waits)
            await asyncio.sleep(delay)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        for _ in range(500):
            stats = engine.stats()
            if (stats.running, stats.queued, stats.bytes_held) == (0, 0, 0):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail(f"not idle: {engine.stats()}")
        reward = await scored(engine, HALVES, JUDGES["python"])
        assert isinstance(reward, Reward)
        assert reward.reward == 1.0


async def test_a_closing_engine_is_not_judged(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        task = asyncio.create_task(scored(engine, "input()", JUDGES["python"], limits={"wall_seconds": 60}))
        await asyncio.sleep(0.5)
    assert isinstance(await task, NotJudged)


@pytest.mark.parametrize(
    ("judge", "more", "message"),
    [
        ({"source": "int main() { return missing; }", "interactive": True}, {}, r"^judge.source 'int main.*: does not"),
        ({**JUDGES["cpp"], "convention": "scalebox"}, {}, r"judge.convention 'scalebox': an interactive judge"),
        ({**JUDGES["cpp"], "interactive": "yes"}, {}, r"judge.interactive 'yes': expected `bool`"),
        ({**JUDGES["cpp"], "files": {"input.txt": ""}}, {}, r"judge.files 'input.txt': this name is that of a file"),
        ({**JUDGES["cpp"], "limits": {"memory_bytes": 2**60}}, {}, r"judge.limits.memory_bytes"),
        (
            JUDGES["cpp"],
            {"tests": [{"call": "f", "arguments": [], "expected": 1}]},
            r"tests\[0\] .*: the judge is inter",
        ),
    ],
)
async def test_what_is_wrong_is_named(engine: Engine, judge: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        await scored(engine, HALVES, judge, **more)
