"""Items made from the problems: programs that are right, wrong, slow, do not parse or loop; each verdict known."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final, Literal

from rewards.bench.items import BenchItem, Kind
from rewards.bench.problems import PROBLEMS, Case, Problem, cases, first_failed

Form = Literal["python-calls", "python-stdin", "cpp-stdin"]
FORMS: Final[tuple[Form, ...]] = ("python-calls", "python-stdin", "cpp-stdin")
KINDS_OF_SET: Final[tuple[Kind, ...]] = ("right", "wrong", "slow")
# What a slow program burns in each test, several times what the others need.
SLOW_SECONDS: Final = 0.02
CPU_LIMIT_SECONDS: Final = 2.0
_MOST_TESTS: Final = 50
# Prime to the most tests, so that every number of tests comes before any comes again.
_STRIDE: Final = 7

_PYTHON_SLOW: Final = f"""
import time


def wait():
    began = time.process_time()
    while time.process_time() - began < {SLOW_SECONDS}:
        pass


"""
_PYTHON_LOOP: Final = "    while k:\n        pass\n"
# What others append to call a function that they cannot call: one JSON text in, one out.
_PYTHON_CALLER: Final = "\nimport json\nimport sys\n\nprint(json.dumps(solve(*json.loads(sys.stdin.read()))))\n"
_PYTHON_READER: Final = "\nimport sys\n\nk, *numbers = map(int, sys.stdin.read().split())\nprint(solve(numbers, k))\n"
_CPP_HEAD: Final = "".join(
    f"#include <{name}>\n" for name in ("algorithm", "ctime", "iostream", "map", "numeric", "set", "vector")
)
_CPP_SLOW: Final = f"""
void wait() {{
    auto began = std::clock();
    while (std::clock() - began < {SLOW_SECONDS} * CLOCKS_PER_SEC) {{}}
}}
"""
_CPP_READER: Final = """
int main() {
    long long k;
    std::cin >> k;
    std::vector<long long> numbers;
    for (long long number; std::cin >> number;) numbers.push_back(number);
    std::cout << solve(numbers, k) << "\\n";
}
"""


def generated(form: Form, problems: int, seed: int) -> list[BenchItem]:
    """A right, a wrong and a slow program for each problem, with 1 to 50 tests; always the same for a seed."""
    random = Random(f"{form} {seed}")
    made = []
    for number in range(problems):
        problem = PROBLEMS[number % len(PROBLEMS)]
        tests = cases(problem, 1 + number * _STRIDE % _MOST_TESTS, random)
        made += [bench_item(problem, kind, form, tests, f"{seed}.{number}") for kind in KINDS_OF_SET]
    return made


def bench_item(problem: Problem, kind: Kind, form: Form, tests: list[Case], number: str) -> BenchItem:
    """The item of one program; `number` is in its text, so that no two are the same."""
    language = "cpp" if form == "cpp-stdin" else "python"
    source = _source(problem, kind, form, number)
    calls = form == "python-calls"
    failed = _first_failed(problem, kind, tests)
    item = {
        "id": f"{problem.name}: {kind}, {number}",
        "kind": "code",
        "completion": f"```{language}\n{source}```",
        "language": language,
        "tests": [_call(case) if calls else _stdin(case) for case in tests],
        "limits": {"cpu_seconds": CPU_LIMIT_SECONDS},
    }
    return BenchItem(
        item=item,
        kind=kind,
        accepted=failed is None,
        needed=len(tests) if failed is None else failed + 1,
        alone=source + _PYTHON_CALLER if calls else source,
        streams=tuple(
            (json.dumps([case.numbers, case.k]), f"{case.expected}\n") if calls else _streams(case) for case in tests
        ),
        prime_code=None if language == "cpp" else _prime_code(tests, calls=calls),
    )


def _first_failed(problem: Problem, kind: Kind, tests: list[Case]) -> int | None:
    if kind in ("right", "slow"):
        return None
    return first_failed(problem, tests) if kind == "wrong" else 0


def _source(problem: Problem, kind: Kind, form: Form, number: str) -> str:
    if form == "cpp-stdin":
        return f"// {number}\n{_CPP_HEAD}{_cpp(problem, kind)}{_CPP_READER}"
    return f"# {number}\n{_python(problem, kind)}{_PYTHON_READER if form == 'python-stdin' else ''}"


def _python(problem: Problem, kind: Kind) -> str:
    head = "def solve(numbers, k):\n"
    match kind:
        case "right":
            return problem.python
        case "wrong":
            return problem.python_wrong
        case "slow":
            return _PYTHON_SLOW.lstrip() + problem.python.replace(head, f"{head}    wait()\n")
        case "does not parse":
            return problem.python.replace(head, head.replace(":", ""))
        case "loops":
            return problem.python.replace(head, head + _PYTHON_LOOP)


def _cpp(problem: Problem, kind: Kind) -> str:
    match kind:
        case "right":
            return problem.cpp
        case "wrong":
            return problem.cpp_wrong
        case "slow":
            return _CPP_SLOW.lstrip() + problem.cpp.replace("{\n", "{\n    wait();\n", 1)
        case "does not parse":
            return problem.cpp.replace("{", "", 1)
        case "loops":
            return problem.cpp.replace("{\n", "{\n    for (volatile bool on = true; on;) {}\n", 1)


def _call(case: Case) -> dict[str, Any]:
    return {"call": "solve", "arguments": [case.numbers, case.k], "expected": case.expected}


def _stdin(case: Case) -> dict[str, Any]:
    stdin, expected = _streams(case)
    return {"stdin": stdin, "expected": expected}


def _streams(case: Case) -> tuple[str, str]:
    return f"{case.k}\n{' '.join(map(str, case.numbers))}\n", f"{case.expected}\n"


def _prime_code(tests: list[Case], *, calls: bool) -> dict[str, Any]:
    """The tests as PRIME's data sets have them."""
    if not calls:
        inputs, outputs = zip(*map(_streams, tests), strict=True)
        return {"inputs": list(inputs), "outputs": list(outputs)}
    inputs_of_calls = [f"{json.dumps(case.numbers)}\n{case.k}" for case in tests]
    return {"fn_name": "solve", "inputs": inputs_of_calls, "outputs": [str(case.expected) for case in tests]}
