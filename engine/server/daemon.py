"""The life of the daemon, from its sockets to its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from engine.config.server import host_and_port
from engine.config.settings import Settings
from engine.server.backend import Backend, Opened
from engine.server.frames import FrameServer
from engine.server.http import HttpFace
from engine.server.listen import tcp_listener, unix_listener
from engine.server.routes import Served
from engine.server.service import Service, assay_version
from engine.server.traces import tracing
from engine.wire.address import default_socket

log = logging.getLogger("assay.server")
# A large body is decoded and parsed in a thread: the event loop must not wait for Python's usual 5 ms of it each time.
_SWITCH_SECONDS: Final = 0.0001
# A full collection looks at every object of every body that is held, for tenths of a second, and there are no cycles to
# find, neither in decoded data nor in what clients that go leave behind: a hundredth as often as usual.
_COLLECTIONS: Final = (700, 10, 1000)


class Daemon:
    """One engine, or many, behind two faces.

    opened  makes what stands behind the faces, and ends it
    """

    def __init__(self, settings: Settings, token: str, served: Served, opened: Opened) -> None:
        self._settings = settings
        self._opened = opened
        self._config = settings.server
        self._token = token
        self._served = served
        self._drain = asyncio.Event()
        self._stop = asyncio.Event()

    async def live(self) -> None:
        """Serve until SIGTERM (drains) or SIGINT (stops); raises CannotStart."""
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain.set)
        loop.add_signal_handler(signal.SIGINT, self._stop.set)
        _raise_open_files()
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.freeze()
        gc.set_threshold(*_COLLECTIONS)
        socket_path = Path(self._config.socket) if self._config.socket else default_socket()
        with contextlib.ExitStack() as sockets:
            unix = sockets.enter_context(unix_listener(socket_path))
            tcp: socket.socket | None = None
            if self._config.http is not None:
                host, port = host_and_port(self._config.http)
                tcp = sockets.enter_context(tcp_listener(host, port))
            async with tracing(self._config) as traces, self._opened(self._settings) as backend:
                service = Service(backend, self._served.scorers, self._settings, self._token, traces)
                await self._serve(service, unix, tcp, _ready_text(backend, began, socket_path, tcp))

    async def _serve(self, service: Service, unix: socket.socket, tcp: socket.socket | None, ready: str) -> None:
        frames = FrameServer(service)
        await frames.start(unix)
        faces: list[FrameServer | HttpFace] = [frames]
        if tcp is not None:
            http = HttpFace(service, self._served.routes, host=tcp.getsockname()[0])
            await http.start(tcp)
            faces.append(http)
        print(ready, flush=True)
        try:
            await _first(self._drain.wait(), self._stop.wait())
            for face in faces:
                face.stop_accepting()
            if not self._stop.is_set():
                log.info("draining: no new work, at most %g s for what is under way", self._config.drain_seconds)
                await self._drained(_quiet(service, faces))
        finally:
            service.under_way.draining = True
            for face in faces:
                await face.close()

    async def _drained(self, quiet: Coroutine[Any, Any, None]) -> None:
        # A second signal, or the time for draining, ends the wait.
        self._drain.clear()
        waits = (quiet, self._stop.wait(), self._drain.wait())
        await _first(*waits, timeout=self._config.drain_seconds)


async def _quiet(service: Service, faces: Sequence[FrameServer | HttpFace]) -> None:
    await service.under_way.drained()
    for face in faces:
        await face.quiet()


async def _first(*waits: Coroutine[Any, Any, object], timeout: float | None = None) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _raise_open_files() -> None:
    # Thousands of idle clients are no reason to refuse one more.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _ready_text(backend: Backend, began: float, path: Path, tcp: socket.socket | None) -> str:
    lines = [
        f"assay {assay_version()}  ready in {time.monotonic() - began:.1f} s",
        *(f"  {line}" for line in backend.ready_lines()),
        f"  socket  {path}",
    ]
    if tcp is not None:
        host, port = tcp.getsockname()[:2]
        lines[-1] += f"     http  http://{f'[{host}]' if ':' in host else host}:{port}"
    return "\n".join(lines)
