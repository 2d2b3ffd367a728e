"""A Docker daemon of a test's own, with everything it keeps in the test's directory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# The guest with cgroup v2 is slow.
START_SECONDS = 120.0
# As far as this machine's root may: see the program.
PRIVILEGED = ("--privileged", "--runtime=runc-as-far-as-root")
# Debian's has BuildKit in it; one found before it on the path may want a plugin for that.
_CLIENTS = f"/usr/bin{os.pathsep}{os.environ.get('PATH', '')}"
_RUNTIME = Path(__file__).parent / "runc_as_far_as_root.py"


@dataclass(frozen=True)
class Docker:
    socket: Path
    client: str

    def command(self, *arguments: str) -> list[str]:
        return [self.client, "--host", f"unix://{self.socket}", *arguments]

    def __call__(self, *arguments: str, stdin: bytes = b"", seconds: float = 120.0) -> str:
        """What the command prints on stdout; it must succeed."""
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, timeout=seconds, env=environment
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        return done.stdout.decode()


@contextlib.contextmanager
def dockerd(place: Path) -> Iterator[Docker]:
    """The daemon, without a network for its containers; skips where there is none, or it does not start."""
    client = shutil.which("docker", path=_CLIENTS)
    if client is None or shutil.which("dockerd") is None:
        pytest.skip("needs docker and dockerd (Debian's docker.io)")
    there_before = _groups()
    directories = [f"--{name}={place / name}" for name in ("data-root", "exec-root", "pidfile")]
    command = ["dockerd", f"--host=unix://{place}/socket", *directories, "--iptables=false", "--bridge=none"]
    with (place / "log").open("wb") as log:
        daemon = subprocess.Popen([*command, f"--add-runtime=runc-as-far-as-root={_RUNTIME}"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (place / "socket").exists():
            if daemon.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"dockerd does not start here: {(place / 'log').read_text()[-300:]}")
            time.sleep(0.1)
        yield Docker(place / "socket", client)
    finally:
        daemon.terminate()
        daemon.wait(30)
        for path in _groups() - there_before:
            with contextlib.suppress(OSError):
                path.rmdir()
        # Gigabytes, which pytest would keep.
        shutil.rmtree(place / "data-root", ignore_errors=True)


def _groups() -> set[Path]:
    return {path for pattern in ("docker", "*/docker") for path in Path("/sys/fs/cgroup").glob(pattern)}
