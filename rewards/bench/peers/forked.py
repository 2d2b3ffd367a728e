"""Run as a program: judges programs as graders without isolation do, each test by exec in a fork of this process.

Reads one JSON text per line: `source`, `streams` (pairs of stdin and expected stdout), `seconds`. Answers with
`accepted`. Needs nothing but the standard library.
"""

from __future__ import annotations

import io
import json
import os
import select
import signal
import sys
import time

# What programs usually import is there already, as such graders have it.
_USUAL = "bisect collections copy datetime functools heapq itertools math operator random re string typing"
for _name in _USUAL.split():
    __import__(_name)

_CHUNK_BYTES = 1 << 16


def main() -> None:
    """Answer until there are no more lines."""
    for line in sys.stdin:
        asked = json.loads(line)
        tests = asked["streams"]
        accepted = all(_passes(asked["source"], stdin, expected, asked["seconds"]) for stdin, expected in tests)
        print(json.dumps({"accepted": accepted}), flush=True)


def _passes(source: str, stdin: str, expected: str, seconds: float) -> bool:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _run(source, stdin, writer)
    os.close(writer)
    output = _read(reader, time.monotonic() + seconds)
    os.close(reader)
    if output is None:
        os.kill(child, signal.SIGKILL)
    ended_well = os.waitpid(child, 0)[1] == 0
    return output is not None and ended_well and output.split() == expected.encode().split()


def _run(source: str, stdin: str, writer: int) -> None:
    """In the child, which ends here."""
    code = 1
    stdout = io.StringIO()
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), stdout, io.StringIO()
    try:
        exec(source, {"__name__": "__main__"})
        code = 0
    finally:
        with open(writer, "w") as pipe:
            pipe.write(stdout.getvalue())
        os._exit(code)


def _read(reader: int, until: float) -> bytes | None:
    """All that comes, None if there is no end to it in time."""
    found = b""
    while select.select([reader], [], [], max(until - time.monotonic(), 0.0))[0]:
        chunk = os.read(reader, _CHUNK_BYTES)
        if not chunk:
            return found
        found += chunk
    return None


if __name__ == "__main__":
    main()
