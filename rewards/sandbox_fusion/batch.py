"""`/common_evaluate_batch` and `/common_evaluate`, ScaleBox's: one completion, all its tests in one request."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import structs

from engine.errors import BadInput
from engine.flow import off_loop
from engine.server.service import Service
from engine.wire.decode import check_text, to_struct
from rewards.code.item import code_item
from rewards.code.stub import Stub
from rewards.sandbox_fusion.cases import StdioCase, call_cases, expected_of
from rewards.sandbox_fusion.request import Submission
from rewards.sandbox_fusion.submit import ROW, Submitted, here, stdio_row, with_statements, with_stdio

_PLACE = f"{ROW}.test_cases"
_SIDES = ("input", "output")


class TestCases(msgspec.Struct, frozen=True, kw_only=True):
    """Their `provided_data.test_cases`; `type` is told by `fn_name` where it is missing."""

    __test__ = False  # pytest takes classes of this name for its own

    type: str | None = None
    input: list[Any] = []
    output: list[Any] = []
    fn_name: str | None = None
    json_input: bool = False
    test: str | None = None
    tests: str | None = None
    entry_point: str | None = None
    prompt: str | None = None


async def evaluated(service: Service, asked: Submission, client: str) -> dict[str, Any]:
    """The EvalResult; raises BadInput, Overloaded, SandboxError."""
    if not asked.config.language:
        raise BadInput("config.language", asked.config.language, "required")
    word = "nodejs" if asked.config.language in ("javascript", "js") else asked.config.language
    submitted = Submitted(asked=asked, language=here(word, "config.language"), service=service, client=client)
    provided = asked.config.provided_data
    if isinstance(provided, dict) and "test_cases" not in provided and "test" in provided:
        # Their older form, which is a row of CommonOJDataset.
        tests = provided["test"]
        row = await off_loop(len(tests) if isinstance(tests, str) else 0, stdio_row, provided)
        return await with_stdio(submitted, row)
    cases = _test_cases(provided)
    match cases.type or ("stdin_stdout" if cases.fn_name is None else "function_call"):
        case "stdin_stdout":
            return await with_stdio(submitted, _stdio(cases))
        case "function_call":
            return await _with_calls(submitted, cases)
        case "assert":
            return await _with_asserts(submitted, cases)
        case other:
            raise BadInput(f"{_PLACE}.type", other, "expected stdin_stdout, function_call or assert")


def _test_cases(provided: Any) -> TestCases:
    given = provided.get("test_cases") if isinstance(provided, dict) else None
    if isinstance(given, list) and given and all(isinstance(case, dict) for case in given):
        given = _side_by_side(given)
    if not isinstance(given, dict):
        raise BadInput(_PLACE, given, "expected a map, or a list of maps with a test each")
    try:
        cases = to_struct(given, TestCases)
    except BadInput as error:
        raise error.below(_PLACE) from None
    if len(cases.input) != len(cases.output):
        raise BadInput(f"{_PLACE}.output", len(cases.output), f"expected as many as input, {len(cases.input)}")
    if not cases.input and cases.type != "assert":
        raise BadInput(f"{_PLACE}.input", [], "expected at least one test")
    return cases


def _side_by_side(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """As a batch has them; all are of one type. Raises BadInput."""
    told: dict[str, Any] = {name: [_of(case, name, index) for index, case in enumerate(cases)] for name in _SIDES}
    for name in ("type", "fn_name"):
        told[name] = cases[0].get(name)
        for index, case in enumerate(cases):
            if case.get(name) != told[name]:
                raise BadInput(f"{_PLACE}[{index}].{name}", case.get(name), f"expected that of all, {told[name]!r}")
    return told


def _of(case: dict[str, Any], name: str, index: int) -> Any:
    # None is what a function may have to return.
    if name not in case:
        raise BadInput(f"{_PLACE}[{index}].{name}", None, "required")
    return case[name]


def _stdio(cases: TestCases) -> list[StdioCase]:
    for name, values in (("input", cases.input), ("output", cases.output)):
        wrong = next((index for index, value in enumerate(values) if not isinstance(value, str)), None)
        if wrong is not None:
            raise BadInput(f"{_PLACE}.{name}[{wrong}]", values[wrong], "expected text")
    return [StdioCase(stdin=stdin, stdout=stdout) for stdin, stdout in zip(cases.input, cases.output, strict=True)]


async def _with_calls(submitted: Submitted, cases: TestCases) -> dict[str, Any]:
    if not cases.fn_name:
        raise BadInput(f"{_PLACE}.fn_name", cases.fn_name, "required for function_call")
    if submitted.language != "python":
        raise BadInput("config.language", submitted.config.language, "function_call is only for python here")
    inputs, outputs = [], []
    for index, (given, wanted) in enumerate(zip(cases.input, cases.output, strict=True)):
        if cases.json_input and isinstance(given, str):
            given, wanted = _from_json(given, wanted)
            check_text(given, f"{_PLACE}.input[{index}]")
            check_text(wanted, f"{_PLACE}.output[{index}]")
        if not isinstance(given, list):
            raise BadInput(f"{_PLACE}.input[{index}]", given, "expected a list of arguments")
        inputs.append(given)
        outputs.append(expected_of(wanted))
    extracted = await submitted.extracted()
    return await submitted.told(call_cases(extracted.code, cases.fn_name, inputs, outputs), extracted)


def _from_json(given: str, wanted: Any) -> tuple[Any, Any]:
    try:
        return [json.loads(line) for line in given.split("\n")], [json.loads(wanted)]
    except (ValueError, TypeError, RecursionError):
        return given, wanted


async def _with_asserts(submitted: Submitted, cases: TestCases) -> dict[str, Any]:
    column = "test" if cases.test or not cases.tests else "tests"
    text = cases.test or cases.tests
    if not text:
        raise BadInput(f"{_PLACE}.test", text, "required for assert")
    stub = Stub(code=cases.prompt, name=cases.entry_point) if cases.prompt and cases.entry_point else None
    test: dict[str, Any] = {"script": text}
    if submitted.language == "python":
        call = f"\ncheck({cases.entry_point})\n" if cases.entry_point else ""
        # Helpers of the prompt are the tests' too: the program's own would say what they want to hear.
        test = {"asserts": text + call, "context": stub.context("python") if stub else ""}
    fields = {"completion": "", "language": submitted.language, "tests": [test]}
    try:
        item = code_item(fields if stub is None else {**fields, "stub": structs.asdict(stub)})
    except BadInput as error:
        raise BadInput(f"{_PLACE}.{column}", text, error.message) from None
    return await with_statements(submitted, item, whole=True)
