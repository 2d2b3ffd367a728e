from __future__ import annotations

import time
from typing import Any

import pytest

from engine.errors import BadInput
from rewards.code.asserts import MAX_PARSED_CHARS, Needs, names_of, needs_of, problem_of
from rewards.code.cases import wanted_names
from rewards.code.item import code_item


@pytest.mark.parametrize(
    "asserts",
    [
        "",
        " \n\t\n",
        "# assert f(1) == 2",
        '"""assert f(1) == 2"""',
        "pass",
        "...",
        "import math",
        "from typing import List\n",
        "def check(candidate):\n    assert candidate(2) == 4\n",
        "METADATA = {'author': 'x'}\n\n\ndef check(candidate):\n    assert candidate(2) == 4\n",
        "async def check(candidate):\n    assert await candidate(2) == 4\n",
        "import unittest\n\nclass Tests(unittest.TestCase):\n    def test(self):\n        pass\n",
        "def test():\n    'nothing'\n",
        "def test(one_of_nobody):\n    assert f(2) == 4\n",
        "class Tests:\n    limit = 4\n    '''assert f(2) == limit'''\n",
        "limit: int\nlimit: int = 4\nalso = limit",
    ],
)
def test_what_tests_nothing_is_named(asserts: str) -> None:
    problem = problem_of(asserts)
    assert problem is not None
    assert "passes every program" in problem


@pytest.mark.parametrize(
    "asserts",
    [
        "assert f(2) == 4",
        "def check(candidate):\n    assert candidate(2) == 4\n\ncheck(f)",
        "check(f)",
        "for i in range(3):\n    assert f(i) == i",
        "if f(2) != 4:\n    raise ValueError",
        "with open('x') as file:\n    pass",
        "x = f(2)",
        "x: int = f(2)",
        "del f",
        "class Tests:\n    assert f(2) == 4\n",
        "def test_it():\n    assert f(2) == 4\n",
        "import unittest\n\nclass Tests(unittest.TestCase):\n    def test(self):\n        assert f(2) == 4\n",
        "class TestIt:\n    def test(self):\n        assert f(2) == 4\n",
        "@run\ndef test():\n    assert f(2) == 4\n",
        "assert '\\d'",
    ],
)
def test_what_tests_something_is_taken(asserts: str) -> None:
    assert problem_of(asserts) is None


def test_text_that_is_not_python_is_named_with_its_line() -> None:
    assert problem_of("assert f(1)\nassert f(") == "not Python: '(' was never closed, line 2"
    assert "null bytes" in str(problem_of("assert f(1)\0"))
    for parses, refused in ((True, True), (False, False)):
        assert (problem_of("assert f(", parses=parses) is not None) is refused
        assert problem_of("", parses=parses) is not None


def test_an_image_may_have_a_newer_python() -> None:
    item = {"completion": "x", "tests": [{"asserts": "type Later = int\nassert f(1)\n("}]}
    with pytest.raises(BadInput) as caught:
        code_item(item)
    assert caught.value.field == "tests[0].asserts"
    assert "not Python" in caught.value.message
    assert code_item({**item, "image": "newer"}).image == "newer"
    with pytest.raises(BadInput):
        code_item({**item, "image": "newer", "tests": [{"asserts": "# none"}]})


@pytest.mark.parametrize("piece", ["(", "-", "[", "f()", "x\n", "1,", "f(*", "if x:\n ", "lambda:", '"', "#", "\0"])
def test_deep_and_long_texts_are_survived(piece: str) -> None:
    started = time.process_time()
    problem_of((piece * MAX_PARSED_CHARS)[:MAX_PARSED_CHARS])
    names_of(piece * 1_000_000)
    assert time.process_time() - started < 2


def test_an_items_asserts_are_looked_at_up_to_a_length() -> None:
    def item(*asserts: str) -> dict[str, Any]:
        return {"completion": "x", "tests": [{"asserts": each} for each in asserts]}

    with pytest.raises(BadInput):
        code_item(item("#" * MAX_PARSED_CHARS))
    code_item(item("#" * (MAX_PARSED_CHARS + 1)))
    long = "assert f() == 1\n" * (MAX_PARSED_CHARS // 16 - 1)
    with pytest.raises(BadInput) as caught:
        code_item(item(long, "# none"))
    assert caught.value.field == "tests[1].asserts"
    code_item(item(long, long, "# none"))


def test_names_that_the_tests_ask_for() -> None:
    item = {"completion": "x"}
    tests = [{"call": "Solution.add", "arguments": [], "expected": 1}, {"stdin": "add", "expected": ""}]
    assert wanted_names(code_item({**item, "tests": tests}).tests) == {"Solution"}
    asserts = "import math\ndef check(c):\n    out = c(1)\n    assert out == math.pi\ncheck(area)\nassert Box().add(2)"
    names = wanted_names(code_item({**item, "tests": [{"asserts": asserts}]}).tests)
    assert {"area", "Box"} <= names
    assert not {"check", "out", "math", "pi", "add"} & names


@pytest.mark.parametrize(
    ("asserts", "needs"),
    [
        ("assert f(1) == 'mock patch stdout'", Needs()),
        ("assert f(1) == 1\nxs = []\nassert xs == f(xs)", Needs()),
        ("xs = [1]\nsort(xs)\nassert xs", Needs(in_place=True)),
        ("def check(c):\n    c([1])\ncheck(f)\nprint(f)", Needs(in_place=True)),
        ("def check(c):\n    assert c([1])\ncheck(f)\nprint(f(1))", Needs()),
        ("from unittest.mock import patch\nassert f(1)", Needs(in_process="patch")),
        ("assert f.__doc__", Needs(in_process="__doc__")),
        ("def test_f(capsys):\n    f()\n", Needs(in_process="capsys")),
        ("async def main():\n    assert await f(1)\n", Needs(in_process="asyncio")),
        ("assert Solution().f(1) == 2", Needs(classes=("Solution",))),
        ("s = Stack(1)\ns.push(1)", Needs(classes=("Stack",))),
        (
            "class T:\n    def setUp(self): self.s = Stack()\n    def test(self): self.s.n",
            Needs(classes=("Stack",)),
        ),
        ("assert Find_Max([1]) == 1", Needs()),
        ("x = Find_Max([1])\nassert x == 1", Needs()),
        ("(" * 300, Needs()),
        ("assert f(1)\n" + "#" * MAX_PARSED_CHARS, Needs()),
    ],
)
def test_what_a_text_needs_is_seen_before_it_runs(asserts: str, needs: Needs) -> None:
    assert needs_of(asserts) == needs
