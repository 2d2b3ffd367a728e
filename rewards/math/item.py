"""Maths items as they arrive."""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import msgspec

from engine.errors import BadInput
from engine.exact import Declared
from rewards.completion import Thinking
from rewards.item import check_marker, checked

_MAX_NAMES: Final = 16

# Of a reference, where its text alone would be read as another one; docs/mathematics.md has what each accepts.
Type = Literal[
    "integer",
    "rational",
    "mixed",
    "decimal",
    "percent",
    "scientific",
    "constant",
    "complex",
    "expression",
    "equation",
    "inequality",
    "interval",
    "set",
    "list",
    "tuple",
    "matrix",
    "quantity",
    "money",
    "angle",
    "time",
    "ratio",
    "base",
    "choice",
    "yesno",
    "text",
    "family",
]


class MathItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""A completion whose final answer is compared with `reference`.

    reference         the answer, as text or JSON number; as data sets have it, also in a box, after `answer_pattern` or
                      in a last line `#### 72`
    answer_pattern    the literal text before the answer, which is the rest of its line (`A:`, `####`); None: `\boxed{}`
    thinking          "opened": the prompt opened the thinking, so that without an end of it there is no answer
    type              of the reference, where it would be read as another one: "choice", "ratio", "tuple", "text" ...
    variable          the name that was asked for, so that `y = 5` is no answer where it is x
    parameters        names in the reference that stand for any integer: `["k"]` of pi/4 + k pi
    choices           the options of a choice, by letter, so that an option's own text counts
    ordered           whether the order of a list counts
    percent           whether the question asks for a percentage
    decimals          "rounded": closed forms that round to the reference count; "exact": they never do
    assume            "positive": equal for positive variables is enough
    question          where it is known, its formulas are no answers, and percent and rounding are seen from it
    undecided         "zero": what the rules cannot decide is a reward of 0 rather than not judged
    """

    completion: str
    reference: str | int | float
    kind: Literal["math"] = "math"
    id: str | int | None = None
    answer_pattern: str | None = None
    thinking: Thinking = "auto"
    type: Type | None = None
    variable: str | None = None
    parameters: tuple[str, ...] = ()
    choices: dict[str, str] = {}
    ordered: bool = False
    percent: bool = False
    decimals: Literal["exact", "rounded"] | None = None
    assume: Literal["positive"] | None = None
    question: str | None = None
    undecided: Literal["zero"] | None = None
    judge: bool | Literal["always"] = False

    def declared(self) -> Declared:
        """What it says about its reference."""
        return Declared(
            type=self.type,
            variable=self.variable,
            parameters=self.parameters,
            choices=list(self.choices.items()),
            ordered=self.ordered,
            percent=self.percent,
            decimals=self.decimals,
            positive=self.assume == "positive",
            question=self.question,
        )


def math_item(item: dict[str, Any]) -> MathItem:
    """The item, checked; raises BadInput naming the field."""
    fields = checked(item, MathItem)
    if isinstance(fields.reference, float) and not math.isfinite(fields.reference):
        raise BadInput("reference", fields.reference, "expected a finite number or text")
    check_marker(fields.answer_pattern)
    if len(fields.parameters) > _MAX_NAMES:
        raise BadInput("parameters", fields.parameters, f"expected at most {_MAX_NAMES} names")
    for letter in fields.choices:
        if not (len(letter) == 1 and letter.isascii() and letter.isalpha()):
            raise BadInput("choices", letter, "expected one letter for each option")
    return fields
