"""The drivers, run by a plain interpreter with pipes where the sandbox has them."""

from __future__ import annotations

import os
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from engine.harness.channel import answer_of, call_of
from engine.harness.kinds import AssertsTest, CallTest, Test, TestRun
from engine.languages.table import LANGUAGES
from engine.program import Outcome

PYTHON = "/usr/bin/python3"


def run(directory: Path, source: str, test: Test) -> TestRun:
    """What the sandbox would make of it, without one."""
    call = call_of(test, LANGUAGES["python"], "tests[0]")
    assert call.driver
    assert call.channel is not None
    (directory / "main.py").write_text(source, errors="surrogatepass")
    place = directory / "drivers"
    place.mkdir(exist_ok=True)
    driver = place / "driver.py"
    driver.write_text(call.driver.decode().replace("/work", str(directory)))
    question, to_driver = os.pipe()
    from_driver, answer = os.pipe()
    # The child's descriptors 3 and 4 are arranged by a shell, so that none of ours has to be there.
    command = f'exec 3<&{question} 4>&{answer}; exec {PYTHON} -s "$0"'
    process = subprocess.Popen(
        ["/bin/bash", "-c", command, str(driver)],
        pass_fds=(question, answer),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=directory,
        env={"PYTHONHASHSEED": "0"},
    )
    os.close(question)
    os.close(answer)
    ask = threading.Thread(target=_write_all, args=(to_driver, call.channel))
    ask.start()
    pieces: list[bytes] = []
    hear = threading.Thread(target=_read_all, args=(from_driver, pieces))
    hear.start()
    stdout, stderr = process.communicate(timeout=30)
    ask.join()
    hear.join()
    code = process.returncode
    outcome = Outcome(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        stdout=stdout,
        stderr=stderr,
        channel=b"".join(pieces),
    )
    return answer_of(test, call, outcome)


def _write_all(fd: int, data: bytes) -> None:
    with os.fdopen(fd, "wb") as pipe:
        try:
            pipe.write(data)
        except BrokenPipeError:
            return


def _read_all(fd: int, pieces: list[bytes]) -> None:
    with os.fdopen(fd, "rb") as pipe:
        pieces.append(pipe.read())


@pytest.mark.parametrize(
    ("source", "call", "arguments", "returned"),
    [
        ("def add(a, b): return a + b", "add", [1, 2], 3),
        ("def f(x): return x", "f", [{"a": [1, (2, 3)], 4: {5}, "ü\ud800": b"\xff"}], None),
        ("def f(x): return x", "f", [[float("inf"), 1 << 3000, -1.5, 2 + 3j, None, True]], None),
        ("class Solution:\n    def two(self, xs): return len(xs)", "Solution.two", [[1, 2]], 2),
        ("class S:\n    @staticmethod\n    def f(): return 1", "S.f", [], 1),
        ("async def f(x):\n    import asyncio\n    await asyncio.sleep(0)\n    return x", "f", [5], 5),
        ("f = lambda: 1 if __name__ == '__main__' else 2", "f", [], 2),
        ("import main\ndef f(): return main.f is f", "f", [], True),
        ("from other import g as f", "f", [], 9),
        ("def f():\n    print('noise', end='')\n    return 1", "f", [], 1),
        ("def f(x):\n    x.append(1)\n    return x", "f", [[]], [1]),
        ("# coding: latin-1\ndef f(): return 'x'", "f", [], "x"),
        ("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\ndef f(): return P(3).x", "f", [], 3),
        ("def f(): return 'x' * 3_000_000", "f", [], "x" * 3_000_000),
        ("def f(x): return len(x)", "f", ["y" * 3_000_000], 3_000_000),
        ("import sys\ndef f():\n    sys.setrecursionlimit(10**6)\n    return 1", "f", [], 1),
        ("from fractions import Fraction as Q\ndef f(): return [Q(1, 3), Q(4, 2)]", "f", [], [Fraction(1, 3), 2]),
        ("from decimal import Decimal as D\ndef f(): return D('0.5'), D('1E+2')", "f", [], (Fraction(1, 2), 100)),
        ("import sys\ndef f(): return {'fractions', 'decimal', 'numpy'} & sys.modules.keys()", "f", [], set()),
        ("def f(x): return {x: {x}}", "f", [(1, frozenset({2}))], {(1, frozenset({2})): {(1, frozenset({2}))}}),
    ],
)
def test_a_call_returns(tmp_path: Path, source: str, call: str, arguments: list[object], returned: object) -> None:
    (tmp_path / "other.py").write_text("def g(): return 9")
    run_of_it = run(tmp_path, source, CallTest(call, arguments))
    assert run_of_it.problem is None, run_of_it
    assert run_of_it.returned == (arguments[0] if returned is None else returned)


FORGED_BEFORE = """
import os
frame = b'{"returned":1}'
def f():
    os.write(4, len(frame).to_bytes(4, "big") + frame)
    return 2
"""


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def f(): raise ValueError('no')", "raised ValueError: no"),
        ("def f(: pass", "raised SyntaxError: "),
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("def g(): pass", "raised NameError: name 'f' is not defined"),
        ("f = 3", "raised TypeError: 'int' object is not callable"),
        ("def f(x): pass", "raised TypeError: f() missing 1 required positional argument: 'x'"),
        ("def f(): return f()", "raised RecursionError: "),
        ("class E(Exception):\n    def __str__(self): raise E\ndef f(): raise E", "raised E"),
        (
            "from decimal import Decimal\ndef f(): return Decimal('1E+999999999')",
            "the returned value cannot cross: a Decimal of more than 4300 digits",
        ),
        ("def f(): return object()", "the returned value cannot cross: <class 'object'>"),
        ("def f(): return (i for i in 'ab')", "the returned value cannot cross: <class 'generator'>"),
        (
            "def f():\n    x = []\n    x.append(x)\n    return x",
            "the returned value cannot cross: nested deeper than 200",
        ),
        (
            "class T:\n    def __eq__(s, o): return True\ndef f(): return [T()]",
            "the returned value cannot cross: <class 'main.T'>",
        ),
        ("import sys; sys.exit(0)", "no answer on the channel"),
        ("import os; os._exit(0)", "no answer on the channel"),
        ("def f(): raise SystemExit(0)", "no answer on the channel"),
        ("import os\ndef f(): os._exit(0)", "no answer on the channel"),
        ("import os\ndef f(): os.kill(os.getpid(), 9)", "no answer on the channel"),
        ("class B(BaseException): pass\ndef f(): raise B", "no answer on the channel"),
        ("import os; os.close(4)\ndef f(): return 1", "no answer on the channel"),
        (FORGED_BEFORE, "the channel holds something else than one whole answer"),
        (
            "import os\nos.write(4, b'{\"returned\":1}')\ndef f(): return 1",
            "the channel holds something else than one whole answer",
        ),
        ("import os\nos.write(4, b'\\0\\0')\nos._exit(0)", "the channel holds something else than one whole answer"),
        ("print('{\"returned\":3}')\nimport sys; sys.exit(0)", "no answer on the channel"),
    ],
)
def test_a_call_that_does_not_return_has_a_problem(tmp_path: Path, source: str, problem: str) -> None:
    result = run(tmp_path, source, CallTest("f", []))
    assert result.returned is msgspec.UNSET
    assert result.problem is not None
    assert result.problem.startswith(problem), result
    if problem.startswith("raised"):
        assert result.outcome.exit_code == 1
        assert b"Traceback" in result.outcome.stderr or b"SyntaxError" in result.outcome.stderr


PATCHED = """
import builtins, json, marshal, os, sys
real = vars(builtins)
for name in list(real):
    if name not in ("__build_class__", "__import__", "__name__", "__spec__", "__doc__", "__loader__"):
        real[name] = None
json.dumps = json.loads = marshal.loads = os.write = os._exit = None
sys.stdout = sys.stderr = None
sys.modules.clear()
def f(x): return x
"""


def test_patched_builtins_and_modules_do_not_matter(tmp_path: Path) -> None:
    assert run(tmp_path, PATCHED, CallTest("f", [[1, "x", 2.5, {3}]])).returned == [1, "x", 2.5, {3}]


@pytest.mark.parametrize("line", ["sys.stdout.close()", "sys.stdout = None", "os.fork()"])
def test_odd_but_right_programs_return(tmp_path: Path, line: str) -> None:
    result = run(tmp_path, f"import os, sys\n{line}\ndef f(): return 1", CallTest("f", []))
    assert (result.outcome.exit_code, result.returned) == (0, 1)


def test_what_was_printed_comes_out(tmp_path: Path) -> None:
    result = run(tmp_path, "def f():\n    print('hello')\n    return 1", CallTest("f", []))
    assert (result.outcome.stdout, result.returned) == (b"hello\n", 1)


HUMAN_EVAL = "METADATA = {}\n\ndef check(candidate):\n    assert candidate(2) == 3\n    assert candidate(3) == 4\n"


@pytest.mark.parametrize(
    ("source", "asserts"),
    [
        ("def add(a, b): return a + b", "assert add(1, 2) == 3"),
        ("def inc(n): return n + 1", HUMAN_EVAL + "\ncheck(inc)\n"),
        ("def inc(n): print(n)\nif __name__ == '__main__': raise SystemExit", "assert inc(1) is None"),
        ("x = 1", ""),
        ("import builtins\nbuiltins.len = None\nbuiltins.print = None", "assert True"),
        ("import os\nos.fork()", "assert True"),
        ("import sys\nsys.stdout.close()", "assert True"),
    ],
)
def test_asserts_that_hold_are_finished(tmp_path: Path, source: str, asserts: str) -> None:
    result = run(tmp_path, source, AssertsTest(asserts))
    assert result.finished, result
    assert result.problem is None


@pytest.mark.parametrize(
    ("source", "asserts", "problem"),
    [
        ("def f(): return 1", "assert f() == 2, 'two'", "raised AssertionError: two"),
        ("def f(): return 1", "assert f(", "raised SyntaxError"),
        ("def inc(n): return None", HUMAN_EVAL + "\ncheck(inc)\n", "raised AssertionError"),
        ("1 / 0", "assert True", "raised ZeroDivisionError"),
        ("import sys; sys.exit(0)", "assert False", "the program ended before its asserts did"),
        ("import os; os._exit(0)", "assert False", "the program ended before its asserts did"),
        ("import sys\ndef f(): sys.exit(0)", "assert f() == 1", "the program ended before its asserts did"),
        ("import os\ndef f(): os._exit(0)", "assert f() == 1", "the program ended before its asserts did"),
        ("import os; os.write(4, b'+' + b'0' * 32); os._exit(0)", "", "raised OSError"),
        ("import os; os.write(4, b'+')", "", "raised OSError"),
        ("import os; os.close(4)", "assert True", "raised OSError"),
        ("class B(BaseException): pass\ndef f(): raise B", "f()", "the program ended before its asserts did"),
    ],
)
def test_asserts_that_do_not_end_well_are_not_finished(tmp_path: Path, source: str, asserts: str, problem: str) -> None:
    result = run(tmp_path, source, AssertsTest(asserts))
    assert not result.finished
    assert result.problem is not None
    assert result.problem.startswith(problem), result


@pytest.mark.parametrize(
    ("source", "asserts", "problem"),
    [
        ("def f(): return 1", "assert f() == 1", None),
        ("def f(): return 1", "assert helper(f()) == 2", None),
        ("def f(): return 1", "assert f() == 2, 'two'", "raised AssertionError: two"),
        ("import os; os._exit(0)", "assert False", "the program ended before its asserts did"),
        ("import os; os.write(4, b'~' + b'0' * 32); os._exit(0)", "", "the program ended before its asserts did"),
        ("import os; os.write(4, b'?'); os._exit(0)", "", "the program ended before its asserts did"),
        ("import os; os.close(4)", "assert True", "the program ended before its asserts did"),
    ],
)
def test_asserts_in_the_programs_process(tmp_path: Path, source: str, asserts: str, problem: str | None) -> None:
    result = run(tmp_path, source, AssertsTest(asserts, "def helper(n): return n + 1", in_process=True))
    assert (result.finished, result.uses) == (problem is None, None)
    assert str(result.problem).startswith(str(problem)), result


def test_a_run_ends_as_its_program_did(tmp_path: Path) -> None:
    for source, code, signal in (("import os; os._exit(7)", 7, None), ("import os; os.kill(os.getpid(), 9)", None, 9)):
        outcome = run(tmp_path, source, AssertsTest("assert f()")).outcome
        assert (outcome.exit_code, outcome.signal) == (code, signal)


def test_the_drivers_import_next_to_nothing(tmp_path: Path) -> None:
    source = "import sys\ndef f(): return sorted(sys.modules)"
    loaded = run(tmp_path, source, CallTest("f", [])).returned
    assert isinstance(loaded, list)
    assert not {"json", "typing", "types", "re", "enum", "functools", "asyncio"} & set(loaded)
