"""Counters of one engine."""

from __future__ import annotations

import msgspec

from engine.program import Verdict


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters since the start, and what is in the engine now.

    slots, running     places to run, and those in use
    queued             requests that are in and hold no slot
    bytes_held         bytes of sources, files and inputs of all requests that are in
    runs               runs judged, compile steps included
    verdicts           of these, how many by verdict of the run alone
    faults             runs that faulted, those settled by a second try included
    evicted            runs ended and begun anew because others needed the memory
    not_judged         requests that ended with a fault of ours
    refused, expired   requests turned away at the door, and by their own deadline
    compiles           compile steps run; compiles_spared were answered without one
    store_bytes        bytes of compile results kept
    sound              False after a fault of ours, until a run ends well
    """

    slots: int
    running: int
    queued: int
    bytes_held: int
    runs: int
    verdicts: dict[str, int]
    faults: int
    evicted: int
    not_judged: int
    refused: int
    expired: int
    compiles: int
    compiles_spared: int
    store_bytes: int
    sound: bool


class Counters:
    """What only the engine itself can count."""

    def __init__(self) -> None:
        self.runs = 0
        self.verdicts: dict[str, int] = {}
        self.faults = 0
        self.evicted = 0
        self.not_judged = 0
        self.sound = True

    def ended(self, verdict: Verdict) -> None:
        """One more run was judged."""
        self.runs += 1
        self.verdicts[verdict.value] = self.verdicts.get(verdict.value, 0) + 1
        self.sound = True
