"""The compile step: same sources compile once, also when they come at the same time."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec

from engine.jobs.runner import Runner
from engine.jobs.store import Compiled, Store, key_of
from engine.jobs.work import Work
from engine.lease import Lease, Ticket
from engine.pool.job import Job
from engine.program import Outcome
from engine.trace import TRACE

PROGRAM_PATH: Final = "/program/main"
_MADE: Final = "main"
_NOTHING_MADE: Final = b"\nassay: the compiler ended with exit code 0, but left no program\n"


class Compiler:
    """Compiles programs, or remembers what came of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way: dict[bytes, asyncio.Future[Compiled | None]] = {}
        self.runs = 0
        self.spared = 0

    @property
    def store_bytes(self) -> int:
        """What is kept of compiled programs."""
        return self._store.size_bytes

    async def compile(self, runner: Runner, ticket: Ticket, work: Work) -> Compiled | None:
        """What the compile step of `work` came to, None in a language without one; raises Overloaded, SandboxError."""
        if work.language.compile is None:
            return None
        key = key_of((work.image.name, *work.compile_argv), work.files, work.compile_limits)
        job = work.compile_job(collect=(_MADE,))
        lease: Lease | None = None
        waited = 0.0
        began = time.monotonic()
        while True:
            # A request waits for its own slot first, and only then for another's step that runs already: it must not
            # stand behind that one's place in the queue.
            found = self._store.get(key)
            other = self._under_way.get(key)
            if lease is not None:
                if found is None and other is None:
                    lease.waited_seconds = waited
                    return await self._compile(key, runner, lease, job)
                lease.give_back()
            if found is None and other is not None:
                found = await asyncio.shield(other)
            if found is not None:
                self.spared += 1
                if (trace := TRACE.get()) is not None:
                    trace.add("compile", began, time.monotonic(), {"spared": True})
                return found
            # A compiler is short and large, and what it has done would be done once more.
            lease = await runner.lease(ticket, work.compile_limits, whole=True)
            waited += lease.waited_seconds

    async def _compile(self, key: bytes, runner: Runner, lease: Lease, job: Job) -> Compiled:
        done: asyncio.Future[Compiled | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = done
        self.runs += 1
        result = None
        try:
            outcome = await runner.run_in(lease, job, step="compile")
            result = _compiled(outcome)
        finally:
            # None (a fault, a cancel) lets the next one try for itself.
            del self._under_way[key]
            done.set_result(result)
        if _repeatable(outcome):
            at_once = msgspec.structs.replace(result.outcome, queue_seconds=0.0)
            self._store.put(key, msgspec.structs.replace(result, outcome=at_once))
        return result


def _compiled(outcome: Outcome) -> Compiled:
    made = outcome.files.get(_MADE)
    bare = msgspec.structs.replace(outcome, files={})
    if not outcome.clean:
        return Compiled(bare)
    if made is None:
        return Compiled(msgspec.structs.replace(bare, exit_code=1, stderr=bare.stderr + _NOTHING_MADE))
    return Compiled(bare, ((PROGRAM_PATH, made, 0o755),))


def _repeatable(outcome: Outcome) -> bool:
    # A step that was stopped may end otherwise when the machine is less busy.
    return outcome.exit_code is not None and outcome.stopped_by is None and not outcome.oom_kills
