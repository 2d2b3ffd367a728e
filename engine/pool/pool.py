"""The asyncio side of the native pool: jobs in, completions out, one reader for all of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from engine.config.engine import EngineConfig
from engine.errors import CannotStart, SandboxError
from engine.harness.channel import known_scripts
from engine.languages.warm import USUAL, Flavour
from engine.machine import resources
from engine.machine.place import Outlook, place_of, read_facts
from engine.pool.crun import find_program
from engine.pool.job import CLOSED, Completion, Job, Joined
from engine.pool.native import NativePool, module


class Pool:
    """Runs at most `slots` jobs at once; its caller sees to that."""

    def __init__(self, native: NativePool) -> None:
        self._native = native
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[int, tuple[asyncio.Future[Completion], Callable[[], None]]] = {}
        self._readable = native.fileno()
        self._loop.add_reader(self._readable, self._take_completions)

    @classmethod
    async def start(
        cls,
        slots: int,
        config: EngineConfig,
        memory_bytes: int,
        images: Sequence[Sequence[str]] = ((),),
        flavours: Sequence[Flavour] = (),
    ) -> Pool:
        """Make the slots; raises CannotStart with one line that says what to do.

        memory_bytes  that all programs may use together
        images    the layers of each, the topmost first; an empty one is this machine's own trees
        flavours  of Pythons that slots may keep ready
        """
        native_module = module()
        try:
            native = await asyncio.to_thread(
                native_module.Pool,
                slots=slots,
                cores=resources.cores(),
                memory_bytes=memory_bytes,
                state_dir=config.state_dir,
                trees=list(config.trees),
                images=images,
                flavours=[
                    (each.image, each.argv, each.environment, each.script, USUAL, each.modules) for each in flavours
                ],
                known=known_scripts() if flavours else (),
                uid_base=config.uid_base,
                fresh=config.fresh,
                allow_degraded=config.allow_degraded,
                crun=find_program() if config.runtime == "crun" else None,
                scratch=config.scratch_dir if config.runtime == "landlock" else None,
            )
        except PermissionError as error:
            # The step that failed, then what would let it succeed here.
            place = place_of(read_facts())
            way_out = "; or allow it without, with --allow-degraded" if place.outlook is Outlook.DEGRADED else ""
            raise CannotStart(f"{error}; {place}{way_out}") from error
        except OSError as error:
            raise CannotStart(str(error)) from error
        return cls(native)

    async def run(self, job: Job, ended: Callable[[], None], reserved_bytes: int) -> Completion:
        """Run one job; `ended` is called when its slot is free, however that comes.

        reserved_bytes  memory that it keeps whatever others need; one that uses more may be "evicted"

        Cancelling kills the program; its slot is free a moment later. Raises SandboxError once closed.
        """
        future: asyncio.Future[Completion] = self._loop.create_future()
        run_id = None
        try:
            run_id = self._native.submit(job, reserved_bytes)
        except (RuntimeError, OSError) as error:
            raise SandboxError(str(error)) from error
        finally:
            if run_id is None:
                ended()
        self._under_way[run_id] = (future, ended)
        try:
            return await future
        except asyncio.CancelledError:
            self._native.cancel(run_id)
            raise

    async def run_joined(
        self,
        job: Job,
        partner: Job,
        ended: tuple[Callable[[], None], Callable[[], None]],
        reserved_bytes: tuple[int, int],
    ) -> Joined:
        """Run two jobs, each of which reads what the other writes; otherwise as `run`.

        Where `partner` ends badly, the other has nobody left to talk with and is ended too.
        """
        ids: tuple[int, ...] = ()
        try:
            ids = self._native.submit_joined(job, partner, reserved_bytes)
        except (RuntimeError, OSError) as error:
            raise SandboxError(str(error)) from error
        finally:
            if not ids:
                for give_back in ended:
                    give_back()
        futures = [self._loop.create_future() for _ in ids]
        order: list[asyncio.Future[Completion]] = []
        for run_id, future, give_back in zip(ids, futures, ended, strict=True):
            future.add_done_callback(order.append)
            self._under_way[run_id] = (future, give_back)
        mine, theirs = futures
        left_alone = False
        try:
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if not mine.done() and not _ended_well(theirs.result()):
                left_alone = True
                self._native.cancel(ids[0])
            completions = await asyncio.gather(*futures)
        except (asyncio.CancelledError, SandboxError):
            for run_id, future in zip(ids, futures, strict=True):
                future.cancel()
                self._native.cancel(run_id)
            raise
        return Joined(completions[0], completions[1], order[0] is theirs, left_alone)

    def zygotes(self) -> list[tuple[int, int, str | None]]:
        """Of each flavour: Pythons that became ready, that were lost, and why the last of these."""
        return self._native.zygotes()

    def facts(self) -> dict[str, str]:
        """What the supervisor found at start."""
        return self._native.facts()

    async def close(self) -> None:
        """Kill what runs and remove every trace; whoever still waits for a run gets SandboxError."""
        self._loop.remove_reader(self._readable)
        try:
            await asyncio.to_thread(self._native.close)
        finally:
            for future, ended in self._under_way.values():
                ended()
                if not future.done():
                    future.set_exception(SandboxError(CLOSED))
            self._under_way.clear()

    def _take_completions(self) -> None:
        try:
            os.eventfd_read(self._readable)
        except BlockingIOError:
            return
        for completion in self._native.completed():
            if completion.run_id not in self._under_way:
                # The I/O thread could not be woken for it, and whoever asked has been told so.
                continue
            future, ended = self._under_way.pop(completion.run_id)
            ended()
            if not future.done():
                future.set_result(completion)


def _ended_well(completion: Completion) -> bool:
    return completion.fault is None and completion.stopped_by is None and completion.exit_code == 0
