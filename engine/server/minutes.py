"""What was answered in each of the last minutes."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any, Final

_MINUTES: Final = 30
_WORD_CHARS: Final = 60
# Reasons may be anybody's words: so many different ones in a minute, then "other".
_MOST_WORDS: Final = 24
_OTHER: Final = "other"


class Minutes:
    """Verdicts, and why there was none, by the minute of the clock."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, Counter[str], Counter[str]]] = deque(maxlen=_MINUTES)

    def count(self, verdict: str | None, why: str = "") -> None:
        """One answer more: its verdict, or None and why."""
        minute = int(time.time() // 60)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, Counter(), Counter()))
        _, verdicts, reasons = self._minutes[-1]
        words, word = (verdicts, verdict) if verdict is not None else (reasons, why[:_WORD_CHARS])
        words[word if word in words or len(words) < _MOST_WORDS else _OTHER] += 1

    def told(self) -> list[dict[str, Any]]:
        """Those in which anything was answered, the oldest first; `minute` in seconds since 1970."""
        return [
            {"minute": minute * 60, "verdicts": dict(verdicts), "not_judged": dict(reasons)}
            for minute, verdicts, reasons in self._minutes
        ]
