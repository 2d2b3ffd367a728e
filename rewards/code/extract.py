"""The program in a completion's answer: one pass over the text, whatever the text is.

The rules, with their prices: docs/completions.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from rewards.code.fences import Block, fenced_blocks
from rewards.code.tags import NO_PROGRAM, names
from rewards.completion import Nothing, Thinking, answer_part

_DEFINED: Final = re.compile(
    r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]{0,200})?=(?!=)", re.MULTILINE
)
# A template's tags around a program without fences.
_WRAPPERS: Final = r"<{0}(?:answer|solution|code|response|output|python)>|\[{0}(?:BEGIN|PYTHON|CODE|ANSWER|SOLUTION)\]"
_OPENERS: Final = re.compile(rf"(?:\s*(?:{_WRAPPERS.format('')}))+[ \t]*\n?", re.IGNORECASE)
_CLOSERS: Final = re.compile(
    rf"(?:\s*(?:{_WRAPPERS.format('/')}|\[DONE\]|<end_code>|<\|[\w:]{{1,40}}\|>))+\s*\Z", re.IGNORECASE
)
_CLOSERS_CHARS: Final = 200

# So many that no answer has them; each costs more than a line of text does.
MAX_FENCES: Final = 10_000

Found = Literal["fenced", "unclosed", "bare"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program's source and where it stood: in a closed fenced block, in one without an end, or without any fence."""

    source: str
    found: Found


def program(
    completion: str,
    tags: frozenset[str] = frozenset(),
    *,
    wanted: frozenset[str] = frozenset(),
    thinking: Thinking = "auto",
) -> Extracted | Nothing:
    """The program that a completion hands in.

    `tags` are the names of the wanted language, in lower case; `wanted` are the names that the tests ask for. Of the
    fenced blocks in the answer part that are not blank it is the last one tagged with the language, else the last one
    without a tag, else the last one of a program, else the last one; of all of these rather one that defines a wanted
    name. A last block without an end counts. Without any fence the whole answer part is the program.
    """
    text = answer_part(completion, thinking)
    if isinstance(text, Nothing):
        return text
    text = text.replace("\r\n", "\n").lstrip("\ufeff")
    if text.count("```") + text.count("~~~") > MAX_FENCES:
        return Nothing(f"more than {MAX_FENCES:,} fences")
    blocks = fenced_blocks(text, tags)
    usable = [block for block in blocks if block.source.strip()]
    if usable:
        block = _chosen([block for block in usable if not block.aside] or usable, tags, wanted)
        return Extracted(block.source, "fenced") if block.closed else _without_wrappers(block.source, "unclosed")
    if blocks:
        return Nothing("every fenced block is empty")
    return _without_wrappers(text.strip("\n"), "bare")


def _chosen(blocks: list[Block], tags: frozenset[str], wanted: frozenset[str]) -> Block:
    groups = (
        [block for block in blocks if block.headless or names(block.tag, tags)],
        [block for block in blocks if not block.tag and not block.headless],
        [block for block in blocks if block.tag not in NO_PROGRAM],
        blocks,
    )
    for group in groups if wanted else ():
        defining = [block for block in group if _defines(block.source, wanted)]
        if defining:
            return defining[-1]
    return next(group for group in groups if group)[-1]


def _defines(source: str, wanted: frozenset[str]) -> bool:
    return any((match[1] or match[2]) in wanted for match in _DEFINED.finditer(source))


def _without_wrappers(source: str, found: Found) -> Extracted | Nothing:
    if found == "bare" and (head := _OPENERS.match(source)):
        source = source[head.end() :]
    at = max(len(source) - _CLOSERS_CHARS, 0)
    if tail := _CLOSERS.search(source, at):
        source = source[: tail.start()]
    source = source.rstrip("\n")
    return Extracted(source + "\n", found) if source.strip() else Nothing("no text after thinking")
