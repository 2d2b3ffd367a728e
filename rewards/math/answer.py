r"""The one final answer of a maths completion, and what kind of text it is.

After the end of thinking (`rewards.completion`) it is the content of the last `\boxed{...}`, or, for a data set that
marks answers in a way of its own, what follows the last marker up to the end of its line. One answer is scored, never
the best of several.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from rewards.completion import Nothing, Thinking, answer_part

_BOX: Final = re.compile(r"\\boxed\s*\{|\\.|[{}]", re.DOTALL)
_BETWEEN_CHARS: Final = 40
_SENTENCE_END: Final = re.compile(r"[.!?:]\s|\n\s*\n")


def final_answer(completion: str, marker: str | None = None, thinking: Thinking = "auto") -> str | Nothing:
    """The text of the completion's final answer, without blanks around it; linear in the completion."""
    text = answer_part(completion, thinking)
    if isinstance(text, Nothing):
        return text
    return marked_answer(text, marker)


def marked_answer(text: str, marker: str | None) -> str | Nothing:
    """What stands in the last box, or after the last marker on its line, without blanks around it."""
    answer = _last_box(text) if marker is None else _after_last_marker(text, marker)
    return answer if isinstance(answer, Nothing) else answer.strip() or Nothing("the final answer is empty")


def _last_box(text: str) -> str | Nothing:
    r"""Content of the box whose brace closes last, so that of nested boxes it is the outer one.

    A box left open after it means that the answer was cut off. Two boxes with different contents in one breath
    (`\boxed{203} or \boxed{204}`) are two answers.
    """
    open_braces: list[tuple[int, int] | None] = []
    boxes: list[tuple[int, int, int]] = []
    for match in _BOX.finditer(text):
        token = match.group()
        if token == "}":
            box = open_braces.pop() if open_braces else None
            if box is not None:
                while boxes and boxes[-1][0] > box[0]:
                    boxes.pop()
                boxes.append((*box, match.start()))
        elif token == "{":
            open_braces.append(None)
        elif token.startswith("\\boxed"):
            open_braces.append(match.span())
    if any(box is not None and (not boxes or box[0] > boxes[-1][2]) for box in open_braces):
        return Nothing("the last box is not closed")
    if not boxes:
        return Nothing("no box")
    _, start, end = boxes[-1]
    answer = text[start:end]
    if len(boxes) > 1:
        _, other_start, other_end = boxes[-2]
        between = text[other_end + 1 : boxes[-1][0]]
        if text[other_start:other_end].strip() != answer.strip() and _one_breath(between):
            return Nothing("several boxes with different answers")
    return answer


def _one_breath(between: str) -> bool:
    return len(between) <= _BETWEEN_CHARS and not _SENTENCE_END.search(between)


def _after_last_marker(text: str, marker: str) -> str | Nothing:
    at = text.rfind(marker)
    # "A:" is not in "DATA: 5".
    while at > 0 and marker[0].isalnum() and text[at - 1].isalnum():
        at = text.rfind(marker, 0, at + len(marker) - 1)
    if at < 0:
        return Nothing(f"no answer after {marker!r}")
    return text[at + len(marker) :].split("\n", 1)[0]


_SHORT_CHARS: Final = 80
_LAYERS: Final = 4
_NUMERAL: Final = r"(?:\d{1,15}(?:[.,]\d{1,15})*|\.\d{1,15})"
_WORD: Final = r"[A-Za-z]{1,20}[.²³]?"
_AMOUNT: Final = rf"[-+\u2212]?\s*(?:\\?\$|[€£¥])?\s*{_NUMERAL}(?:\s*/\s*{_NUMERAL})?\s*[€£¥%°]?"
_WITH_UNIT: Final = re.compile(rf"{_AMOUNT}(?:\s*{_WORD}(?:\s+{_WORD}){{0,2}})?", re.ASCII)
_NAMED_VALUE: Final = re.compile(r"\s*[A-Za-z]\s*=")
_TEXT: Final = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{[^{}]*\}")
_COMMAND: Final = re.compile(r"\\(?:(?:[dt]?frac|sqrt|cdot|times|left|right|circ|degree)(?![A-Za-z])|[,;:!%$ ])")
_GROUP_COMMA: Final = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_EXPRESSION: Final = re.compile(r"[0-9A-Za-z\s{}()+\-*/.^_$%°π√−×·]*")
_HUGE: Final = re.compile(r"\^\s*\{?\s*-?[0-9]{4}|\^\s*\w+\s*\^|\^\s*\{[^}]*\^|[0-9]{16}", re.ASCII)
_SENTENCE: Final = re.compile(r"[A-Za-z]{3}")
_SEVERAL: Final = re.compile(r"\b(?:or|and)\b", re.IGNORECASE)
_NO_VALUE: Final = re.compile(r"[0-9%]\s+[0-9]|(?:/\s*|\}\s*\{\s*)0+\s*(?![0-9.\s])|[0-9][eE][-+]?[0-9]{4}")
_TEXT_WORDS: Final = 3

Kind = Literal["other notation", "garbage"]


def undressed(answer: str) -> str:
    """A short answer without what a sentence and Markdown put around it: a full stop, `**`, `__`, `$`."""
    if len(answer) > _SHORT_CHARS:
        return answer
    for _ in range(_LAYERS):
        answer = answer.strip()
        if not answer.endswith(".."):
            answer = answer.removesuffix(".")
        for mark in ("**", "__"):
            answer = answer.removeprefix(mark).removesuffix(mark)
        if len(answer) > 1 and answer[0] == answer[-1] == "$":
            answer = answer[1:-1]
    return answer.strip()


def kind_of(answer: str) -> Kind:
    r"""What an answer is that is no plain number, where the reference is one.

    "other notation" may be the same value in a notation that number grading does not decide: a number with a unit,
    percent sign or base (`5\%`, `3 m`, `10_2`), a named one (`x = 5`), a short expression in roots, powers, fractions,
    products and pi (`2\sqrt{9}`). Everything else is "garbage": longer than 80 characters, several values (`203 or
    204`, `1, 2`, `4 2`), divisions by zero, equality chains, sums, integrals, towers of powers, factorials, sentences,
    no digit at all, look-alike digits. So the door from a completion to "not judged" is narrow.
    """
    if len(answer) > _SHORT_CHARS or _SEVERAL.search(answer) or _NO_VALUE.search(answer):
        return "garbage"
    if any(len(text.split()) > _TEXT_WORDS for text in _TEXT.findall(answer)):
        return "garbage"
    if _WITH_UNIT.fullmatch(answer):
        return "other notation"
    bare = _TEXT.sub(" ", _NAMED_VALUE.sub("", answer, count=1)).replace("\\pi", "π")
    bare = _GROUP_COMMA.sub("", _COMMAND.sub(" ", bare))
    has_value = re.search(r"[0-9π]", bare) is not None
    plain = _EXPRESSION.fullmatch(bare) and not _HUGE.search(bare) and not _SENTENCE.search(bare)
    return "other notation" if has_value and plain else "garbage"
