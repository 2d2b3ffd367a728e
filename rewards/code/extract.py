"""The program in a completion's answer: one pass over the text, whatever the text is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rewards.completion import Nothing, answer_part

_TAG_END = re.compile(r"[\s:,;={}()\[\]]")

Found = Literal["fenced", "unclosed", "bare"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program's source and where it stood: in a closed fenced block, in one without an end, or without any fence."""

    source: str
    found: Found


def program(completion: str, tags: frozenset[str] = frozenset()) -> Extracted | Nothing:
    """The program that a completion hands in.

    `tags` are the names of the wanted language, in lower case. Of the fenced blocks in the answer part that are not
    blank it is the last one tagged with one of these, else the last one without a tag, else the last one; a last block
    without an end counts. Without any fence the whole answer part is the program.
    """
    text = answer_part(completion)
    if isinstance(text, Nothing):
        return text
    blocks = _fenced_blocks(text)
    usable = [block for block in blocks if not block.source.isspace() and block.source]
    if usable:
        of_language = [block for block in usable if block.tag in tags]
        untagged = [block for block in usable if not block.tag]
        block = (of_language or untagged or usable)[-1]
        return Extracted(block.source, "fenced" if block.closed else "unclosed")
    if blocks:
        return Nothing("every fenced block is empty")
    bare = _unix_lines(text).strip("\n")
    return Extracted(bare + "\n", "bare") if bare.strip() else Nothing("no text after thinking")


@dataclass(frozen=True, slots=True)
class _Block:
    tag: str
    source: str
    closed: bool


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _fenced_blocks(text: str) -> list[_Block]:
    """Fenced blocks by CommonMark's rules, but an opening fence may be indented as deep as it likes, as in lists."""
    blocks: list[_Block] = []
    lines: list[str] = []
    fence: _Fence | None = None
    for line in _unix_lines(text).split("\n"):
        mark = _fence_of(line)
        if fence is None:
            fence = mark if mark is not None and mark.opens else None
            continue
        if mark is not None and mark.closes(fence):
            blocks.append(fence.block(lines, closed=True))
            lines, fence = [], None
        else:
            lines.append(line)
    if fence is not None:
        blocks.append(fence.block(lines, closed=False))
    return blocks


@dataclass(frozen=True, slots=True)
class _Fence:
    indent: int
    char: str
    length: int
    info: str

    @property
    def opens(self) -> bool:
        return self.char == "~" or "`" not in self.info

    def closes(self, opening: _Fence) -> bool:
        # Deeper than that it is text of the program, such as a docstring that has a fence of its own.
        near = self.indent <= opening.indent + 3
        return near and self.char == opening.char and self.length >= opening.length and not self.info

    def block(self, lines: list[str], *, closed: bool) -> _Block:
        source = "\n".join(_dedented(line, self.indent) for line in lines)
        # "{.python .numberLines}", "python:main.py" and "Python 3" all name python.
        tag = _TAG_END.split(self.info.lstrip("{ ."), maxsplit=1)[0].lower()
        return _Block(tag, source + "\n" if source else "", closed)


def _fence_of(line: str) -> _Fence | None:
    body = line.lstrip(" \t")
    char = body[:1]
    if char not in ("`", "~"):
        return None
    rest = body.lstrip(char)
    length = len(body) - len(rest)
    return _Fence(len(line) - len(body), char, length, rest.strip()) if length >= 3 else None


def _dedented(line: str, indent: int) -> str:
    head = line[:indent]
    return head.lstrip(" \t") + line[indent:]
