"""How a maths answer was judged, as labels of a counter: of a closed set, whatever was answered."""

from __future__ import annotations

from typing import Any, Final

HOWS: Final = (
    "literal",
    "exact",
    "normal form",
    "root bound",
    "separated",
    "mod p",
    "identity at 24 points",
    "text",
    # Where the rules are silent, a model.
    "judge",
)
# What the grader says against an answer; before the colon, where it says where.
_AGAINST: Final = (
    "different",
    "wrong type",
    "several answers",
    "unparsable",
    "unevaluated",
    "restated",
    "too large",
    "judge",
)
REASONS: Final = (*_AGAINST, "no answer", "open", "reference")
_UNDECIDED: Final = "undecided"


def labels(answer: dict[str, Any]) -> tuple[str, str, str]:
    """Verdict, how and reason of an item's answer as it goes over the wire; what does not apply is empty.

    A completion without a final answer is "no answer", an undecided pair "open", what else is undecided "reference".
    """
    said = answer.get("not_judged")
    if said is not None:
        return _UNDECIDED, "", "open" if f"{said}".startswith(f"{_UNDECIDED}: no proof") else "reference"
    how = answer.get("how")
    if how is not None:
        return "correct", how if how in HOWS else "", ""
    before, _, after = f"{answer.get('reason')}".partition(": ")
    if before == _UNDECIDED:
        # It was declared to be a reward of 0.
        return _UNDECIDED, "", "open" if after == "open" else "reference"
    return "incorrect", "", before if before in _AGAINST else "no answer"
