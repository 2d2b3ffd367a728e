"""The peer of `assay bench math`: math-verify in a process of its own, which is begun again when it hangs."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from engine.errors import BadInput
from rewards.bench.math_pairs import Pair

GET_IT: Final = "pip install 'assay[bench]', or --peer-python with a Python that has math-verify"
# Its own alarms ring after 5 s for each of three calls; what comes after that hangs where no alarm is heard.
_PATIENCE_SECONDS: Final = 30.0
_START_SECONDS: Final = 60.0


class Answered(NamedTuple):
    """What the peer said of one pair, and how long it took; "hung" if it never said anything."""

    verdict: str
    seconds: float


class Peer:
    """math-verify under `python`; `version` is None where that Python has none."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self.version: str | None = None

    def judge(self, pair: Pair) -> Answered:
        """One pair; what hangs is killed."""
        process = self._running()
        line = json.dumps({"completion": pair.item.completion, "reference": str(pair.item.reference)})
        _pipe(process.stdin).write(line.encode() + b"\n")
        said = _line(process, _PATIENCE_SECONDS)
        if said is None:
            self._end()
            return Answered("hung", _PATIENCE_SECONDS)
        return Answered(said["verdict"], said["seconds"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            # Isolated: the script stands beside a math.py.
            script = Path(__file__).with_name("math_peer.py")
            pipe = subprocess.PIPE
            try:
                self._process = subprocess.Popen(
                    [self._python, "-I", str(script)], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0
                )
            except OSError as error:
                raise BadInput("peer-python", self._python, error.strerror or str(error)) from error
            said = _line(self._process, _START_SECONDS)
            self.version = None if said is None else said["version"]
        return self._process

    def look(self) -> str | None:
        """Its version, or None. Raises BadInput for a Python that cannot be started."""
        self._running()
        return self.version

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextlib.contextmanager
def peer(python: str) -> Iterator[Peer]:
    """A peer that is ended with the block."""
    found = Peer(python)
    try:
        yield found
    finally:
        found._end()


def _pipe(file: IO[bytes] | None) -> IO[bytes]:
    if file is None:
        raise AssertionError("started with a pipe")
    return file


def _line(process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any] | None:
    """The next line, decoded; None if none comes in time or it has ended."""
    pipe = _pipe(process.stdout)
    if not select.select([pipe], [], [], seconds)[0]:
        return None
    text = pipe.readline()
    said: dict[str, Any] | None = json.loads(text) if text else None
    return said
