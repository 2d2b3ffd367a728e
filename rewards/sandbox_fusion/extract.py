"""The program in a completion by SandboxFusion's rules, which are not those of `/v1/score` (rewards.code.extract).

Of the fenced blocks the first one tagged with the language, else the first one; without any what follows an opening
fence; without that, in Python, the first function or class at the margin. Thinking is not told from the answer.
It goes into the sandbox too, for a `custom_extract_logic`: it imports nothing but Python's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

FoundAs = Literal["fenced", "incomplete_fenced", "heuristic", "empty"]
FENCED: Final = 30
INCOMPLETE: Final = 20
HEURISTIC: Final = 10
_FENCE: Final = "```"


class Block(NamedTuple):
    """What may be the program: of those with the highest priority one is taken."""

    priority: int
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program's source, "" where there is none, and how it was found: None by an extract logic of the request."""

    code: str
    found: FoundAs | None


def program_of(completion: str, language: str, tags: frozenset[str], custom: Sequence[Block] = ()) -> Extracted:
    """The program that a completion holds; `tags` are names of the language in lower case. One pass over the text.

    custom  what an extract logic found beside
    """
    found = fenced(completion) or incomplete(completion) or heuristic(completion, language)[:1]
    most = max((block.priority for block in (*found, *custom)), default=0)
    best = [block for block in (*found, *custom) if block.priority == most]
    if not best:
        return Extracted("", "empty")
    chosen = next((block for block in best if block.language.strip().lower() in tags), best[0])
    if not chosen.code.strip():
        return Extracted("", "empty")
    return Extracted(chosen.code, _FOUND_AS[chosen.priority] if any(block is chosen for block in found) else None)


_FOUND_AS: Final[dict[int, FoundAs]] = {FENCED: "fenced", INCOMPLETE: "incomplete_fenced", HEURISTIC: "heuristic"}


def fenced(text: str) -> list[Block]:
    """The closed blocks."""
    blocks = []
    at = text.find(_FENCE)
    while at >= 0 and (end_of_line := text.find("\n", at)) >= 0:
        begin = end_of_line + 1
        closing = _closing(text, begin)
        if closing is None:
            break
        end, after = closing
        blocks.append(Block(FENCED, text[at + len(_FENCE) : end_of_line], text[begin:end]))
        at = text.find(_FENCE, after)
    return blocks


def incomplete(text: str) -> list[Block]:
    """What follows the first fence that opens a block, if there is one."""
    at = text.find(_FENCE)
    end_of_line = text.find("\n", at) if at >= 0 else -1
    if end_of_line < 0:
        return []
    return [Block(INCOMPLETE, text[at + len(_FENCE) : end_of_line], text[end_of_line + 1 :])]


def heuristic(text: str, language: str) -> list[Block]:
    """What looks like a program though nothing says so."""
    codes = _definitions(text) if language == "python" else [text] if language == "bash" else []
    return [Block(HEURISTIC, language, code) for code in codes]


def _closing(text: str, begin: int) -> tuple[int, int] | None:
    """Where the block's text ends, without blank lines, and where the fence does that begins a line after its first."""
    at, end = begin, begin
    while (end_of_line := text.find("\n", at)) >= 0 or at < len(text):
        stop = end_of_line if end_of_line >= 0 else len(text)
        line = text[at:stop]
        body = line.lstrip()
        if at > begin and body.startswith(_FENCE):
            return end, at + len(line) - len(body) + len(_FENCE)
        if body:
            end = stop
        if end_of_line < 0:
            break
        at = stop + 1
    return None


def _definitions(text: str) -> Iterator[str]:
    """Each function and class at the margin, with the comments and imports right above it."""
    lines = [line for line in text.split("\n") if line.strip()]
    index = past = 0
    while index < len(lines):
        end = index + 1
        if lines[index].startswith(("def ", "class ")):
            while end < len(lines) and lines[end][0].isspace():
                end += 1
            if end > index + 1:
                begin = index
                while begin > past and lines[begin - 1].startswith(("import", "from", "#")):
                    begin -= 1
                yield "\n".join(lines[begin:end]) + "\n"
                past = end
        index = end
