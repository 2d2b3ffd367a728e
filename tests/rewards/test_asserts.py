"""Asserts by proxy: programs that cheat the tests, and honest ones in every shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Verdict
from rewards import CodeReward, NotJudged, Reward
from rewards.data.datasets import humaneval, lines_of
from rewards.flow import flow
from tests.support.evidence import code_evidence, failure_of

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]


async def scored(engine: Engine, program: str, *asserts: str, **more: Any) -> Reward:
    tests = [{"asserts": text, **more} for text in asserts]
    reward = await CodeReward(engine).score({"completion": f"```python\n{program}\n```", "tests": tests})
    assert isinstance(reward, Reward), reward
    return reward


ALWAYS_EQUAL = """
class Yes{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return True
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __bool__(self): return True
    def __sub__(self, other): return 0
    __rsub__ = __abs__ = __round__ = __float__ = __int__ = __len__ = lambda self, *a: 0
    def __hash__(self): return 0
    def __iter__(self): return iter(())
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
"""
# What each puts before a function that takes anything and returns `value`.
CHEATS = {
    "an object equal to everything": (ALWAYS_EQUAL.format(base=""), "Yes()"),
    "a str equal to everything": (ALWAYS_EQUAL.format(base="(str)"), "Yes()"),
    "a list equal to everything": (ALWAYS_EQUAL.format(base="(list)"), "Yes()"),
    "a float equal to everything": (ALWAYS_EQUAL.format(base="(float)"), "Yes()"),
    "a redefined check": ("check = assertion = is_floats = lambda *a, **k: None", "None"),
    "redefined helpers": ("poly = lambda *a: 0\nencode_cyclic = encode_shift = lambda s: None", "None"),
    "redefined builtins": (
        (
            "abs = round = len = sum = min = max = lambda *a, **k: 0\n"
            "all = any = isinstance = sorted = set = tuple = list = lambda *a, **k: True"
        ),
        "None",
    ),
    "patched builtins": (
        (
            "import builtins\n"
            "for name in ('abs', 'round', 'len', 'all', 'any', 'isinstance', 'sorted', 'AssertionError'):\n"
            "    setattr(builtins, name, lambda *a, **k: True)"
        ),
        "None",
    ),
    "patched unittest, math and random": (
        (
            "import unittest, math, random, copy, sys\n"
            "unittest.TestCase.assertEqual = lambda *a: None\n"
            "math.fabs = lambda x: 0\nrandom.Random.randint = lambda *a: 0\ncopy.deepcopy = lambda x: None\n"
            "sys.modules['random'] = sys.modules['math'] = None"
        ),
        "None",
    ),
    "an early exit": ("import os", "os._exit(0)"),
    "an early clean exit": ("import sys", "sys.exit(0)"),
    "an exit at once": ("import os\nos._exit(0)", "None"),
    "an exit at once, clean": ("raise SystemExit(0)", "None"),
    "a sign on every descriptor": (
        "import os\nfor fd in range(3, 256):\n    try: os.write(fd, b'+' + bytes(32))\n    except OSError: pass",
        "None",
    ),
    "an answer before it is asked": (
        (
            "import os\nfor fd in range(3, 256):\n"
            "    for n in range(99):\n"
            "        try: os.write(fd, b'\\0\\0\\0\\x11{\"returned\":true}')\n"
            "        except OSError: break"
        ),
        "None",
    ),
    "a parent looked into": (
        (
            "import os, re\n"
            "parent = f'/proc/{os.getppid()}'\n"
            "try:\n"
            "    for line in open(parent + '/maps'):\n"
            "        start, end = (int(n, 16) for n in line.split()[0].split('-'))\n"
            "        with open(parent + '/mem', 'r+b') as memory:\n"
            "            memory.seek(start)\n"
            "            memory.write(bytes(end - start))\n"
            "except OSError: pass\n"
            "for fd in range(64):\n"
            "    try: os.write(os.open(f'{parent}/fd/{fd}', os.O_WRONLY), b'+' + bytes(32))\n"
            "    except OSError: pass"
        ),
        "None",
    ),
    "a parent killed": ("import os, signal", "os.kill(os.getppid(), signal.SIGKILL)"),
    "a parent interrupted": ("import os, signal", "os.kill(os.getppid(), signal.SIGINT)"),
    "a frame of its callers": (
        (
            "import sys, gc\n"
            "frame = sys._getframe()\n"
            "while frame:\n"
            "    frame.f_globals['answer'] = lambda *a: ['{\"returned\":true}']\n"
            "    frame = frame.f_back\n"
            "for each in gc.get_objects():\n"
            "    if type(each) is dict and 'asserts' in each: each['asserts'] = ''"
        ),
        "None",
    ),
    "a module of the tests' own": (
        (
            "import os\n"
            "for name in ('random', 'math', 'copy', 'string', 'unittest', 'proxies', 'run_tests'):\n"
            "    open(f'/work/{name}.py', 'w').write('import os; os._exit(0)')"
        ),
        "None",
    ),
    "every exception at once": ("", "(_ for _ in ()).throw(type('AssertionError', (BaseException,), {})())"),
    "a class in place of a function": (ALWAYS_EQUAL.format(base=""), "Yes"),
    "nothing": ("", "None"),
}


EVERYWHERE = ("an object equal to everything", "redefined helpers", "patched builtins", "a redefined check")


@pytest.mark.crun_is_soak("what a cheat can reach is decided above the runtime; other cheats here run on both")
@pytest.mark.parametrize("name", CHEATS)
async def test_humaneval_accepts_no_cheat(engine: Engine, data_file: Callable[[str], Path], name: str) -> None:
    before, value = CHEATS[name]
    accepted, not_judged, count = [], [], 0
    items = []
    for problem in lines_of(data_file("HumanEval.jsonl.gz")):
        program = f"{before}\ndef {problem['entry_point']}(*a, **k):\n    return {value}\n"
        items.append({**problem, "completion": f"```python\n{program}\n```", "id": problem["task_id"]})
    # All of them for the ways that data sets meet most; these take minutes, so the others get every fourth.
    step = 1 if name in EVERYWHERE else 4
    async for each in flow(CodeReward(engine).score, items[::step], 4):
        count += 1
        if isinstance(each.reward, NotJudged):
            not_judged.append((each.item["id"], each.reward))
        elif each.reward.verdict is Verdict.ACCEPTED:
            accepted.append(each.item["id"])
        else:
            assert not code_evidence(each.reward).forgeable
    assert count >= 41
    assert (accepted, not_judged) == ([], [])


async def test_humaneval_is_not_forgeable(engine: Engine, data_file: Callable[[str], Path]) -> None:
    items = [each.item for each in humaneval(data_file("HumanEval.jsonl.gz"))]
    wrong = []
    async for each in flow(CodeReward(engine).score, items, 4):
        assert isinstance(each.reward, Reward)
        if each.reward.verdict is not Verdict.ACCEPTED or code_evidence(each.reward).forgeable:
            wrong.append((each.item["id"], each.reward))
    assert wrong == []


ADD = "def add(a, b):\n    return a + b\n"
STACK = """
class Stack:
    kind = "lifo"
    def __init__(self, *items): self.items = list(items)
    def push(self, item): self.items.append(item); return self
    def pop(self):
        if not self.items: raise IndexError("empty")
        return self.items.pop()
    def size(self): return len(self.items)
    def __len__(self): return len(self.items)
    def __eq__(self, other): return self.items == other.items
class StackError(Exception): pass
"""
UNITTEST = """
import unittest
from solution import add

class AddTest(unittest.TestCase):
    def setUp(self):
        self.one = 1
    def test_numbers(self):
        self.assertEqual(add(self.one, 2), 3)
        self.assertAlmostEqual(add(0.1, 0.2), 0.3)
    def test_types(self):
        with self.assertRaises(TypeError):
            add(1, "a")
"""
PYTEST = """
from main import *
from main import add

def test_numbers():
    assert add(1, 2) == 3

class TestMore:
    def setup_method(self):
        self.one = 1
    def test_texts(self):
        assert add("a", "b") == "ab"
        assert self.one == 1
"""
# Tests that cross, with a program that passes and one that does not.
CROSSING = {
    "one assert": ("assert add(1, 2) == 3", ADD, "def add(a, b): return 4"),
    "keywords and stars": ("assert add(*[1], b=2) == 3", ADD, "def add(a, b): return 4"),
    "values of every kind": (
        (
            "for value in (None, True, 1 << 80, -3, 2.5, float('inf'), 1j, 'é\\ud800', b'\\xff', (1, [2]), {1: {2}},\n"
            "              frozenset({3}), {'a': (None,)}, [[]]):\n"
            "    assert same(value) == value and type(same(value)) is type(value), value\n"
            "assert same(float('nan')) != 0"
        ),
        "def same(value): return value",
        "def same(value): return value if value != (1, [2]) else [1, [2]]",
    ),
    "numbers of other types": (
        "assert half() == 0.5 and isinstance(half(), float | __import__('fractions').Fraction)",
        "from fractions import Fraction\ndef half(): return Fraction(1, 2)",
        "from fractions import Fraction\ndef half(): return Fraction(1, 3)",
    ),
    "an exception": (
        "try: f(0)\nexcept ZeroDivisionError as error:\n    assert 'division' in str(error)\nelse: assert False",
        "def f(n): return 1 / n",
        "def f(n): raise ValueError('division')",
    ),
    "an exception of the program's own kind": (
        "try:\n    f(0)\n    assert False\nexcept ValueError: pass",
        "class Mine(ValueError):\n    def __init__(self, a, b): super().__init__(a)\ndef f(n): raise Mine(1, 2)",
        "def f(n): return 1",
    ),
    "what only unicode says": (
        "try:\n    f()\n    assert False\nexcept UnicodeError: pass",
        "def f(): return b'\\xff'.decode()",
        "def f(): return 1",
    ),
    "a change in place": (
        "xs = [3, 1, 2]\nsort(xs)\nassert xs == [1, 2, 3]",
        "def sort(xs): xs.sort()",
        "def sort(xs): return sorted(xs)",
    ),
    "a method of Solution": (
        "assert Solution().add(1, 2) == 3",
        "class Solution:\n    def add(self, a, b): return a + b",
        "class Solution:\n    def add(self, a, b): return 4",
    ),
    "a function inside Solution": (
        "assert add(1, 2) == 3",
        "class Solution:\n    def add(self, a, b): return a + b",
        "class Solution:\n    def add(self, a, b): return 4",
    ),
    "a capital function": (
        "assert Add_Numbers(1, 2) == 3\nassert Add_Numbers('a', 'b') == 'ab'",
        "def Add_Numbers(a, b): return a + b",
        ALWAYS_EQUAL.format(base="") + "def Add_Numbers(a, b): return Yes()",
    ),
    "an object with a state": (
        (
            "s = Stack(1)\ns.push(2)\nassert s.pop() == 2 and s.size() == 1 and s.items == [1]\ns.items = [5, 6]\n"
            "assert s.size() == 2\ntry:\n    Stack().pop()\n    assert False\nexcept IndexError: pass"
        ),
        STACK.replace("; return self", ""),
        STACK.replace("; return self", "").replace("return self.items.pop()", "return self.items.pop(0)"),
    ),
    "a function with a builtin's name": (
        "assert sum(10, 15) == 6",
        "def sum(a, b): return 6",
        "def sum(a, b): return 7",
    ),
    "a module that only the program imports": (
        "assert math.isclose(f(), 0.1)",
        "import math\ndef f(): return 0.1",
        "class math: isclose = lambda *a: True\ndef f(): return 0.2",
    ),
    "a word that only the program imports": (
        "assert isclose(f(), 0.1) and Counter(g()) == Counter('aab')",
        "from math import isclose\nfrom collections import Counter\ndef f(): return 0.1\ndef g(): return 'aba'",
        "isclose = lambda *a: True\nCounter = lambda *a: 1\ndef f(): return 0.2\ndef g(): return ''",
    ),
    "a constant": ("assert LIMIT == 3 and add(LIMIT, 0) == 3", f"LIMIT = 3\n{ADD}", f"LIMIT = 4\n{ADD}"),
    "a coroutine's value": ("assert f(1) == 2", "async def f(n): return n + 1", "async def f(n): return n"),
    "unittest": (UNITTEST, ADD, "def add(a, b): return 3"),
    "unittest.main": (f"{UNITTEST}\nif __name__ == '__main__':\n    unittest.main()", ADD, "def add(a, b): return 3"),
    "pytest": (PYTEST, ADD, "def add(a, b): return 3"),
    "prints": ("print('x' * 2_000_000)\nassert add(1, 2) == 3", f"print('y')\n{ADD}", "print(3)"),
    "a file": (
        "open('data.txt', 'w').write('7')\nassert read('data.txt') == 7",
        "def read(name): return int(open(name).read())",
        "def read(name): return 8",
    ),
}


@pytest.mark.parametrize("name", CROSSING)
async def test_what_crosses_is_judged_apart(engine: Engine, name: str) -> None:
    asserts, right, wrong = CROSSING[name]
    reward = await scored(engine, right, asserts)
    assert reward.verdict is Verdict.ACCEPTED, failure_of(reward)
    assert not code_evidence(reward).forgeable
    reward = await scored(engine, wrong, asserts)
    assert reward.verdict in (Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR)
    assert not code_evidence(reward).forgeable


# What cannot cross is judged in the program's process, which is said.
FORGEABLE = {
    "a function as an argument": ("assert apply(lambda n: n + 1, 2) == 3", "def apply(f, n): return f(n)"),
    "objects that are compared": ("assert Stack(1).items == [1] and Stack(1) == Stack(1)", STACK),
    "an exception that is named": (
        "try: raise StackError\nexcept StackError: pass\nassert Stack().size() == 0",
        STACK,
    ),
    "a subclass": ("class Mine(Stack): pass\nassert Mine(1).size() == 1 and Stack().size() == 0", STACK),
    "an attribute of a class": ("assert Stack.kind == 'lifo' and Stack().size() == 0", STACK),
    "printed text": (
        (
            "import io\nfrom contextlib import redirect_stdout\nout = io.StringIO()\n"
            "with redirect_stdout(out):\n    hello()\nassert out.getvalue() == 'hello\\n'"
        ),
        "def hello(): print('hello')",
    ),
    "a coroutine": ("import asyncio\nassert asyncio.run(f(1)) == 2", "async def f(n): return n + 1"),
}


@pytest.mark.parametrize("name", FORGEABLE)
async def test_what_cannot_cross_is_forgeable(engine: Engine, name: str) -> None:
    reward = await scored(engine, FORGEABLE[name][1], FORGEABLE[name][0])
    assert reward.verdict is Verdict.ACCEPTED, failure_of(reward)
    assert code_evidence(reward).forgeable


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("def f(): return iter([1])", Verdict.WRONG_ANSWER),
        ("def f(): return f", Verdict.WRONG_ANSWER),
        ("def f():\n    x = []\n    x.append(x)\n    return x", Verdict.WRONG_ANSWER),
        ("def f(): return 'x' * 8_000_000", Verdict.WRONG_ANSWER),
        ("def f(): raise ValueError('no')", Verdict.RUNTIME_ERROR),
        ("def f(): raise AssertionError", Verdict.WRONG_ANSWER),
        ("def g(): return [1]", Verdict.RUNTIME_ERROR),
        ("def f(:", Verdict.RUNTIME_ERROR),
        ("import os\ndef f(): os.kill(os.getpid(), 11)", Verdict.RUNTIME_ERROR),
        ("import os\ndef f():\n    os.fork()\n    return [1]", Verdict.ACCEPTED),
        ("def f():\n    while True: pass", Verdict.TIME_LIMIT),
        (
            "import os, time\ndef f():\n    os.kill(os.getppid(), 19)\n    time.sleep(9)",
            Verdict.TIME_LIMIT,
        ),
        ("def f(): return bytearray(1 << 30)", Verdict.MEMORY_LIMIT),
    ],
)
async def test_how_a_program_ends_is_its_own(engine: Engine, program: str, verdict: Verdict) -> None:
    item = {
        "completion": f"```python\n{program}\n```",
        "tests": [{"asserts": "assert f() == [1]"}],
        "limits": {"cpu_seconds": 2, "wall_seconds": 3, "memory_bytes": 128 << 20, "processes": 2},
    }
    reward = await CodeReward(engine).score(item)
    assert isinstance(reward, Reward), reward
    assert reward.verdict is verdict, failure_of(reward)
    assert not code_evidence(reward).forgeable


@pytest.mark.parametrize(
    ("program", "asserts"),
    [
        # No program finds a way into the tests' process by what it returns.
        ("from fractions import Fraction\n{yes}\ndef f(x): return Fraction(1, 3)", "assert f(f(1)) == 5"),
        ("{yes}\ndef f(x):\n    for _ in range(150): x = [x]\n    return x", "assert f([f([f(1)])]) == 5"),
        ("{yes}\ndef f(x): raise StopIteration", "assert all(map(f, [1, 2]))"),
        ("{yes}\nclass f:\n    def __new__(cls, x): return Yes()", "assert f(1) == 5"),
        ("{yes}\nf = Yes()", "assert f(1) == 5"),
        (
            "{yes}\nimport sys\nsys.modules['main'] = Yes()\ndef f(x): return 4",
            "assert f(1) == 5",
        ),
        ("{yes}\ndef f(x): return {{Yes(): 1}}", "assert f(1)[5] == 1"),
        ("{yes}\ndef f(x): return [Yes()]", "assert 5 in f(1)"),
    ],
)
async def test_nothing_that_is_returned_leads_to_one_process(engine: Engine, program: str, asserts: str) -> None:
    reward = await scored(engine, program.format(yes=ALWAYS_EQUAL.format(base="")), asserts)
    assert reward.verdict in (Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR), failure_of(reward)
    assert not code_evidence(reward).forgeable


async def test_context_is_the_tests_own(engine: Engine) -> None:
    asserts = "assert helper(f(2)) == 5"
    context = "def helper(n): return n + 1"
    for program in ("def f(n): return n", "def f(n): return n\ndef helper(n): return 5"):
        assert (await scored(engine, program, asserts, context=context)).verdict is Verdict.WRONG_ANSWER
    assert (await scored(engine, "def f(n): return 2 * n", asserts, context=context)).verdict is Verdict.ACCEPTED


async def test_why_it_failed_is_said(engine: Engine) -> None:
    failure = failure_of(await scored(engine, "import os\ndef f(): os._exit(0)", "assert f() == 1"))
    assert failure.problem == "the program ended before its asserts did, with exit code 0"
    failure = failure_of(await scored(engine, "def f(): return iter([])", "assert f() == 1"))
    assert "cannot cross: <class 'list_iterator'>" in str(failure.problem)
