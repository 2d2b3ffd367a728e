"""Which data set's row an item is, told by its columns, and what our item says then.

A row keeps the names of its columns; beside them stand `completion` and any field of an item, which goes before what
the form says. Columns that neither know are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from engine.errors import BadInput
from engine.languages.table import language_named
from rewards.code.forms import functions
from rewards.code.forms.in_and_out import read_tests
from rewards.code.forms.text import structure, unpacked

_OURS: Final = frozenset(
    {"completion", "language", "image", "checker", "limits", "reward", "thinking", "prelude", "json_keys", "stub"}
)
_IDS: Final = ("id", "task_id", "question_id", "problem_id", "name")
_METHOD: Final = re.compile(r"^[ \t]+def[ \t]+(\w+)[ \t]*\([ \t]*self\b", re.MULTILINE)
_STATEMENTS: Final = re.compile(r"tests\[(\d+)\]\.(?:asserts|script)")

# As numpy.allclose has it, which the grader of APPS and its descendants apply; integers stay exact.
_ALLCLOSE: Final = {"floats": {"relative": 1e-5, "absolute": 1e-8}}
# LiveCodeBench compares numbers by value, and nothing else than as it is written.
_EXACT_NUMBERS: Final = {"floats": {"relative": 0.0, "absolute": 0.0}}


class _Form(NamedTuple):
    """A form: the columns that tell it, and how a row of it is read."""

    name: str
    columns: frozenset[str]
    read: Callable[[dict[str, Any]], dict[str, Any]]


def item_of(item: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The item that a row means, and the name of its form; an item of our own as it is, and None. Raises BadInput."""
    if _is_ours(item.get("tests")):
        return item, None
    form = next((form for form in _FORMS if form.columns <= item.keys()), None)
    if form is None:
        return item, None
    read = form.read(item)
    kept = {name: value for name, value in item.items() if name in _OURS and value is not None}
    if form.name == "multipl-e":
        del kept["language"]
    named = next((item[name] for name in _IDS if type(item.get(name)) in (str, int)), None)
    return {**_given(read, kept), **read, **kept, "kind": "code", "id": named}, form.name


def column_of(row: dict[str, Any], form: str | None, field: str) -> str:
    """What the row itself calls a field like `tests[0].asserts` of the item that it means."""
    found = _STATEMENTS.fullmatch(field)
    match form if found else None:
        case "humaneval":
            return "test"
        case "multipl-e":
            return "tests"
        case "mbpp" if isinstance(row.get("test"), str):
            return "test"
        case "mbpp" if found:
            index, shown = int(found[1]), len(structure(row["test_list"], "test_list"))
            return f"test_list[{index}]" if index < shown else f"challenge_test_list[{index - shown}]"
    return field


def is_row(item: object) -> bool:
    """Whether it is a data set's row, which needs no `kind` to be told from other items."""
    return (
        isinstance(item, dict)
        and not _is_ours(item.get("tests"))
        and any(form.columns <= item.keys() for form in _FORMS)
    )


def _is_ours(tests: object) -> bool:
    if isinstance(tests, list | tuple):
        return not (tests and isinstance(tests[0], dict) and {"input", "output"} <= tests[0].keys())
    return False


def _given(read: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """What the graders of such rows give to every program: imports, a higher recursion limit."""
    if "stub" in read or "asserts" in read["tests"][0] or "script" in read["tests"][0]:
        return {}
    language = language_named(str(kept.get("language", read.get("language", "python"))))
    return {"prelude": "leetcode" if language.name == "python" else "competitive"}


def _apps(column: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def read(row: dict[str, Any]) -> dict[str, Any]:
        tests = read_tests(row[column], column, call=row.get("fn_name"))
        return {"tests": tests, "checker": _ALLCLOSE, "json_keys": True}

    return read


def _inputs_outputs(row: dict[str, Any]) -> dict[str, Any]:
    pairs = {name: row[name] for name in ("inputs", "outputs")}
    tests = read_tests({**pairs, "fn_name": row.get("fn_name")}, "")
    return {"tests": tests, "checker": _ALLCLOSE, "json_keys": True}


def _reward_model(row: dict[str, Any]) -> dict[str, Any]:
    model = structure(row["reward_model"], "reward_model")
    if not isinstance(model, dict) or "ground_truth" not in model:
        raise BadInput("reward_model.ground_truth", None, "required")
    tests = read_tests(model["ground_truth"], "reward_model.ground_truth")
    return {"tests": tests, "checker": _ALLCLOSE, "json_keys": True}


def _verification_info(row: dict[str, Any]) -> dict[str, Any]:
    info = structure(row["verification_info"], "verification_info")
    if not isinstance(info, dict):
        raise BadInput("verification_info", info, "expected a map")
    read = {"tests": read_tests(info, "verification_info"), "checker": _ALLCLOSE, "json_keys": True}
    return {**read, "language": info["language"]} if isinstance(info.get("language"), str) else read


def _livecodebench(row: dict[str, Any]) -> dict[str, Any]:
    metadata = structure(row.get("metadata") or {}, "metadata")
    call = metadata.get("func_name") if isinstance(metadata, dict) else None
    starter = row.get("starter_code")
    if call is None and isinstance(starter, str) and (method := _METHOD.search(starter)):
        call = method[1]
    tests: list[dict[str, Any]] = []
    for column in ("public_test_cases", "private_test_cases"):
        cases = unpacked(row.get(column) or [], column)
        if cases:
            tests += read_tests(cases, column, call=call, wrapped=False)
    if not tests:
        raise BadInput("private_test_cases", row.get("private_test_cases"), "expected at least one test")
    return {"tests": tests, "checker": _EXACT_NUMBERS}


_FORMS: Final = (
    _Form("livecodebench", frozenset({"public_test_cases"}), _livecodebench),
    _Form("livecodebench", frozenset({"private_test_cases"}), _livecodebench),
    _Form("open-r1", frozenset({"verification_info"}), _verification_info),
    _Form("verl", frozenset({"reward_model"}), _reward_model),
    _Form("apps", frozenset({"input_output"}), _apps("input_output")),
    _Form("primeintellect", frozenset({"test_cases"}), _apps("test_cases")),
    _Form("humaneval", frozenset({"entry_point", "test", "prompt"}), functions.humaneval),
    _Form("mbpp", frozenset({"test_list"}), functions.mbpp),
    _Form("multipl-e", frozenset({"tests", "prompt", "language"}), functions.multiple),
    _Form("verl", frozenset({"inputs", "outputs"}), _inputs_outputs),
    _Form("verl", frozenset({"ground_truth"}), _apps("ground_truth")),
    _Form("primeintellect", frozenset({"tests"}), _apps("tests")),
)
