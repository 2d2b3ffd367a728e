"""crun, the OCI runtime: containers made and ended through the crun program, with their streams redirected."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from engine.errors import CannotStart, SandboxError
from engine.pool.native import module

CAPTURE: Final = "capture"
Input = int | bytes | Path | None
Output = int | Path | Literal["capture"] | None


class CrunError(SandboxError):
    """crun refused: `operation` as on its command line, its exit `code`, its own `message`."""

    def __init__(self, operation: str, code: int, message: str) -> None:
        self.operation = operation
        self.code = code
        self.message = message
        super().__init__(f"crun {operation}: {message or 'failed without a word'} (exit code {code})")


@dataclass(frozen=True)
class Ended:
    """How a program in a container ended; streams that were not captured are empty."""

    code: int
    stdout: bytes
    stderr: bytes


class Crun:
    """Containers of one state directory, by name.

    stdin   bytes, a file's path, a descriptor, or None for an empty one
    stdout  a file's path, a descriptor, CAPTURE, or None for nowhere; stderr likewise

    Calls block with the GIL released and raise CrunError if crun refuses, OSError if it cannot be started.
    """

    def __init__(self, *, program: str | None = None, root: Path | None = None) -> None:
        self._native = module().Crun(program or find_program(), None if root is None else str(root))

    def create(
        self, name: str, bundle: Path, *, stdin: Input = None, stdout: Output = None, stderr: Output = None
    ) -> None:
        """Make a container that waits for `start`; its streams are those given here (paths or descriptors)."""
        if CAPTURE in (stdout, stderr):
            raise ValueError("create: its container outlives the call, so capture by a pipe's descriptor")
        self._checked("create", [f"--bundle={bundle}", name], stdin, stdout, stderr)

    def start(self, name: str) -> None:
        """Let a created container run."""
        self._checked("start", [name])

    def kill(self, name: str, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to a container's first process."""
        self._checked("kill", [name, str(with_signal.value)])

    def delete(self, name: str, *, force: bool = False) -> None:
        """Remove a stopped container; with `force` also one that runs, which is killed."""
        self._checked("delete", ["--force", name] if force else [name])

    def state(self, name: str) -> dict[str, Any]:
        """What crun knows of a container: status, pid, bundle, as the OCI specification names them."""
        state: dict[str, Any] = json.loads(self._checked("state", [name], stdout=CAPTURE).stdout)
        return state

    def run(
        self, name: str, bundle: Path, *, stdin: Input = None, stdout: Output = CAPTURE, stderr: Output = CAPTURE
    ) -> Ended:
        """Create, start, wait and delete; the exit code is the program's own."""
        return self._call("run", [f"--bundle={bundle}", name], stdin, stdout, stderr)

    def exec(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: Input = None,
        stdout: Output = CAPTURE,
        stderr: Output = CAPTURE,
    ) -> Ended:
        """Run one more program in a running container; the exit code is the program's own."""
        options = [f"--env={key}={value}" for key, value in (env or {}).items()]
        options += [f"--cwd={cwd}"] if cwd is not None else []
        return self._call("exec", [*options, name, *argv], stdin, stdout, stderr)

    def _checked(
        self, operation: str, arguments: list[str], stdin: Input = None, stdout: Output = None, stderr: Output = None
    ) -> Ended:
        ended = self._call(operation, arguments, stdin, stdout, stderr)
        if ended.code != 0:
            raise CrunError(operation, ended.code, ended.stderr.decode(errors="replace").strip())
        return ended

    def _call(self, operation: str, arguments: list[str], stdin: Input, stdout: Output, stderr: Output) -> Ended:
        with contextlib.ExitStack() as opened:
            code, message, out, err = self._native(
                operation,
                arguments,
                stdin=opened.enter_context(_opened(stdin, os.O_RDONLY)) if isinstance(stdin, Path) else stdin,
                stdout=opened.enter_context(_output(stdout)),
                stderr=opened.enter_context(_output(stderr)),
                capture=CAPTURE in (stdout, stderr),
            )
        if code != 0 and message:
            raise CrunError(operation, code, message)
        return Ended(code, out, err)


def stock_bundle(bundle: Path, rootfs: Path, argv: Sequence[str], *, trees: Sequence[Path] = ()) -> None:
    """Write a bundle as `crun spec` has it, for this program on this root file system, without a terminal.

    trees   directories of this machine, bound read-only at their own paths
    """
    bundle.mkdir(exist_ok=True)
    Crun()._checked("spec", [f"--bundle={bundle}"])
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": list(argv)}
    config["root"] |= {"path": str(rootfs)}
    for tree in trees:
        options = ["rbind", "ro", "nosuid", "nodev"]
        config["mounts"].append({"destination": str(tree), "source": str(tree), "type": "bind", "options": options})
    path.write_text(json.dumps(config))


def find_program() -> str:
    """The path of the crun program; raises CannotStart that says how to get it."""
    path = shutil.which("crun")
    if path is None:
        raise CannotStart(
            'runtime "crun" needs the program crun, which is not on PATH: apt-get install crun, '
            'or go on with runtime "native"'
        )
    return path


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _output(stream: Output) -> Iterator[int | None]:
    if isinstance(stream, Path):
        with _opened(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as fd:
            yield fd
    else:
        yield stream if isinstance(stream, int) else None
