"""Functions with statements that test them: HumanEval, MBPP, their EvalPlus editions, MultiPL-E."""

from __future__ import annotations

from typing import Any, Final

from msgspec import structs

from engine.errors import BadInput
from rewards.code.forms.text import structure
from rewards.code.stub import Stub

_MULTIPLE_LANGUAGES: Final = {"py": "python", "js": "javascript", "sh": "bash"}


def humaneval(row: dict[str, Any]) -> dict[str, Any]:
    """HumanEval and HumanEval+: `check` of the column `test` is called with the function `entry_point`."""
    test, prompt, name = (_text(row, column) for column in ("test", "prompt", "entry_point"))
    stub = Stub(code=prompt, name=name)
    # Helpers of the prompt that the tests call too: the program's own would say what the tests want to hear.
    case = {"asserts": f"{test}\ncheck({name})\n", "context": stub.context("python")}
    return {"tests": [case], "stub": structs.asdict(stub)}


def mbpp(row: dict[str, Any]) -> dict[str, Any]:
    """MBPP in both editions, and MBPP+, whose tests are the one text in the column `test`."""
    if isinstance(row.get("test"), str):
        return {"tests": [{"asserts": row["test"]}]}
    before = [_text(row, "test_setup_code", ""), *_texts(row, "test_imports")]
    tests = _texts(row, "test_list") + _texts(row, "challenge_test_list")
    if not tests:
        raise BadInput("test_list", row.get("test_list"), "expected at least one test")
    setup = "\n".join(each for each in before if each)
    return {"tests": [{"asserts": f"{setup}\n{test}".lstrip("\n")} for test in tests]}


def multiple(row: dict[str, Any]) -> dict[str, Any]:
    """MultiPL-E: the column `tests` is a text in the row's language, which goes after the program."""
    tests, prompt, language = (_text(row, column) for column in ("tests", "prompt", "language"))
    language = _MULTIPLE_LANGUAGES.get(language, language)
    kind = "asserts" if language == "python" else "script"
    # HumanEval_0_has_close_elements, mbpp_3_is_not_prime
    name = _text(row, "name", "").split("_", 2)[-1]
    stub = {"stub": {"code": prompt, "name": name}} if name else {}
    return {"tests": [{kind: tests}], "language": language, **stub}


def _text(row: dict[str, Any], column: str, default: str | None = None) -> str:
    value = row.get(column, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise BadInput(column, value, "expected text")
    return value


def _texts(row: dict[str, Any], column: str) -> list[str]:
    value = row.get(column)
    value = [] if value is None or value == "" else structure(value, column)
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise BadInput(column, value, "expected a list of texts")
    return list(value)
