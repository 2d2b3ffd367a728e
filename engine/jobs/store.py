"""Compile results by content: the same source in the same language is compiled once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.pool.job import JobFile
from engine.program import Limits, Outcome

_ENTRY_BYTES: Final = 1024


class Compiled(msgspec.Struct, frozen=True):
    """What a compile step came to: its outcome, and the program if that is clean."""

    outcome: Outcome
    files: tuple[JobFile, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes that it holds, about."""
        content = sum(len(content) for _, content, _ in self.files)
        return _ENTRY_BYTES + content + len(self.outcome.stdout) + len(self.outcome.stderr)


def key_of(argv: Sequence[str], files: Sequence[JobFile], limits: Limits) -> bytes:
    """What tells two compile steps apart: flags, source, files, and the limits, which bear on the result."""
    sizes = [(path, len(content), mode) for path, content, mode in files]
    digest = hashlib.sha256(repr((argv, msgspec.structs.astuple(limits), sizes)).encode())
    for _, content, _ in files:
        digest.update(content)
    return digest.digest()


class Store:
    """Keeps results up to `max_bytes`; the one not asked for the longest goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._results: OrderedDict[bytes, Compiled] = OrderedDict()
        self.size_bytes = 0

    def get(self, key: bytes) -> Compiled | None:
        """The result under `key`, or None."""
        found = self._results.get(key)
        if found is not None:
            self._results.move_to_end(key)
        return found

    def put(self, key: bytes, result: Compiled) -> None:
        """Keep `result`, unless it is larger than the whole store."""
        if result.size_bytes > self._max_bytes:
            return
        before = self._results.pop(key, None)
        if before is not None:
            self.size_bytes -= before.size_bytes
        self._results[key] = result
        self.size_bytes += result.size_bytes
        while self.size_bytes > self._max_bytes:
            _, oldest = self._results.popitem(last=False)
            self.size_bytes -= oldest.size_bytes
