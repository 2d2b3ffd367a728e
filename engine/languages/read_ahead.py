"""Reads each language's start-up files once, so that the first program is not charged for them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from typing import Final

from engine.languages.language import ENVIRONMENT

_PATIENCE_SECONDS: Final = 2.0
_DEV_NULL: Final = "/dev/null"


def read_ahead(commands: Sequence[tuple[str, ...]]) -> None:
    """Run trusted commands one after the other, without input and output; one that hangs is ended after 2 s."""
    environment = dict(entry.split("=", 1) for entry in ENVIRONMENT)
    for argv in commands:
        # How they end is of no interest: a tool that is broken shows when a program needs it.
        with contextlib.suppress(OSError):
            _run(argv, environment)


def _run(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    pid = os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, _DEV_NULL, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, _DEV_NULL, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, _DEV_NULL, os.O_WRONLY, 0),
        ],
    )
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG):
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED)
            return
        time.sleep(0.002)
