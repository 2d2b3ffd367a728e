"""Where a judge's reply says what: its last line, or nowhere."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from rewards.evidence import SHOWN_CHARS
from rewards.judge.opinion import Word

_MOST_CHARS_OF_A_VERDICT: Final = 200
_KEYS: Final = ["nonce", "verdict"]


class Read(NamedTuple):
    """A reply that was understood: the verdict, and the end of the reasons before it."""

    word: Word
    words: str


class Unread(NamedTuple):
    """A reply without a verdict, and why."""

    reason: str


def read(reply: str, nonce: str, finish_reason: str | None = "stop") -> Read | Unread:
    """The verdict in a reply: its last line, alone, whole and with this judgement's own nonce.

    Nothing is repaired and nothing is looked for further up, where a judge quotes what it was shown.
    """
    if finish_reason in ("length", "content_filter"):
        return Unread(f"its reply was cut ({finish_reason})")
    # A server that does not take the thinking away leaves it in front.
    lines = reply.rpartition("</think>")[2].strip().split("\n")
    word = _word_in(lines.pop(), nonce)
    if word is None:
        return Unread("its reply does not end with a verdict")
    if any(_word_in(line, nonce) is not None for line in lines):
        return Unread("its reply has several verdicts")
    return Read(word, _end_of("\n".join(lines)))


def _word_in(line: str, nonce: str) -> Word | None:
    line = line.strip()
    if len(line) > _MOST_CHARS_OF_A_VERDICT or not line.startswith("{"):
        return None
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    # As pairs, so that a key that stands twice is seen.
    if not _are_pairs(pairs) or sorted(name for name, _ in pairs) != _KEYS:
        return None
    fields = dict(pairs)
    word: object = fields["verdict"]
    if fields["nonce"] != nonce:
        return None
    return "correct" if word == "correct" else "incorrect" if word == "incorrect" else None


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(pair, tuple) for pair in value)


def _end_of(reasons: str) -> str:
    text = reasons.strip()
    return text if len(text) <= SHOWN_CHARS else "…" + text[1 - SHOWN_CHARS :]
