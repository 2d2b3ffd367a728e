"""open-instruct's code server: `POST /test_program` by asserts, `POST /test_program_stdio` by inputs and outputs."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.server.answers import Answer, json_answer
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.decode import to_struct
from rewards.adapters.http.scored import number, scored_one
from rewards.code.forms.text import unpacked

# It waits 30 s for an answer, or longer for tests that may take longer.
_QUEUE_SECONDS: Final = 20.0
_TEST: Final = re.compile(r"(tests\[\d+\])\.(\w+)")
# Its grader compares lines, and words that are numbers by their value.
_CHECKER: Final = {"floats": {"relative": 0.0, "absolute": 0.0}}


class TestProgram(msgspec.Struct, frozen=True, kw_only=True):
    """Their request; `tests` is a list, its JSON text, or that packed as LiveCodeBench packs it."""

    __test__ = False  # pytest takes classes of this name for its own

    program: str
    tests: Any
    max_execution_time: float = 1.0


async def test_program(service: Service, request: HttpRequest) -> Answer:
    """`results`, 1 or 0 for each assert, and `runtimes` in seconds, -1.0 where it failed."""
    return await _answer(service, request, _with_asserts)


async def test_program_stdio(service: Service, request: HttpRequest) -> Answer:
    """The same for each `input` with its `output`."""
    return await _answer(service, request, _with_stdio)


async def _answer(service: Service, request: HttpRequest, item_of: Any) -> Answer:
    count = 0

    def item(body: Any) -> dict[str, Any]:
        nonlocal count
        made: dict[str, Any] = item_of(to_struct(body, TestProgram))
        count = len(made["tests"])
        return made

    answer = await scored_one(service, request, item, called=_called, deadline_seconds=_QUEUE_SECONDS)
    number(answer)  # what was not judged has none
    tests = answer.get("tests", [])
    results = [int(test["verdict"] == "ACCEPTED") for test in tests]
    seconds = [test["wall_seconds"] if right else -1.0 for test, right in zip(tests, results, strict=True)]
    # A program that does not compile has one outcome for all.
    missing = count - len(results)
    return json_answer({"results": results + [0] * missing, "runtimes": seconds + [-1.0] * missing})


def _with_asserts(asked: TestProgram) -> dict[str, Any]:
    return _item(asked, [{"asserts": test} for test in _tests(asked)])


def _with_stdio(asked: TestProgram) -> dict[str, Any]:
    tests = []
    for index, test in enumerate(_tests(asked)):
        if not isinstance(test, dict) or not {"input", "output"} <= test.keys():
            raise BadInput(f"tests[{index}]", test, "expected a map with input and output")
        tests.append({"stdin": test["input"], "expected": test["output"]})
    return {**_item(asked, tests), "checker": _CHECKER}


def _called(field: str) -> str:
    if field.startswith("limits."):
        return "max_execution_time"
    test = _TEST.fullmatch(field)
    if test is None:
        return "program" if field == "completion" else field
    return {"stdin": f"{test[1]}.input", "expected": f"{test[1]}.output"}.get(test[2], test[1])


def _tests(asked: TestProgram) -> list[Any]:
    tests = unpacked(asked.tests, "tests")
    if not isinstance(tests, list):
        raise BadInput("tests", asked.tests, "expected a list of tests")
    return tests


def _item(asked: TestProgram, tests: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = asked.max_execution_time
    # A program that is known to be one: between longer fences than any of its own.
    longest = max(map(len, re.findall("`+", asked.program)), default=0)
    fence = "`" * max(3, longest + 1)
    return {
        "kind": "code",
        "completion": f"{fence}python\n{asked.program}\n{fence}\n",
        "tests": tests,
        "reward": "fraction",
        "limits": {"cpu_seconds": seconds, "wall_seconds": 2 * seconds + 1},
    }
