r"""The one final answer of a completion, as maths has it and as a judge model is shown it.

After the end of thinking (`rewards.completion`) it is the content of the last box, or, for a data set that marks
answers in a way of its own, what follows the last marker up to the end of its line. One answer is scored, never the
best of several; boxes in one breath are handed on together, for they may be the elements of one answer.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from rewards.completion import Nothing, Thinking, answer_part

# A box without braces holds one token, as TeX has it.
_BOX: Final = re.compile(
    r"\\(?:boxed|fbox)(?:\s*(?P<open>\{)|\s+(?P<token>[0-9A-Za-z])|(?P<digit>[0-9]))|\\.|[{}]", re.DOTALL
)
_BETWEEN_CHARS: Final = 40
_SENTENCE_END: Final = re.compile(r"[.!?:]\s|\n\s*\n")
# More boxes than this in one breath are several answers, whatever the reference is.
_MOST_BOXES: Final = 64


class _Box(NamedTuple):
    begin: int
    start: int
    stop: int
    end: int


def final_answer(completion: str, marker: str | None = None, thinking: Thinking = "auto") -> list[str] | Nothing:
    """The texts of the completion's final answer, without blanks around them; linear in the completion.

    More than one only if several boxes stand in one breath.
    """
    text = answer_part(completion, thinking)
    if isinstance(text, Nothing):
        return text
    return marked_answer(text, marker)


def marked_answer(text: str, marker: str | None) -> list[str] | Nothing:
    """What stands in the last boxes, or after the last marker on its line, without blanks around it."""
    found = _last_boxes(text) if marker is None else _after_last_marker(text, marker)
    if isinstance(found, Nothing):
        return found
    answers = [answer.strip() for answer in found]
    return answers if all(answers) else Nothing("the final answer is empty")


def _last_boxes(text: str) -> list[str] | Nothing:
    r"""Content of the box whose brace closes last, so that of nested boxes it is the outer one, and its company.

    A box left open after it means that the answer was cut off.
    """
    open_braces: list[tuple[int, int] | None] = []
    boxes: list[_Box] = []
    for match in _BOX.finditer(text):
        token = match.group()
        if token == "}":
            box = open_braces.pop() if open_braces else None
            if box is not None:
                while boxes and boxes[-1].begin > box[0]:
                    boxes.pop()
                boxes.append(_Box(*box, match.start(), match.end()))
        elif token == "{":
            open_braces.append(None)
        elif match["open"]:
            open_braces.append(match.span())
        elif match.lastgroup is not None:
            boxes.append(_Box(match.start(), *match.span(match.lastgroup), match.end()))
    if any(box is not None and (not boxes or box[0] > boxes[-1].stop) for box in open_braces):
        return Nothing("the last box is not closed")
    if not boxes:
        return Nothing("no box")
    first = len(boxes) - 1
    while first > 0 and len(boxes) - first < _MOST_BOXES:
        if not _one_breath(text[boxes[first - 1].end : boxes[first].begin]):
            break
        first -= 1
    return [text[box.start : box.stop] for box in boxes[first:]]


def _one_breath(between: str) -> bool:
    return len(between) <= _BETWEEN_CHARS and not _SENTENCE_END.search(between)


def _after_last_marker(text: str, marker: str) -> list[str] | Nothing:
    at = text.rfind(marker)
    # "A:" is not in "DATA: 5".
    while at > 0 and marker[0].isalnum() and text[at - 1].isalnum():
        at = text.rfind(marker, 0, at + len(marker) - 1)
    if at < 0:
        return Nothing(f"no answer after {marker!r}")
    return [text[at + len(marker) :].split("\n", 1)[0]]
