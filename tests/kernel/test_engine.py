"""The engine with the real sandbox below it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine import AssertsTest, BadInput, CallTest, Engine, Limits, Program, StdinTest, Verdict
from engine.languages.table import LANGUAGES, sample
from engine.program import MIB
from tests.support.runs import all_runs
from tests.support.runtimes import NewEngine

pytestmark = pytest.mark.kernel

SHORT = Limits(cpu_seconds=0.3)


@pytest_asyncio.fixture
async def engine(new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=2) as engine:
        yield engine


# Those of every machine; tests/rewards/test_languages.py has all.
USUAL = ["python", "c", "cpp", "bash", "javascript"]


@pytest.mark.parametrize("language", USUAL)
async def test_every_language_runs(engine: Engine, language: str) -> None:
    outcome = await engine.run(Program(sample(LANGUAGES[language]), language), b"world\n")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, b"hello world\n", b"")
    assert outcome.verdict is Verdict.ACCEPTED
    assert 0 < outcome.cpu_seconds < 2
    assert (outcome.compile is not None) == (LANGUAGES[language].compile is not None)


async def test_languages_have_versions(engine: Engine) -> None:
    statuses = {status.name: status for status in await engine.languages()}
    assert set(statuses) == set(LANGUAGES)
    for name, status in statuses.items():
        assert (status.problem is None) == bool(status.version)
        assert status.version or name not in USUAL


@pytest.mark.cgroup2
@pytest.mark.parametrize(
    ("source", "limits", "verdict"),
    [
        ("raise SystemExit(3)", Limits(), Verdict.RUNTIME_ERROR),
        ("import os; os.kill(os.getpid(), 6)", Limits(), Verdict.RUNTIME_ERROR),
        ("while True: pass", SHORT, Verdict.TIME_LIMIT),
        ("import time; time.sleep(1e6)", Limits(cpu_seconds=0.2, wall_seconds=0.4), Verdict.TIME_LIMIT),
        ("x = b'1' * (1 << 30)", Limits(memory_bytes=64 * MIB), Verdict.MEMORY_LIMIT),
        ("while True: print('x' * 1000)", Limits(output_bytes=10_000), Verdict.OUTPUT_LIMIT),
        ("print('x' * 9999)", Limits(output_bytes=10_000), Verdict.ACCEPTED),
    ],
)
async def test_verdicts_of_runs(engine: Engine, source: str, limits: Limits, verdict: Verdict) -> None:
    outcome = await engine.run(Program(source), limits=limits)
    assert outcome.verdict is verdict, outcome
    assert engine.stats().verdicts == {verdict.value: 1}


async def test_what_cannot_be_begun_says_why(engine: Engine) -> None:
    outcome = await engine.run_argv(["/usr/bin/not-there"])
    assert outcome.verdict is Verdict.RUNTIME_ERROR
    assert outcome.stderr == b"assay: execve /usr/bin/not-there: No such file or directory (os error 2)\n"
    with pytest.raises(BadInput, match="argv"):
        await engine.run_argv([])


@pytest.mark.cgroup2
async def test_the_programs_world(engine: Engine) -> None:
    source = "import os; print(sorted(os.environ.items())); print(os.getcwd(), os.getuid(), os.listdir('.'))"
    outcome = await engine.run(Program(source, files={"data/x.txt": b"1"}))
    environment, rest = outcome.stdout.decode().splitlines()
    assert set(dict(eval(environment))) == {"PATH", "HOME", "LANG", "TZ", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS"}
    assert rest.startswith("/work 1000 ")
    assert sorted(eval(rest.split(" ", 2)[2])) == ["data", "main.py"]


@pytest.mark.cgroup2
async def test_as_many_files_as_may_be_collected_all_come_back(engine: Engine) -> None:
    names = [f"{'n' * 200}/{'m' * 200}/{number:02}" for number in range(64)]
    source = (
        f"import os\nfor name in {names}:\n"
        "    os.makedirs(os.path.dirname(name), exist_ok=True)\n    open(name, 'w').write(name)"
    )
    outcome = await engine.run(Program(source), collect=names)
    assert outcome.files == {name: name.encode() for name in names}


@pytest.mark.cgroup2
async def test_files_go_in_and_come_out(engine: Engine) -> None:
    source = "import mod; open('out.bin', 'wb').write(bytes(range(256)) + open('d/in', 'rb').read()); mod.f()"
    files = {"mod.py": b"def f(): open('/tmp/second', 'w').write('2')", "d/in": b"\0\xff"}
    outcome = await engine.run(Program(source, files=files), collect=["out.bin", "/tmp/second", "./out.bin", "missing"])
    assert outcome.clean, outcome
    whole = bytes(range(256)) + b"\0\xff"
    assert outcome.files == {"out.bin": whole, "./out.bin": whole, "/tmp/second": b"2"}


async def test_files_up_to_the_disk_limit_are_no_fault(engine: Engine) -> None:
    limits = Limits(disk_bytes=MIB)
    most = MIB - 3 * 4096
    outcome = await engine.run(Program("print(len(open('a', 'rb').read()))", files={"a": bytes(most)}), limits=limits)
    assert outcome.stdout == b"%d\n" % most, outcome
    many = {f"{number // 10}/{number}": b"x" for number in range(80)}
    outcome = await engine.run(Program("print(1)", files=many), limits=limits)
    assert outcome.stdout == b"1\n", outcome
    with pytest.raises(BadInput, match="files"):
        await engine.run(Program("print(1)", files={"a": bytes(MIB)}), limits=limits)
    large = Program("static char a[3 << 20] = {1};\nint main(void) { return a[5]; }", "c")
    outcome = await engine.run(large, limits=limits)
    assert outcome.clean, outcome


@pytest.mark.cgroup2
async def test_streams_can_be_merged(engine: Engine) -> None:
    outcome = await engine.run(Program("echo a; echo b >&2; echo c", "bash"), merge_stderr=True)
    assert (outcome.stdout, outcome.stderr) == (b"a\nb\nc\n", b"")


async def test_a_compile_error_has_diagnostics_and_is_remembered(engine: Engine) -> None:
    program = Program("int main() { return missing; }", "cpp")
    for compiles in (1, 1):
        outcome = await engine.run(program)
        assert outcome.verdict is Verdict.COMPILE_ERROR
        assert outcome.compile is not None
        assert b"missing" in outcome.compile.stderr
        assert outcome.exit_code is None
        assert engine.stats().compiles == compiles
    runs = await all_runs(engine, program, [StdinTest(), StdinTest()])
    assert [run.outcome.verdict for run in runs] == [Verdict.COMPILE_ERROR]


async def test_a_compile_timeout_is_a_compile_error_and_not_remembered(engine: Engine) -> None:
    program = Program('#include "/dev/zero"\nint main;', "c")
    limits = Limits(cpu_seconds=0.2, wall_seconds=0.5, memory_bytes=2048 * MIB)
    for compiles in (1, 2):
        outcome = await engine.run(program, compile_limits=limits)
        assert outcome.verdict is Verdict.COMPILE_ERROR
        assert engine.stats().compiles == compiles


async def test_diagnostics_are_capped(engine: Engine) -> None:
    program = Program('#include "main.c"\n#include "main.c"\nint main;', "c")
    outcome = await engine.run(program)
    assert outcome.compile is not None
    assert outcome.verdict is Verdict.COMPILE_ERROR
    assert len(outcome.compile.stderr) <= 64 << 10


async def test_one_program_compiles_once_for_many_requests(engine: Engine) -> None:
    program = Program(sample(LANGUAGES["cpp"]), "cpp")
    outcomes = await asyncio.gather(*(engine.run(program, b"%d" % number) for number in range(12)))
    assert [outcome.stdout for outcome in outcomes] == [b"hello %d\n" % number for number in range(12)]
    stats = engine.stats()
    assert (stats.compiles, stats.compiles_spared) == (1, 11)


async def test_tests_run_in_new_surroundings_and_stop_at_the_first_failure(engine: Engine) -> None:
    source = "import os\nprint(os.path.exists('/tmp/x'), input())\nopen('/tmp/x', 'w')"
    runs = await all_runs(engine, Program(source), [StdinTest(b"%d\n" % number) for number in range(3)])
    assert [run.outcome.stdout for run in runs] == [b"False 0\n", b"False 1\n", b"False 2\n"]
    ran = engine.stats().runs
    seen: list[bytes] = []
    async with contextlib.aclosing(engine.tests(Program(source), [StdinTest(b"%d\n" % n) for n in range(3)])) as some:
        async for run in some:
            seen.append(run.outcome.stdout)
            if b"1" in run.outcome.stdout:
                break
    assert seen == [b"False 0\n", b"False 1\n"]
    # The third may have run ahead; it was ended, and its slot is free a moment later.
    assert engine.stats().runs - ran in (2, 3)
    stats = engine.stats()
    for _ in range(500):
        stats = engine.stats()
        if not stats.running:
            break
        await asyncio.sleep(0.01)
    assert (stats.running, stats.queued, stats.bytes_held) == (0, 0, 0)


@pytest.mark.cgroup2
async def test_function_calls(engine: Engine) -> None:
    program = Program(
        "def f(*a): return [a, {1: {2.5}}, b'x']\n"
        "def g(): raise KeyError(1)\n"
        "class Solution:\n"
        "    def h(self, x): return x\n"
    )
    runs = await all_runs(
        engine,
        program,
        [CallTest("f", [1, "x"]), CallTest("g"), CallTest("missing"), CallTest("Solution.h", [[None]])],
    )
    assert runs[0].returned == [(1, "x"), {1: {2.5}}, b"x"]
    assert (runs[1].returned, runs[1].problem) == (msgspec.UNSET, "raised KeyError: 1")
    assert runs[1].outcome.verdict is Verdict.RUNTIME_ERROR
    assert runs[2].problem == "raised NameError: name 'missing' is not defined"
    assert runs[3].returned == [None]


async def test_large_arguments_and_answers(engine: Engine) -> None:
    value = list(range(60_000))
    limits = Limits(output_bytes=4 * MIB)
    [run] = await all_runs(engine, Program("def f(x): return x"), [CallTest("f", [value])], limits)
    assert run.returned == value
    [run] = await all_runs(engine, Program("def f(): return 'x' * (16 << 20)"), [CallTest("f")], limits)
    assert run.returned is msgspec.UNSET
    assert run.outcome.verdict is Verdict.OUTPUT_LIMIT


CHEATS = [
    "import os; os._exit(0)",
    "import sys; sys.exit(0)",
    "import os; os.write(4, b'+' * 33); os._exit(0)",
    "import builtins; builtins.AssertionError = None\nadd = None",
    "class T:\n    def __eq__(s, o): return True\ndef add(a, b): return T()",
]


@pytest.mark.cgroup2
async def test_calls_and_asserts_are_not_passed_by_leaving(engine: Engine) -> None:
    for source in CHEATS:
        call, asserts = await all_runs(
            engine, Program(source), [CallTest("add", [1, 2]), AssertsTest("assert type(add(1, 2)) is int")]
        )
        assert call.returned is msgspec.UNSET, source
        assert not asserts.finished, source
        assert call.problem is not None
        assert asserts.problem is not None


async def test_asserts(engine: Engine) -> None:
    program = Program("def add(a, b): return a + b")
    right, wrong = await all_runs(
        engine, program, [AssertsTest("assert add(1, 2) == 3"), AssertsTest("assert add(1, 2) == 4, 'no'")]
    )
    assert right.finished
    assert (wrong.finished, wrong.problem) == (False, "raised AssertionError: no")
    assert wrong.outcome.verdict is Verdict.RUNTIME_ERROR


async def test_bad_input_is_refused_before_anything_runs(engine: Engine) -> None:
    wrong: list[tuple[str, Any]] = [
        ("language", engine.run(Program("1", "cobol"))),
        ("source", engine.run(Program("'\ud800'"))),
        ("files", engine.run(Program("1", files={"../x": b""}))),
        ("files", engine.run(Program("1", files={"main.py": b""}))),
        ("collect", engine.run(Program("1"), collect=["../x"])),
        ("limits.cpu_seconds", engine.run(Program("1"), limits=Limits(cpu_seconds=1e6))),
        ("compile_limits.memory_bytes", engine.run(Program("1"), compile_limits=Limits(memory_bytes=1 << 60))),
        ("deadline_seconds", engine.run(Program("1"), deadline_seconds=float("nan"))),
        ("tests[1].call", all_runs(engine, Program("1"), [StdinTest(), CallTest("a b")])),
    ]
    for field, asked in wrong:
        with pytest.raises(BadInput) as caught:
            await asked
        assert caught.value.field == field
    assert engine.stats().runs == 0
