"""What an engine does at this moment, for people who look at it."""

from __future__ import annotations

import heapq
from typing import Final

import msgspec

from engine.queue import Queue, WaitsFor

_MOST: Final = 20


class RunNow(msgspec.Struct, frozen=True, kw_only=True):
    """A run that holds a slot.

    seconds         since it was given the slot
    waited_seconds  before that
    memory_bytes    set aside for it
    """

    client: str
    seconds: float
    waited_seconds: float
    memory_bytes: int


class WaitingNow(msgspec.Struct, frozen=True, kw_only=True):
    """A client's requests that wait for a slot.

    longest_seconds  of the one that came first
    waits_for        what the next one of them lacks
    """

    client: str
    requests: int
    longest_seconds: float
    waits_for: WaitsFor


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The longest runs, the clients that wait longest, and how much of the memory is set aside."""

    runs: list[RunNow]
    waiting: list[WaitingNow]
    memory_bytes: int
    memory_set_aside_bytes: int


def now(queue: Queue, time: float) -> Now:
    """At most 20 runs and 20 clients; `time` is the event loop's."""
    longest = heapq.nsmallest(_MOST, queue.leases, key=lambda lease: lease.granted)
    waiting = [
        WaitingNow(
            client=client,
            requests=len(line),
            longest_seconds=time - min(ticket.entered for ticket in line),
            waits_for=queue.obstacle(line[0]),
        )
        for client, line in queue.lines.items()
    ]
    return Now(
        runs=[
            RunNow(
                client=lease.ticket.client,
                seconds=time - lease.granted,
                waited_seconds=lease.waited_seconds,
                memory_bytes=lease.want.memory_bytes,
            )
            for lease in longest
        ],
        waiting=heapq.nlargest(_MOST, waiting, key=lambda each: each.longest_seconds),
        memory_bytes=queue.memory_bytes,
        memory_set_aside_bytes=queue.memory_in_use,
    )
