"""Peers that are one command per run, started by the floor's own loop; and the floor, a program as its own command."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.bench.load import Segment, busy_seconds
from engine.bench.peer import Load, PeerFailed
from engine.bench.programs import NAMES, Name, Programs
from engine.pool.native import bare_runs

Commands = dict[Name, list[str]]
# Stands for a name that no other run has.
_CONTAINER: Final = "{}"
# As few as a program can do with; the stock configuration mounts seven.
_TUNED_MOUNTS: Final = ("/proc", "/dev")


@dataclass(frozen=True, kw_only=True)
class CommandPeer:
    """Starts `commands` of a program, one for each run.

    package   what brings the command, for who has to install it
    commands  makes ready what each run needs, and says how each program is run
    """

    name: str
    how: str
    command: str
    package: str
    commands: Callable[[Programs], contextlib.AbstractContextManager[Commands]]
    programs: tuple[Name, ...] = NAMES

    def missing(self) -> str | None:
        if shutil.which(self.command):
            return None
        return f"{self.command} is not installed: apt-get install {self.package}"

    @contextlib.asynccontextmanager
    async def open(self, programs: Programs, in_flight: int) -> AsyncIterator[Load]:
        with self.commands(programs) as commands:

            async def load(program: Name, seconds: float) -> Segment:
                return await commands_run(commands[program], in_flight, seconds)

            yield load


async def commands_run(argv: list[str], in_flight: int, seconds: float) -> Segment:
    """Load by the floor's loop, which starts one command for each run."""
    busy = busy_seconds()
    took, errors, first_error, nanoseconds = await bare_runs(argv, in_flight, seconds)
    return Segment(
        seconds=took,
        latencies=[value / 1e9 for value in nanoseconds],
        busy_seconds=busy_seconds() - busy,
        errors=errors,
        first_error=first_error,
    )


@contextlib.contextmanager
def _bare(programs: Programs) -> Iterator[Commands]:
    yield {name: [programs.path(name)] for name in NAMES}


@contextlib.contextmanager
def _bubblewrap(programs: Programs) -> Iterator[Commands]:
    # What a dynamic program needs to see, as bubblewrap's manual shows it.
    links = [word for name in ("lib", "lib64") for word in ("--symlink", f"usr/{name}", f"/{name}")]
    shown = ["--ro-bind", "/usr", "/usr", *links, "--ro-bind", str(programs.directory), "/programs"]
    first = [_which("bwrap"), "--unshare-all", "--die-with-parent", *shown, "--proc", "/proc", "--dev", "/dev"]
    yield {name: [*first, f"/programs/{name}"] for name in NAMES}


@contextlib.contextmanager
def _crun_stock(programs: Programs) -> Iterator[Commands]:
    with _hybrid_cgroups(), _bundles(programs, "crun", lambda config: None) as bundles:
        yield _containers("crun", ["--cgroup-manager=cgroupfs"], bundles)


@contextlib.contextmanager
def _crun_tuned(programs: Programs) -> Iterator[Commands]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(_hybrid_cgroups())
        keeper = stack.enter_context(_holding("--net", "true"))

        def tune(config: dict[str, Any]) -> None:
            config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] in _TUNED_MOUNTS]
            linux = config["linux"]
            linux.pop("maskedPaths", None)
            linux.pop("readonlyPaths", None)
            network = next(namespace for namespace in linux["namespaces"] if namespace["type"] == "network")
            network["path"] = f"/proc/{keeper.pid}/ns/net"

        bundles = stack.enter_context(_bundles(programs, "crun", tune))
        yield _containers("crun", ["--cgroup-manager=cgroupfs"], bundles)


@contextlib.contextmanager
def _runc(programs: Programs) -> Iterator[Commands]:
    with _bundles(programs, "runc", lambda config: None) as bundles:
        yield _containers("runc", [], bundles)


def _containers(command: str, options: list[str], bundles: dict[Name, Path]) -> Commands:
    state = bundles[NAMES[0]].parent / "state"
    return {
        name: [_which(command), "--root", str(state), *options, "run", "--bundle", str(bundle), _CONTAINER]
        for name, bundle in bundles.items()
    }


@contextlib.contextmanager
def _bundles(programs: Programs, command: str, change: Callable[[dict[str, Any]], None]) -> Iterator[dict[Name, Path]]:
    """A bundle for each program, its configuration as `spec` writes it but for program, terminal and `change`."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as place:
        bundles: dict[Name, Path] = {}
        for name in NAMES:
            bundles[name] = bundle = Path(place, name)
            bundle.mkdir()
            subprocess.run([_which(command), "spec"], cwd=bundle, check=True, capture_output=True)
            config = json.loads((bundle / "config.json").read_text())
            config["process"] |= {"terminal": False, "args": [f"/{name}"]}
            config["root"]["path"] = str(programs.rootfs)
            change(config)
            (bundle / "config.json").write_text(json.dumps(config))
        yield bundles


@contextlib.contextmanager
def _hybrid_cgroups() -> Iterator[None]:
    """crun refuses cgroup v1 beside a v2 mount that has a controller: while this lasts the controller is v1's too."""
    unified = Path("/sys/fs/cgroup/unified/cgroup.controllers")
    controllers = unified.read_text().split() if unified.exists() else []
    if not controllers:
        yield
        return
    # In a mount namespace of its own, so that nothing has to be unmounted: the hierarchy goes with the process.
    mounts = " && ".join(f"mkdir /mnt/{name} && mount -t cgroup -o {name} cgroup /mnt/{name}" for name in controllers)
    with _holding("--mount", f"mount -t tmpfs tmpfs /mnt && {mounts}"):
        yield


@contextlib.contextmanager
def _holding(namespace: str, script: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a namespace in which `script` was run."""
    command = ["unshare", namespace, "sh", "-c", f"{script} && echo made && exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "made\n":
                raise PeerFailed(f"{' '.join(command)} failed")
            yield process
        finally:
            process.kill()


def _which(command: str) -> str:
    return shutil.which(command) or os.fspath(command)


BARE: Final = CommandPeer(
    name="bare",
    how="posix_spawn and waitpid with two pipes read to their end, nothing else: the floor",
    command="gcc",
    package="gcc",
    commands=_bare,
)
BUBBLEWRAP: Final = CommandPeer(
    name="bubblewrap",
    how="bwrap --unshare-all --die-with-parent, /usr and the program bound read-only, /proc and /dev; no limits",
    command="bwrap",
    package="bubblewrap",
    commands=_bubblewrap,
)
CRUN_STOCK: Final = CommandPeer(
    name="crun-stock",
    how="crun run of a bundle as crun spec writes it",
    command="crun",
    package="crun",
    commands=_crun_stock,
)
CRUN_TUNED: Final = CommandPeer(
    name="crun-tuned",
    how="crun run; network namespace made ahead and shared, only /proc and /dev mounted, no masked paths",
    command="crun",
    package="crun",
    commands=_crun_tuned,
)
RUNC: Final = CommandPeer(
    name="runc",
    how="runc run of a bundle as runc spec writes it",
    command="runc",
    package="runc",
    commands=_runc,
)
