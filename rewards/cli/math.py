"""`assay math`: how one answer is judged, and how the references of a data set are read."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from rich.console import Console

from engine.cli.options import FAILED, NOT_JUDGED, WRONG_USE
from engine.errors import BadInput
from engine.exact import Inspected, grade, inspect, reading
from engine.wire.decode import decode_json
from rewards.completion import Nothing
from rewards.evidence import shown
from rewards.math.item import MathItem, Type, math_item
from rewards.math.reward import reference_text

_TYPES: Final = ", ".join(get_args(Type))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay math`."""
    words = parser.add_subparsers(title="words", metavar="WORD", required=True)
    check = words.add_parser("check", help="judge one answer, and show how both sides are read")
    check.add_argument("reference", metavar="REFERENCE", help="the right answer")
    check.add_argument("answer", metavar="ANSWER", help="what stands in the box")
    check.add_argument("--type", metavar="T", choices=get_args(Type), help=f"the reference's type: {_TYPES}")
    check.add_argument("--variable", metavar="X", help="the name that was asked for")
    check.add_argument("--parameter", metavar="K", action="append", default=[], help="a name that is any integer")
    check.add_argument("--choice", metavar="A=TEXT", action="append", default=[], help="an option of a choice")
    check.add_argument("--ordered", action="store_true", help="the order of a list counts")
    check.add_argument("--percent", action="store_true", help="a percentage was asked for")
    check.add_argument("--decimals", choices=("exact", "rounded"), help="what a decimal reference is")
    check.add_argument("--assume", choices=("positive",), help="what variables are")
    check.add_argument("--question", metavar="TEXT", help="the question")
    check.set_defaults(handler=_check)
    look = words.add_parser("inspect", help="the type of every reference in a file of items")
    look.add_argument("file", type=Path, metavar="FILE.jsonl", help="one item on each line, completions aside")
    look.add_argument("--json", action="store_true", help="one JSON text for each line, then the counts")
    look.set_defaults(handler=_inspect)


def _check(arguments: argparse.Namespace) -> int:
    """0 if the answer is correct, 1 if it is incorrect, 3 if that is undecided, 2 for wrong input."""
    choices = dict(option.partition("=")[::2] for option in arguments.choice)
    names = ("type", "variable", "ordered", "percent", "decimals", "assume", "question")
    said = {name: getattr(arguments, name) for name in names}
    fields = {"reference": arguments.reference, "parameters": arguments.parameter, "choices": choices, **said}
    try:
        item = math_item({"completion": "", **fields})
    except BadInput as error:
        print(f"assay math: {error}", file=sys.stderr)
        return WRONG_USE
    declared = item.declared()
    verdict, how, reason = grade([arguments.answer], arguments.reference, declared)
    reference = inspect(arguments.reference, declared)
    _, answer = reading(arguments.answer, arguments.reference, declared)
    rows = {
        "verdict": verdict,
        "how": how,
        "reason": reason,
        "reference": f"{reference.type}: {reference.written}" if reference.type else reference.why,
        "rounding": reference.rounding,
        "answer": answer,
    }
    for name, value in rows.items():
        if value is not None:
            print(f"{name:<10} {value}")
    return {"correct": 0, "incorrect": FAILED}.get(verdict, NOT_JUDGED)


def _inspect(arguments: argparse.Namespace) -> int:
    """0 if every reference can be judged against, 3 if one cannot, 2 for wrong input."""
    counts: Counter[str] = Counter()
    console = Console(highlight=False, soft_wrap=True)
    try:
        lines = arguments.file.read_bytes().splitlines()
    except OSError as error:
        print(f"assay math: {error}", file=sys.stderr)
        return WRONG_USE
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = _item(line)
        except (BadInput, msgspec.DecodeError) as error:
            print(f"assay math: line {number}: {error}", file=sys.stderr)
            return WRONG_USE
        text = reference_text(item)
        found = (
            Inspected(None, None, None, text.reason, None)
            if isinstance(text, Nothing)
            else inspect(text, item.declared())
        )
        counts[found.type or "undecided"] += 1
        if arguments.json:
            row = {"line": number, "reference": item.reference, **found._asdict()}
            print(json.dumps({name: value for name, value in row.items() if value is not None}))
        else:
            console.print(_shown(number, item, found), markup=False)
    if arguments.json:
        print(json.dumps({"counts": dict(counts)}))
    else:
        for name, count in counts.most_common():
            console.print(f"{count:>7} {name}", markup=False)
    return NOT_JUDGED if counts["undecided"] else 0


def _item(line: bytes) -> MathItem:
    fields: Any = decode_json(line)
    if not isinstance(fields, dict):
        raise BadInput("line", fields, "expected an item")
    # What a data set has beside the item does not matter here, nor what a model said.
    known = {name: value for name, value in fields.items() if name in MathItem.__struct_fields__}
    return math_item({**known, "kind": "math", "completion": ""})


def _shown(number: int, item: MathItem, found: Inspected) -> str:
    reference = shown(item.reference)
    if found.type is None:
        place = "" if found.at is None else f" (at byte {found.at})"
        return f"{number}: {reference}: undecided: {found.why}{place}"
    rounding = f", {found.rounding}" if found.rounding else ""
    return f"{number}: {reference}: {found.type}{rounding}: {found.written}"
