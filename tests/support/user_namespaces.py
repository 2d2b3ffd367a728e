"""User namespaces that something is started in from outside."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_START_SECONDS = 20.0


@contextlib.contextmanager
def mapped_namespace(first_id: int) -> Iterator[list[str]]:
    """What to put before a command, to be root of a user namespace with 65,536 ids from this one on."""
    holder = subprocess.Popen(["unshare", "--user", "sleep", "120"])
    try:
        ours, deadline = Path("/proc/self/ns/user").readlink(), time.monotonic() + _START_SECONDS
        while Path(f"/proc/{holder.pid}/ns/user").readlink() == ours:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{holder.pid}/{name}").write_text(f"0 {first_id} 65536")
        yield ["nsenter", "--user", f"--target={holder.pid}", "--setuid=0", "--setgid=0"]
    finally:
        holder.kill()
        holder.wait()
