"""Rows of public data sets as items, column by column."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any

import pytest

from engine.errors import BadInput
from rewards.code.cases import AssertsCase, CallCase, ScriptCase, StdinCase
from rewards.code.checkers import Rules, Tolerance
from rewards.code.forms.table import is_row
from rewards.code.item import CodeItem, code_item

COMPLETION = "```python\nprint(1)\n```"


def read(**row: Any) -> CodeItem:
    item = {"completion": COMPLETION, "difficulty": "hard", "url": None, **row}
    assert is_row(item)
    return code_item(item)


def packed(cases: Any, protocol: int = 4) -> str:
    text = cases if isinstance(cases, bytes) else pickle.dumps(json.dumps(cases), protocol)
    return base64.b64encode(zlib.compress(text)).decode()


STDIN = {"inputs": ["1 2\n", ["3", "4"]], "outputs": ["3\n", ["7", "8"]]}
CALL = {"inputs": ["[1, 2]\n3"], "outputs": ["[4]"], "fn_name": "add"}
STDIN_CASES = (StdinCase(stdin=b"1 2\n", expected=b"3\n"), StdinCase(stdin=b"3\n4", expected=b"7\n8"))
CALL_CASES = (CallCase(call="add", arguments=[[1, 2], 3], expected=[4], also=[4]),)


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("apps", lambda pairs: {"input_output": json.dumps(pairs), "problem_id": 3}),
        ("apps", lambda pairs: {"input_output": pairs}),
        ("verl", lambda pairs: pairs),
        ("verl", lambda pairs: {"reward_model": {"style": "rule", "ground_truth": json.dumps(pairs)}}),
        ("verl", lambda pairs: {"ground_truth": json.dumps(pairs)}),
        ("open-r1", lambda pairs: {"verification_info": {"language": "python", "test_cases": pairs}}),
        ("open-r1", lambda pairs: {"verification_info": json.dumps({"test_cases": json.dumps(pairs)})}),
        ("open-r1", lambda pairs: {"verification_info": repr({"language": "python", "test_cases": pairs})}),
        ("primeintellect", lambda pairs: {"test_cases": pairs}),
        ("primeintellect", lambda pairs: {"tests": json.dumps(pairs)}),
    ],
)
def test_inputs_beside_outputs(form: str, row: Any) -> None:
    item = read(**row(STDIN))
    assert (item.form, item.tests, item.prelude) == (form, STDIN_CASES, "leetcode")
    assert item.checker == Rules(floats=Tolerance(relative=1e-5, absolute=1e-8))
    assert read(**row(CALL)).tests == CALL_CASES


@pytest.mark.parametrize("column", ["test_cases", "tests", "ground_truth"])
def test_a_list_of_tests_with_their_kinds(column: str) -> None:
    tests = [
        {"type": "stdin_stdout", "input": "1 2\n", "output": "3\n", "fn_name": None},
        {"type": "function_call", "input": [[1, 2], 3], "output": [4], "fn_name": "add"},
        {"testtype": "functional", "input": "[1]", "output": "2", "metadata": {"func_name": "len"}},
    ]
    assert read(**{column: tests}).tests == (
        STDIN_CASES[0],
        *CALL_CASES,
        CallCase(call="len", arguments=[[1]], expected=2),
    )


def test_scalebox_has_the_singular() -> None:
    row = {"test_cases": {"type": "stdin_stdout", "input": ["1 2\n"], "output": ["3\n"], "fn_name": None}}
    assert read(**row).tests == STDIN_CASES[:1]


def test_keys_are_read_as_the_grader_of_apps_does() -> None:
    row = {"inputs": [[{"1": 2}]], "outputs": [{"3": 4}], "fn_name": "f"}
    assert read(**row).tests == (CallCase(call="f", arguments=[{1: 2}], expected={3: 4}),)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("size", [1, 200, 300, 100_000])
def test_livecodebench_is_unpacked_without_pickle(protocol: int, size: int) -> None:
    public = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]
    private = [{"input": "é" * size, "output": "x", "testtype": "stdin"}]
    row = {"public_test_cases": json.dumps(public), "private_test_cases": packed(private, protocol)}
    item = read(**row, starter_code="", metadata="{}", question_id="abc_a")
    assert (item.form, item.id, item.prelude) == ("livecodebench", "abc_a", "leetcode")
    assert item.checker == Rules(floats=Tolerance(relative=0, absolute=0))
    assert item.tests == (STDIN_CASES[0], StdinCase(stdin="é".encode() * size, expected=b"x"))


def test_livecodebench_names_the_method_in_metadata_or_the_starter_code() -> None:
    cases = [{"input": "[1, 2]\n3", "output": "[4]", "testtype": "functional"}]
    right = (CallCase(call="add", arguments=[[1, 2], 3], expected=[4]),)
    starter = "class Solution:\n    def add(self, xs: List[int], y: int) -> List[int]:\n        "
    assert read(private_test_cases=cases, metadata='{"func_name": "add"}').tests == right
    assert read(private_test_cases=packed(cases), metadata="{}", starter_code=starter).tests == right
    with pytest.raises(BadInput, match="fn_name"):
        read(private_test_cases=cases, metadata="{}", starter_code="")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("ran",))


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Evil()),
        pickle.dumps(["[]"]),
        pickle.dumps(b"[]"),
        pickle.dumps("[]")[:-1],
        pickle.dumps("[]") + b".",
        b"\x80\x04X\xff\xff\xff\xff[].",
        b"\x80\x04X\x01\0\0\0\xff.",
        b"",
    ],
)
def test_no_other_pickle_is_read(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match=r"^private_test_cases"):
        read(private_test_cases=packed(data))
    assert capsys.readouterr().out == ""


def test_a_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(300)) + packer.flush()
    for data in (bomb, zlib.compress(b"[]")[:-3]):
        with pytest.raises(BadInput, match=r"private_test_cases .*: cut off, or more than"):
            read(private_test_cases=base64.b64encode(data).decode())


HUMANEVAL = {
    "task_id": "HumanEval/50",
    "prompt": "import math\n\ndef helper(x):\n    return x\n\n\ndef f(x):\n    '''doc'''\n",
    "canonical_solution": "    return x\n",
    "entry_point": "f",
    "test": "def check(candidate):\n    assert candidate(helper(1)) == 1\n",
}


def test_humaneval() -> None:
    item = read(**HUMANEVAL)
    assert (item.form, item.id, item.prelude, item.checker) == ("humaneval", "HumanEval/50", None, "lines")
    [case] = item.tests
    assert isinstance(case, AssertsCase)
    assert case.asserts.endswith("check(f)\n")
    assert item.stub is not None
    assert item.stub.completed("    return x\n", "python") == HUMANEVAL["prompt"] + "    return x\n"
    head = "import math\n\ndef helper(x):\n    return x\n\n\n"
    assert item.stub.context("python") == head
    assert item.stub.completed("def f(x): return x\n", "python") == f"{head}\ndef f(x): return x\n"
    future = "from __future__ import annotations\ndef f(x): return x\n"
    assert item.stub.completed(future, "python") == future


def test_mbpp() -> None:
    row = {"task_id": 2, "text": "...", "code": "...", "test_list": ["assert f(1) == 1", "assert f(2) == 2"]}
    full = read(**row, test_setup_code="import math", challenge_test_list=["assert f(3) == 3"])
    assert [case.asserts for case in full.tests if isinstance(case, AssertsCase)] == [
        "import math\nassert f(1) == 1",
        "import math\nassert f(2) == 2",
        "import math\nassert f(3) == 3",
    ]
    assert (full.form, full.id) == ("mbpp", 2)
    sanitized = read(**row, test_imports=["import math"])
    assert sanitized.tests == full.tests[:2]
    assert len(read(**row, test_imports=[], test="for i in (1, 2): assert f(i) == i").tests) == 1


def test_multiple() -> None:
    row = {
        "name": "HumanEval_0_f",
        "language": "cpp",
        "prompt": "#include<assert.h>\n// doc\nlong f(long x) {\n",
        "tests": "}\nint main() {\n    assert(f(1) == 1);\n}\n",
        "stop_tokens": ["\n}"],
    }
    item = read(**row)
    assert (item.form, item.language, item.id) == ("multipl-e", "cpp", "HumanEval_0_f")
    assert item.tests == (ScriptCase(script=str(row["tests"])),)
    assert item.stub is not None
    assert item.stub.completed("    return x;\n", "cpp").startswith(str(row["prompt"]))
    whole = "long f(long x) { return x; }"
    assert item.stub.completed(whole, "cpp") == f"#include<assert.h>\n{whole}"
    assert read(**{**row, "language": "js"}).language == "javascript"
    with pytest.raises(BadInput, match="language 'jl'"):
        read(**{**row, "language": "jl"})


def test_fields_of_an_item_go_before_the_forms() -> None:
    item = read(
        **STDIN, checker="exact", prelude="competitive", reward="fraction", id="mine", limits={"cpu_seconds": 1}
    )
    assert (item.checker, item.prelude, item.reward, item.id) == ("exact", "competitive", "fraction", "mine")
    assert read(**STDIN, language="cpp").prelude == "competitive"


def test_an_item_of_our_own_is_no_row() -> None:
    for tests in ([{"expected": "1"}], [], ({"call": "f"},)):
        assert not is_row({"completion": "x", "tests": tests})
    item: object
    for item in ({"completion": "x"}, {"kind": "math", "reference": "3"}, 3, None, []):
        assert not is_row(item)
    assert code_item({"completion": "x", "tests": [{"expected": "1"}]}).form is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"input_output": "{"}, "input_output '{': not JSON"),
        ({"input_output": ""}, "input_output ''"),
        (
            {"input_output": r'{"inputs": ["\ud800"], "outputs": ["1"]}'},
            r"input_output.inputs\[0\] .*: lone surrogates",
        ),
        ({"input_output": json.dumps({"inputs": ["1"]})}, "input_output .*a test of no known form"),
        ({"input_output": {"inputs": ["1"], "outputs": []}}, r"input_output.outputs 0: there are 1 inputs"),
        ({"inputs": [], "outputs": []}, "inputs .*: expected at least one test"),
        ({"inputs": ["1"], "outputs": ["x"], "fn_name": "f"}, r"inputs\[0\] 'x': expected JSON"),
        ({"inputs": [{"a": 1}], "outputs": ["x"]}, r"inputs\[0\] .*: expected text"),
        ({"inputs": ["1"], "outputs": ["x"], "fn_name": 3}, "fn_name 3: expected a function's name"),
        ({"inputs": ["1"], "outputs": "x"}, "outputs 'x': not JSON"),
        ({"test_cases": [{"type": "image", "input": "", "output": ""}]}, r"test_cases\[0\].type 'image': a test of no"),
        ({"test_cases": [{"input": ""}]}, r"test_cases\[0\].output None: required"),
        ({"test_cases": [3]}, r"test_cases\[0\] 3: expected a map"),
        ({"reward_model": {"style": "rule"}}, "reward_model.ground_truth None: required"),
        ({"verification_info": 3}, "verification_info 3: expected a map"),
        ({"public_test_cases": "[]", "private_test_cases": ""}, "private_test_cases .*: expected at least one test"),
        ({"private_test_cases": "!"}, "private_test_cases '!': neither JSON nor base64"),
        ({**HUMANEVAL, "test": None}, "test None: expected text"),
        ({"test_list": "assert 1"}, "test_list .*: not JSON"),
        ({"test_list": []}, r"test_list \[\]: expected at least one test"),
        ({"tests": "x", "prompt": "", "language": "swift"}, "language 'swift': unknown language"),
    ],
)
def test_what_is_wrong_in_a_row_is_named(row: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(**row)


def test_a_test_of_no_known_form_is_named() -> None:
    with pytest.raises(
        BadInput, match=r"tests\[1\] .*a test of no known form: expected one with stdin and expected, call"
    ):
        code_item({"completion": "x", "tests": [{"expected": ""}, {"output": "3"}]})
