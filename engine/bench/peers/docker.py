"""Docker: a daemon of the bench's own, and `docker run --rm` for each run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.bench.load import Segment
from engine.bench.peer import Load, PeerFailed
from engine.bench.peers.commands import commands_run
from engine.bench.programs import NAMES, Name, Programs

_READY_SECONDS: Final = 30.0
_END_SECONDS: Final = 30.0
_IMAGE: Final = "assay-bench"


@dataclass(frozen=True)
class Docker:
    """Its own daemon, data and control groups, all of them gone afterwards; one that runs already is left alone."""

    name: str = "docker"
    how: str = "docker run --rm --network none of an imported image; dockerd --iptables=false --bridge=none"
    programs: tuple[Name, ...] = NAMES

    def missing(self) -> str | None:
        absent = [command for command in ("docker", "dockerd") if not shutil.which(command)]
        return f"{' and '.join(absent)} not installed: apt-get install docker.io" if absent else None

    @contextlib.asynccontextmanager
    async def open(self, programs: Programs, in_flight: int) -> AsyncIterator[Load]:
        with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
            place = Path(name)
            docker = ["docker", "--host", f"unix://{place}/socket"]
            group = f"assay-bench-{os.getpid()}"
            try:
                async with _daemon(place):
                    await _imported(docker, programs)
                    run = [shutil.which("docker") or "docker", *docker[1:], "run", "--rm", "--network", "none"]

                    async def load(program: Name, seconds: float) -> Segment:
                        return await commands_run(
                            [*run, "--cgroup-parent", group, _IMAGE, f"/{program}"], in_flight, seconds
                        )

                    yield load
            finally:
                _remove_groups(group)


@contextlib.asynccontextmanager
async def _daemon(place: Path) -> AsyncIterator[None]:
    directories = [word for name in ("data", "exec") for word in (f"--{name}-root", str(place / name))]
    command = ["dockerd", "--iptables=false", "--bridge=none", *directories, "--pidfile", str(place / "pid")]
    with (place / "log").open("wb") as log:
        daemon = await asyncio.create_subprocess_exec(
            *command, "--host", f"unix://{place}/socket", stdout=log, stderr=log
        )
    try:
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not await _answers(place / "socket"):
            if daemon.returncode is not None or asyncio.get_running_loop().time() > deadline:
                last = (place / "log").read_text(errors="replace").strip().splitlines()[-1:]
                raise PeerFailed(f"dockerd does not start: {''.join(last)[-300:]}")
            await asyncio.sleep(0.05)
        yield
    finally:
        # It ends its containerd too, once every container is gone.
        with contextlib.suppress(ProcessLookupError):
            daemon.send_signal(signal.SIGTERM)
        await asyncio.wait_for(daemon.wait(), _END_SECONDS)


async def _answers(socket: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in await reader.readline()
    finally:
        writer.close()


async def _imported(docker: list[str], programs: Programs) -> None:
    command = f"tar -C {programs.rootfs} -c . | {' '.join(docker)} import - {_IMAGE}"
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise PeerFailed(f"docker import: {said.decode(errors='replace').strip()[:300]}")


def _remove_groups(name: str) -> None:
    """The parent group of the containers, in every hierarchy."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup"):
            for group in Path(fields.split()[4]).rglob(name):
                with contextlib.suppress(OSError):
                    group.rmdir()


DOCKER: Final = Docker()
