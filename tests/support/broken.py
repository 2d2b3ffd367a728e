"""Takes one limit away from the slots of a pool that has just started, from outside and for real.

Only the self-test comes between the start and the first run, so what is broken here it has to find.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.pool.job import Completion, Job
from engine.pool.pool import Pool
from engine.program import MIB

CGROUPS = Path("/sys/fs/cgroup")
# Runs in a process of its own: it enters a namespace of the keeper and stays there.
_INSIDE = """
import ctypes, fcntl, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.setns(os.open(sys.argv[1], os.O_RDONLY), 0):
    raise OSError(ctypes.get_errno(), "setns")
"""
# An address of a network that is nobody's, on loopback: now there is a route.
_ADD_ROUTE = """
request = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton("192.0.2.7"))
fcntl.ioctl(socket.socket(), 0x8916, request)
"""
_MOUNT_OVER_WORK = """
if libc.mount(b"tmpfs", b"/root/work", b"tmpfs", 0, b"mode=1777,size=64m"):
    raise OSError(ctypes.get_errno(), "mount")
"""


class BrokenPool(Pool):
    """A pool whose output limit never arrives where `output` is taken away; else it only says that it is broken."""

    output = False

    def facts(self) -> dict[str, str]:
        # Another machine than the sound one, as far as stamps go.
        return {**super().facts(), "broken": "by a test"}

    async def run(self, job: Job, ended: Callable[[], None], reserved_bytes: int) -> Completion:
        if self.output:
            limits = msgspec.structs.replace(job.limits, output_bytes=512 * MIB)
            job = msgspec.structs.replace(job, limits=limits)
        return await super().run(job, ended, reserved_bytes)


def break_limit(pool: BrokenPool, name: str) -> None:
    """Take the limit away in every slot; skips the test where this machine has no way to do that."""
    if name == "output":
        pool.output = True
        return
    for keeper in pool.facts()["keeper_pids"].split():
        _BREAKS[name](keeper)


async def start_broken(start: Callable[..., Any], name: str, *arguments: Any) -> BrokenPool:
    """What takes the place of `Pool.start`, which is `start`."""
    pool: BrokenPool = await start(*arguments)
    break_limit(pool, name)
    return pool


def patch(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Engines of this process lose this limit as they start."""
    monkeypatch.setattr("engine.started.Pool.start", functools.partial(start_broken, BrokenPool.start, name))


def _leave(controller: str, keeper: str) -> None:
    """The keeper and its parked child move out of the slot's group of one controller, and so will every program."""
    lines = Path(f"/proc/{keeper}/cgroup").read_text().splitlines()
    of_controller = {line.split(":")[1]: line.split(":", 2)[2] for line in lines}
    if controller not in of_controller:
        pytest.skip(f"needs {controller} as a cgroup v1 hierarchy of its own")
    group = CGROUPS / controller / of_controller[controller].lstrip("/")
    for pid in (group / "cgroup.procs").read_text().split():
        (group.parent / "cgroup.procs").write_text(pid)


def _inside(namespace: str, code: str, keeper: str) -> None:
    path = f"/proc/{keeper}/ns/{namespace}"
    subprocess.run([sys.executable, "-c", _INSIDE + code, path], check=True, timeout=20)


_BREAKS: dict[str, Callable[[str], None]] = {
    "memory": functools.partial(_leave, "memory"),
    "cpu": functools.partial(_leave, "cpuacct"),
    "cpus": functools.partial(_leave, "cpu"),
    "processes": functools.partial(_leave, "pids"),
    "network": functools.partial(_inside, "net", _ADD_ROUTE),
    "disk": functools.partial(_inside, "mnt", _MOUNT_OVER_WORK),
}
BREAKABLE = (*_BREAKS, "output")
