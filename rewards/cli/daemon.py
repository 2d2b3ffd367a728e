"""A daemon of a command's own, stopped when the command ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from engine.client.client import SyncClient
from engine.errors import SandboxError

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.02


@contextlib.contextmanager
def own_daemon(directory: Path, slots: int | None, console: Console) -> Iterator[str]:
    """The address of a daemon that listens in `directory`; it is told to stop and waited for in the end.

    Raises SandboxError, with what the daemon said, if it does not start or stop.
    """
    path, log = directory / "assay.sock", directory / "daemon.log"
    command = [sys.executable, "-m", "assay", "serve", "--socket", str(path), "--no-http"]
    command += [] if slots is None else ["--slots", str(slots)]
    began = time.monotonic()
    with log.open("wb") as file:
        # A session of its own: Ctrl-C reaches the command, and the command stops the daemon.
        daemon = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        stats = _ready(daemon, f"unix://{path}", log)
        seconds = time.monotonic() - began
        console.print(f"daemon ready in {seconds:.1f} s: {stats['slots']} slots, {path}", soft_wrap=True)
        yield f"unix://{path}"
    finally:
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise SandboxError(f"the daemon did not stop within {_STOP_SECONDS:g} s: {_said(log)}") from None
    console.print(f"daemon stopped, exit code {daemon.returncode}")


def _ready(daemon: subprocess.Popen[bytes], address: str, log: Path) -> dict[str, object]:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            with SyncClient(address) as client:
                return client.stats()
        except SandboxError:
            if daemon.poll() is not None:
                raise SandboxError(_said(log) or f"exit code {daemon.returncode}") from None
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE_SECONDS)


def _said(log: Path) -> str:
    return log.read_text(errors="replace").strip()
