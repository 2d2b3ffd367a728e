"""What is done to a daemon in its soak, one thing at a time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from tests.support.soak_clients import Clients
from tests.support.traces import children, innermost_pid, name_of, supervisor_of

FAKETIME: Final = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
_STEPS: Final = ("+1h", "-1h", "+400d", "-3d")
_LEAST_STEP_SECONDS: Final = 1800.0
_UP_SECONDS: Final = 15.0
_HELD_SECONDS: Final = 1.5
_KIB: Final = 1024
# In a slot, programs are counted from 2 and zygotes from here.
_FIRST_ZYGOTE: Final = 300


class Chaos:
    """Ill-treatment of one daemon. `small` is the file system with its state and log, `slots` how many it has."""

    def __init__(self, engine: int, small: Path, clients: Clients, slots: int, seed: int) -> None:
        self._engine = engine
        self._small = small
        self._clients = clients
        self._slots = slots
        self._chance = random.Random(seed)
        kinds: dict[str, Callable[[], Awaitable[bool]]] = {
            "SIGKILL of the supervisor": self._kill_supervisor,
            "SIGKILL of a keeper": self._kill_keeper,
            "SIGKILL of a zygote": self._kill_zygote,
            "full disk": self._fill_disk,
            "all slots kept": self._keep_slots,
        }
        if FAKETIME:
            kinds["clock step"] = self._step_clock
        self.kinds = kinds

    async def one(self) -> None:
        """Do one thing, drawn by chance, and note it."""
        what = self._chance.choice(list(self.kinds))
        self._clients.record.did(what)
        if not await self.kinds[what]():
            self._clients.record.done.pop()

    async def _kill_supervisor(self) -> bool:
        os.kill(await self._supervisor(), signal.SIGKILL)
        return True

    async def _kill_keeper(self) -> bool:
        return self._kill_one(self._keepers(await self._supervisor()))

    async def _kill_zygote(self) -> bool:
        keepers = self._keepers(await self._supervisor())
        born = [pid for keeper in keepers for pid in children(keeper)]
        return self._kill_one([pid for pid in born if innermost_pid(pid) >= _FIRST_ZYGOTE])

    async def _fill_disk(self) -> bool:
        filling = self._small / "filling"
        with _removed(filling):
            await asyncio.to_thread(_fill, filling)
            await asyncio.sleep(_HELD_SECONDS)
        return True

    async def _keep_slots(self) -> bool:
        await self._clients.sleep_in(self._slots)
        return True

    async def _step_clock(self) -> bool:
        clock = clock_of(self._small)
        before = await self._clients.clock()
        _write_whole(clock, self._chance.choice(_STEPS))
        await asyncio.sleep(_HELD_SECONDS)
        after = await self._clients.clock()
        _write_whole(clock, "+0")
        assert abs(after - before) > _LEAST_STEP_SECONDS, f"the clock was not stepped: {before}, then {after}"
        await asyncio.sleep(_HELD_SECONDS)
        return True

    async def _supervisor(self) -> int:
        """The one that is there, or the one that comes soon."""
        async with asyncio.timeout(_UP_SECONDS):
            while True:
                # There are none, and then two, while one follows another.
                with contextlib.suppress(ValueError):
                    return supervisor_of(self._engine)
                await asyncio.sleep(0.02)

    def _keepers(self, supervisor: int) -> list[int]:
        return [pid for pid in children(supervisor) if name_of(pid) == "assay-keeper"]

    def _kill_one(self, pids: list[int]) -> bool:
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._chance.choice(pids), signal.SIGKILL)
                return True
        return False


def clock_of(small: Path) -> Path:
    """The file with the offset of the daemon's clock, which is not on the file system that is filled."""
    return small.with_name(f"{small.name}.clock")


def environment_for(small: Path) -> dict[str, str]:
    """For a daemon whose clock on the wall is to be stepped; the monotonic one is left alone, as is every file's."""
    if not FAKETIME:
        return {}
    _write_whole(clock_of(small), "+0")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock_of(small)),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _write_whole(path: Path, text: str) -> None:
    written = path.with_name(f"{path.name}.new")
    written.write_text(f"{text}\n")
    written.rename(path)


@contextlib.contextmanager
def _removed(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (64 * _KIB, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
