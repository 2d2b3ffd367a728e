"""Generated tasks that a tiny model learns in minutes, split by construction.

    sort    five digits into their order; graded as mathematics
    program the expression that turns one text into another; its program runs in the sandbox on other texts

Every fifth problem by a hash of its operands is held out: neither the warm-up nor the rollouts ever see it.
"""

from __future__ import annotations

import hashlib
import json
import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

_FIFTH: Final = 5
_LETTERS: Final = 5
_DIGITS: Final = 5

# Each tells itself from every other on a text of five different letters.
EXPRESSIONS: Final[dict[str, Callable[[str], str]]] = {
    "s[::-1]": lambda s: s[::-1],
    "s[1:]+s[0]": lambda s: s[1:] + s[0],
    "s[::2]": lambda s: s[::2],
    "s.upper()": lambda s: s.upper(),
    "s.title()": lambda s: s.title(),
    "s*2": lambda s: s * 2,
    "s[0]*5": lambda s: s[0] * 5,
    "s[2:]": lambda s: s[2:],
    "s[:2]": lambda s: s[:2],
    "s[:2].upper()": lambda s: s[:2].upper(),
}
_PROGRAM: Final = "```python\nfor s in open(0).read().split():\n    print({completion})\n```"


class Problem(NamedTuple):
    """A prompt with what scores it, and the answer that the warm-up learns from."""

    operands: str
    prompt: str
    answer: str
    item: dict[str, Any]
    wrap: str
    difficulty: float


def _sort(random_: random.Random) -> Problem:
    digits = "".join(random_.choice("123456789") for _ in range(_DIGITS))
    answer = "".join(sorted(digits))
    inversions = sum(digits[i] > digits[j] for j in range(_DIGITS) for i in range(j))
    return Problem(
        digits, f"{digits}>", answer, {"kind": "math", "reference": answer}, "\\boxed{{completion}}", inversions / 10
    )


def _program(random_: random.Random) -> Problem:
    text = "".join(random_.sample(string.ascii_lowercase, _LETTERS))
    expression, function = random_.choice(list(EXPRESSIONS.items()))
    others = ["".join(random_.sample(string.ascii_lowercase, _LETTERS)) for _ in range(3)]
    test = {"stdin": "\n".join(others) + "\n", "expected": "".join(f"{function(other)}\n" for other in others)}
    return Problem(
        text,
        f"{text}>{function(text)}:",
        expression,
        {"kind": "code", "language": "python", "tests": [test]},
        _PROGRAM,
        len(expression) / 16,
    )


TASKS: Final[dict[str, Callable[[random.Random], Problem]]] = {"sort": _sort, "program": _program}


def held_out(problem: Problem) -> bool:
    """Whether its operands are kept for the evaluation."""
    return hashlib.blake2b(problem.operands.encode(), digest_size=4).digest()[0] % _FIFTH == 0


def write_task(name: str, directory: str | Path, *, train: int, evaluation: int, warm_up: int, seed: int = 0) -> None:
    """Write sft.jsonl, prompts.jsonl and held-out.jsonl of that many problems of a task, no problem twice."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    problems = _different(TASKS[name], random.Random(seed))
    kept: list[Problem] = []
    seen: list[Problem] = []
    while len(kept) < evaluation or len(seen) < max(train, warm_up):
        problem = next(problems)
        (kept if held_out(problem) else seen).append(problem)
    _write(directory / "prompts.jsonl", map(_line, range(train), seen))
    _write(directory / "held-out.jsonl", map(_line, range(evaluation), kept))
    solved = ({"prompt": problem.prompt, "completion": problem.answer} for problem in seen[:warm_up])
    _write(directory / "sft.jsonl", solved)


def _different(make: Callable[[random.Random], Problem], random_: random.Random) -> Iterator[Problem]:
    seen = set()
    while True:
        problem = make(random_)
        if problem.prompt not in seen:
            seen.add(problem.prompt)
            yield problem


def _line(index: int, problem: Problem) -> dict[str, Any]:
    shown = ("prompt", "item", "wrap", "difficulty")
    return {"id": f"{index}", **{name: getattr(problem, name) for name in shown}}


def _write(path: Path, lines: Iterator[dict[str, Any]]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
