"""`assay bench repeat`: what looking for repeats costs per token and sequence, beside two other ways to look."""

from __future__ import annotations

import array
import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final, Literal, NamedTuple

import msgspec

from engine.bench.load import median
from engine.errors import BadInput
from engine.repeat import RepeatDetector, measured_peer

PEERS: Final[dict[Literal["naive", "automaton"], str]] = {
    "naive": "naive check",
    "automaton": "suffix automaton",
}
OURS: Final = "RepeatDetector"
ROUNDS: Final = 5
# More than the window, so that every sequence is as large as it gets.
_BEFORE: Final = 5_000
_ROUND_TOKENS: Final = 500_000
_ROUND_CALLS: Final = 20_000
_PEER_TOKENS: Final = 200_000
_POOL: Final = 1_000_000
_AT_ONCE: Final = 500


class RepeatRow(msgspec.Struct, frozen=True, kw_only=True):
    """One way to look, for so many live sequences, each fed so many tokens in a call.

    nanoseconds  per token, calls from Python included: the median round, the lowest and the highest
    bytes        held for each sequence; a peer's grow with its tokens
    """

    way: str
    sequences: int
    tokens_in_call: int
    nanoseconds: float
    nanoseconds_lowest: float
    nanoseconds_highest: float
    bytes: float


class _Streams(NamedTuple):
    """What the sequences write: nothing that any rule tells, with a fifth of it written before."""

    pool: array.array[int]

    @classmethod
    def made(cls) -> _Streams:
        rng = random.Random(0)
        frequent, rare = range(200), range(150_000)
        pool = array.array("i")
        while len(pool) < _POOL:
            if len(pool) > 1_000 and rng.random() < 0.3:
                at = len(pool) - rng.randrange(200, 900)
                pool += pool[at : at + 60]
            else:
                pool += array.array("i", [rng.choice(frequent if rng.random() < 0.4 else rare) for _ in range(60)])
        return cls(pool)

    def of(self, sequence: int, start: int, length: int) -> array.array[int]:
        at = (sequence * 7_919 + start) % (_POOL - _ROUND_TOKENS)
        return self.pool[at : at + length]


def repeat(
    sequences: Sequence[int], tokens_in_call: Sequence[int], say: Callable[[str, float], None]
) -> list[RepeatRow]:
    """Measure each number of sequences with each number of tokens, and the peers with one. Raises BadInput."""
    if max(tokens_in_call) > _ROUND_TOKENS:
        raise BadInput("tokens", max(tokens_in_call), f"expected at most {_ROUND_TOKENS}")
    say("tokens", 0.0)
    streams = _Streams.made()
    rows: list[RepeatRow] = []
    for index, number in enumerate(sequences):
        say(f"{number} sequences", (index + 0.2) / (len(sequences) + 1))
        rows += _ours(streams, number, tokens_in_call)
    say("peers", len(sequences) / (len(sequences) + 1))
    return [*rows, *_peers(streams)]


def _ours(streams: _Streams, number: int, tokens_in_call: Sequence[int]) -> Iterator[RepeatRow]:
    detector = RepeatDetector()
    empty = detector.memory_bytes
    ids = array.array("q", [detector.open() for _ in range(number)])
    for first in range(0, number, _AT_ONCE):
        some = range(first, min(first + _AT_ONCE, number))
        _feed(detector, ids[first : some.stop], [streams.of(k, 0, _BEFORE) for k in some])
    fed = _BEFORE
    for tokens in tokens_in_call:
        seconds = []
        calls = min(_ROUND_CALLS, max(1, _ROUND_TOKENS // (number * tokens)))
        for _ in range(ROUNDS):
            spent = 0.0
            for _ in range(calls):
                spent += _feed(detector, ids, [streams.of(k, fed, tokens) for k in range(number)])
                fed += tokens
            seconds.append(spent / (calls * number * tokens))
        yield _row(OURS, number, tokens, seconds, (detector.memory_bytes - empty) / number)


def _feed(detector: RepeatDetector, ids: array.array[int], parts: list[array.array[int]]) -> float:
    """The seconds of one call."""
    flat = array.array("i", b"".join(part.tobytes() for part in parts))
    offsets = array.array("q", accumulate(map(len, parts), initial=0))
    began = time.perf_counter()
    told = detector.feed(ids, flat, offsets)
    took = time.perf_counter() - began
    # A sequence that was told is not looked at any more.
    assert not told
    return took


def _peers(streams: _Streams) -> Iterator[RepeatRow]:
    tokens = streams.of(0, 0, _PEER_TOKENS)
    for peer, way in PEERS.items():
        measured = [measured_peer(peer, tokens) for _ in range(ROUNDS)]
        yield _row(way, 1, _PEER_TOKENS, [seconds / _PEER_TOKENS for seconds, _, _ in measured], measured[0][2])


def _row(way: str, sequences: int, tokens: int, seconds: Sequence[float], held: float) -> RepeatRow:
    return RepeatRow(
        way=way,
        sequences=sequences,
        tokens_in_call=tokens,
        nanoseconds=median(seconds) * 1e9,
        nanoseconds_lowest=min(seconds) * 1e9,
        nanoseconds_highest=max(seconds) * 1e9,
        bytes=held,
    )
