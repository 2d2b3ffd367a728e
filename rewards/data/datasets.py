"""Public data sets as items, from the files that their authors publish."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Labelled(NamedTuple):
    """An item, and what a right judge says about it: a verdict's name, or "not judged"."""

    item: dict[str, Any]
    label: str


def lines_of(path: Path) -> Iterator[Any]:
    """The values of a file with one JSON text on each line, packed with gzip or not."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)


def humaneval(path: Path, body: str | None = None) -> Iterator[Labelled]:
    """HumanEval's problems with their canonical solutions, or with `body` (indented lines) in their place.

    HumanEval.jsonl.gz of openai/human-eval; its rows are items as they come.
    """
    for problem in lines_of(path):
        program = problem["prompt"] + (problem["canonical_solution"] if body is None else body)
        item = {"id": problem["task_id"], "kind": "code", "completion": f"```python\n{program}\n```", **problem}
        yield Labelled(item, "ACCEPTED" if body is None else "WRONG_ANSWER")


def gsm8k(problems: Path, completions: Path) -> Iterator[Labelled]:
    """The labelled model completions of GSM8K's test problems; right ones end in `A: NUMBER`.

    gsm8k-test.jsonl.gz, whose reference stands after `####`, and gsm8k-model-solutions.jsonl.gz, line by line the same
    problems, of openai/grade-school-math.
    """
    for problem, answers in zip(lines_of(problems), lines_of(completions), strict=True):
        reference = problem["answer"].rsplit("####", 1)[1].strip()
        for model, answer in answers.items():
            if model not in ("question", "ground_truth"):
                item = {
                    "id": f"{model}: {problem['question'][:60]}",
                    "kind": "math",
                    "completion": answer["solution"],
                    "reference": reference,
                    "answer_pattern": "A:",
                }
                yield Labelled(item, "ACCEPTED" if answer["is_correct"] else "WRONG_ANSWER")
