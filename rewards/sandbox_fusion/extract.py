"""The program in a completion by SandboxFusion's rules, which are not those of `/v1/score` (rewards.code.extract).

Of the fenced blocks the first one tagged with the language, else the first one; without any what follows an opening
fence; without that, in Python, the first function or class at the margin. Thinking is not told from the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FoundAs = Literal["fenced", "incomplete_fenced", "heuristic", "empty"]
_FENCE: Final = "```"


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program's source, "" where there is none, and how it was found."""

    code: str
    found: FoundAs


def program_of(completion: str, language: str, tags: frozenset[str]) -> Extracted:
    """The program that a completion holds; `tags` are names of the language in lower case. One pass over the text."""
    blocks, rest = _fenced(completion)
    if blocks:
        tagged = (code for tag, code in blocks if tag.strip().lower() in tags)
        found = Extracted(next(tagged, blocks[0][1]), "fenced")
    elif rest is not None:
        found = Extracted(rest, "incomplete_fenced")
    else:
        code = _definition(completion) if language == "python" else completion if language == "bash" else ""
        found = Extracted(code, "heuristic")
    return found if found.code.strip() else Extracted("", "empty")


def _fenced(text: str) -> tuple[list[tuple[str, str]], str | None]:
    """The tags and texts of closed blocks; without any, what follows the first fence that opens one."""
    blocks: list[tuple[str, str]] = []
    rest: str | None = None
    at = text.find(_FENCE)
    while at >= 0 and (end_of_line := text.find("\n", at)) >= 0:
        begin = end_of_line + 1
        if rest is None:
            rest = text[begin:]
        closing = _closing(text, begin)
        if closing is None:
            break
        end, after = closing
        blocks.append((text[at + len(_FENCE) : end_of_line], text[begin:end]))
        at = text.find(_FENCE, after)
    return blocks, rest


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


def _definition(text: str) -> str:
    lines = [line for line in text.split("\n") if line.strip()]
    for index, line in enumerate(lines):
        if line.startswith(("def ", "class ")):
            end = index + 1
            while end < len(lines) and lines[end][0].isspace():
                end += 1
            if end > index + 1:
                begin = index
                while begin and lines[begin - 1].startswith(("import", "from", "#")):
                    begin -= 1
                return "\n".join(lines[begin:end]) + "\n"
    return ""
