"""Fenced blocks as people and models write them: CommonMark's rules, and what breaks them. One pass over the lines.

A fence opens a block at the beginning of a line, in a list, a quote or a table, and also after text if a tag follows
it. It closes one at the beginning of a line, and also after code. What a fence is that could be either is decided by
the number of bare fences up to the next tag, as they come in pairs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from rewards.code.tags import info_of, names

_BLANK: Final = " \t\u00a0\u200b\u200c\u200d\u2060\ufeff"
_CONTAINER: Final = re.compile(rf"(?:[{_BLANK}>|]|[-*+](?=\s)|[0-9]{{1,9}}[.)](?=\s))*")
_QUOTE: Final = re.compile(r" {0,3}> ?")
# What may follow a closing fence: punctuation, a template's closing tags, special tokens.
_TAIL: Final = re.compile(
    rf"(?:[{_BLANK}\s.,;:!)*_|。]|</?[A-Za-z_][\w-]{{0,30}}>|<[|｜][^|｜>\n]{{1,40}}[|｜]>|\[/?[A-Z_]{{1,20}}\])*"
)
_TAIL_CHARS: Final = 200
_SENTENCE_END: Final = (":", ".", "!", "?", "…", "：", "。")
_CODE_LINE: Final = re.compile(r"[=()\[\]{};<>]|^\s*(?:pass|break|continue|return|done|fi|esac|end|else)\b")
_LINE_CHARS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Block:
    """A block's text and its tag in lower case.

    closed    a fence ends it
    aside     it stands on one line with its fences, or was opened in a line of text and never closed
    headless  only its end is there: the prompt has its beginning
    """

    tag: str
    source: str
    closed: bool = True
    aside: bool = False
    headless: bool = False


@dataclass(frozen=True, slots=True)
class _Fence:
    """The first fence of a line, or the last one if it ends the line."""

    before: str
    char: str
    length: int
    after: str

    @property
    def leads(self) -> bool:
        return len(self.before) <= _LINE_CHARS and _CONTAINER.fullmatch(self.before) is not None

    @property
    def bare(self) -> bool:
        return len(self.after) <= _TAIL_CHARS and _TAIL.fullmatch(self.after) is not None


@dataclass(slots=True)
class _Open:
    """A block that is being read."""

    fence: _Fence
    tag: str
    lines: list[str]
    indent: int
    listed: bool
    quoted: bool
    depth: int = 0

    def block(self, *, closed: bool) -> Block:
        lines, indent = self.lines, self.indent
        if self.listed:
            # A list's text is indented, but not everybody indents it.
            indent = min([indent, *(len(line) - len(line.lstrip(" \t")) for line in lines if line.strip())])
        source = "\n".join(_dedented(line, indent) for line in lines)
        return Block(self.tag, source + "\n" if source else "", closed, aside=not (closed or self.fence.leads))


@dataclass(slots=True)
class _Reader:
    tags: frozenset[str]
    lines: list[str]
    blocks: list[Block] = field(default_factory=list)
    open: _Open | None = None
    seen: bool = False

    def read(self) -> list[Block]:
        bare_after = self._bare_after()
        for index, line in enumerate(self.lines):
            if self.open is None:
                self._outside(index, bare_after[index])
            else:
                self._inside(self.open, line, bare_after[index])
        if self.open is not None:
            self.blocks.append(self.open.block(closed=False))
        return self.blocks

    def _bare_after(self) -> list[int]:
        """How many bare fences at the beginning of a line follow each line up to the next one with a tag."""
        counts, count = [0] * len(self.lines), 0
        for index in range(len(self.lines) - 1, -1, -1):
            counts[index] = count
            fence = self._first(index)
            if fence is not None and fence.leads:
                info = None if fence.bare or "`" in fence.after else info_of(fence.after, self.tags)
                count = 0 if info is not None and info.tag else count + ("`" not in fence.after)
        return counts

    def _first(self, index: int) -> _Fence | None:
        """The fence that a line may open a block with; a line of tildes right below text underlines it."""
        line = self.lines[index]
        if "```" in line:
            return _at(line, line.index("```"))
        if "~~~" not in line:
            return None
        fence = _at(line, line.index("~~~"))
        above = self.lines[index - 1] if index else ""
        underline = fence.length > 3 and fence.bare and above.strip(_BLANK) != ""
        # Only backticks are fences after text.
        return fence if fence.leads and not underline else None

    def _outside(self, index: int, bare_after: int) -> None:
        fence = self._first(index)
        if fence is None:
            return
        if fence.char == "`" and "`" in fence.after:
            self._one_line(fence)
            return
        first, self.seen = not self.seen, True
        even = bare_after % 2 == 1
        if fence.bare:
            if first and not even and self._headless(index, fence):
                return
            if not fence.leads and not even and not fence.before.rstrip(_BLANK).endswith((":", "：", ">")):
                return
            self._begin(fence, "", "")
            return
        info = info_of(fence.after, self.tags)
        if info is not None:
            self._begin(fence, info.tag, info.code)
        elif fence.leads:
            self._begin(fence, fence.after.split(maxsplit=1)[0].lower(), "")

    def _begin(self, fence: _Fence, tag: str, code: str) -> None:
        prefix = fence.before if fence.leads else ""
        listed = prefix.strip(_BLANK + ">|") != ""
        indent = len(prefix) if listed else len(prefix) - len(prefix.lstrip(" \t"))
        self.open = _Open(fence, tag, [code] if code else [], indent, listed, ">" in prefix)

    def _headless(self, index: int, fence: _Fence) -> bool:
        """Take the text before the first fence as the program if that fence can only end it."""
        before = [*self.lines[:index], fence.before] if not fence.leads else self.lines[:index]
        last = next((line for line in reversed(before) if line.strip(_BLANK)), None)
        if last is None or (any(line.strip(_BLANK) for line in self.lines[index + 1 :]) and not _code(last)):
            return False
        self.blocks.append(Block("", "\n".join(before).strip("\n" + _BLANK[2:]) + "\n", headless=True))
        return True

    def _one_line(self, fence: _Fence) -> None:
        text, end, tail = fence.after.partition("`" * fence.length)
        info = info_of(text, self.tags) if end else None
        whole = fence.leads and _TAIL.fullmatch(tail[:_TAIL_CHARS].lstrip("`")) is not None
        if info is not None and info.code and "`" not in text and (whole or names(info.tag, self.tags)):
            self.blocks.append(Block(info.tag, info.code + "\n", aside=True))

    def _inside(self, block: _Open, line: str, bare_after: int) -> None:
        if block.quoted and (quote := _QUOTE.match(line)):
            line = line[quote.end() :]
        fence = _last(line, block.fence) if block.fence.char in line else None
        if fence is None:
            block.lines.append(line)
        elif not fence.leads:
            # After code on its line, if the fences that follow make pairs without it and no text begins there.
            in_text = bare_after > 0 and fence.before.endswith(("'''", '"""'))
            if block.depth or bare_after % 2 or in_text:
                block.lines.append(line)
            else:
                block.lines.append(fence.before)
                self._end(block)
        elif fence.bare or (info := info_of(fence.after, self.tags)) is None:
            if block.depth:
                block.depth -= 1
                block.lines.append(line)
            else:
                self._end(block)
        elif not info.tag:
            block.lines.append(line)
        elif bare_after % 2 == 0 and bare_after:
            # A block in a text of the program, and after it the end of the program.
            block.depth += 1
            block.lines.append(line)
        else:
            self._end(block)
            self._begin(fence, info.tag, info.code)

    def _end(self, block: _Open) -> None:
        self.blocks.append(block.block(closed=True))
        self.open = None


def fenced_blocks(text: str, tags: frozenset[str]) -> list[Block]:
    """The blocks of a text with Unix lines, in order; `tags` are the names of the wanted language."""
    return _Reader(tags, text.split("\n")).read()


def _last(line: str, opening: _Fence) -> _Fence | None:
    """The fence that may end the block that `opening` opened, or that opens another one inside it."""
    run = opening.char * opening.length
    body = line.lstrip(_BLANK)
    indent = len(line) - len(body)
    limit = len(opening.before) + 3 if opening.leads else 3
    if body.startswith(run):
        # Deeper than that it is text of the program, such as a docstring that has a fence of its own.
        fence = _at(line, indent)
        return fence if indent <= limit and "`" not in fence.after else None
    at = line.rfind(run)
    if at < 0 or opening.char == "~":
        return None
    before = line[:at].rstrip("`")
    fence = _at(line, len(before))
    # Behind a list's mark it is a line of a comment that has a block of its own.
    comment = fence.leads and before.strip(_BLANK + ">|") != ""
    return fence if fence.bare and "```" not in before and not comment else None


def _at(line: str, at: int) -> _Fence:
    rest = line[at:]
    after = rest.lstrip(rest[0])
    return _Fence(line[:at], rest[0], len(rest) - len(after), after)


def _code(line: str) -> bool:
    """Whether a line is code rather than the sentence before a block."""
    return not line.rstrip().endswith(_SENTENCE_END) and _CODE_LINE.search(line[:_LINE_CHARS]) is not None


def _dedented(line: str, indent: int) -> str:
    head = line[:indent]
    return head.lstrip(" \t") + line[indent:]
