"""The compile step: same sources compile once, also when they come at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from engine.jobs.store import Compiled, Store, key_of
from engine.languages.table import Language
from engine.pool.images import Image
from engine.pool.job import Job, JobFile
from engine.program import Limits, Outcome

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

    async def compile(
        self,
        image: Image,
        language: Language,
        files: Sequence[JobFile],
        limits: Limits,
        take: Callable[[], Awaitable[float]],
        give_back: Callable[[], None],
        run: Callable[[Job, float], Awaitable[Outcome]],
    ) -> Compiled:
        """What the compile step came to.

        `take` waits for a slot and `give_back` returns it unused; `run` runs a job in the slot that was taken.
        """
        if language.compile is None:
            raise ValueError(language.name)
        key = key_of((image.name, *language.compile), files, limits)
        job = image.job(language.compile, limits, files=files, collect=(_MADE,))
        waited = 0.0
        holding = False
        while True:
            # A request waits for its own slot first, and only then for another's step that runs already: it must not
            # stand behind that one's place in the queue.
            found = self._store.get(key)
            other = self._under_way.get(key)
            if found is None and other is None and holding:
                return await self._compile(key, job, waited, run)
            if holding:
                give_back()
                holding = False
            if found is None and other is not None:
                found = await asyncio.shield(other)
            if found is not None:
                self.spared += 1
                return found
            waited += await take()
            holding = True

    async def _compile(
        self,
        key: bytes,
        job: Job,
        waited: float,
        run: Callable[[Job, float], Awaitable[Outcome]],
    ) -> Compiled:
        done: asyncio.Future[Compiled | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = done
        self.runs += 1
        result = None
        try:
            outcome = await run(job, waited)
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
