"""Hypothesis strategies that change hostile programs and put them together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import strategies as st

from engine import Limits, Program
from tests.support.hostile import Hostile, programs

# Small, so that whatever comes of the changes ends soon.
LIMITS = Limits(
    cpu_seconds=0.3,
    wall_seconds=0.6,
    memory_bytes=96 << 20,
    output_bytes=64 << 10,
    disk_bytes=8 << 20,
    processes=24,
)
COMPILE_LIMITS = Limits(cpu_seconds=1, wall_seconds=2, memory_bytes=256 << 20)
_RIGHT = 'print("right", flush=True)'
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_PYTHON = [hostile for hostile in programs() if hostile.program.language == "python"]
_SCRIPTS = [hostile for hostile in programs() if hostile.program.language in ("bash", "javascript")]
_OTHERS = [hostile for hostile in programs() if hostile.program.language in ("c", "cpp")]


@dataclass(frozen=True)
class Mutant:
    """A program, its input, and the names of the programs that it was made of."""

    program: Program
    stdin: bytes
    parents: tuple[str, ...]


def _changed(source: str, draw: st.DrawFn) -> str:
    """The source with some of its numbers made others."""
    found = list(_NUMBER.finditer(source))
    if not found:
        return source
    chosen = draw(st.lists(st.sampled_from(found), max_size=3, unique_by=lambda match: match.start()))
    for match in sorted(chosen, key=lambda match: match.start(), reverse=True):
        old = int(match[0])
        near = [0, 1, old + 1, max(old - 1, 0), old * 2, old // 2, old * 1000]
        new = draw(st.sampled_from([*near, 2, 255, 4096, 65536, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 63) - 1]))
        source = source[: match.start()] + str(new) + source[match.end() :]
    return source


def _part(hostile: Hostile, draw: st.DrawFn) -> str:
    """Python that does what this program does, changed, somewhere: here, in a child, in a thread, in an orphan."""
    source = _changed(hostile.program.source, draw)
    if hostile.program.language != "python":
        shell = ["/usr/bin/bash", "-c"] if hostile.program.language == "bash" else ["/usr/bin/node", "-e"]
        source = f"import subprocess\nsubprocess.run({[*shell, source]!r}, check=False)"
    where = draw(st.sampled_from(["here", "guarded", "child", "thread", "orphan"]))
    return f"{where}({source!r})"


_HARNESS = """\
import os
import sys
import threading
def here(source):
    exec(compile(source, "part", "exec"), {"__name__": "__main__"})
def guarded(source):
    try:
        here(source)
    except BaseException as error:
        print(repr(error)[:200], file=sys.stderr)
def child(source):
    pid = os.fork()
    if pid == 0:
        guarded(source)
        os._exit(0)
    os.waitpid(pid, 0)
def thread(source):
    worker = threading.Thread(target=guarded, args=(source,))
    worker.start()
    worker.join(0.2)
def orphan(source):
    if os.fork() == 0:
        os.setsid()
        guarded(source)
        os._exit(0)
"""


@st.composite
def mutants(draw: st.DrawFn) -> Mutant:
    """One changed program as it is, or up to four changed ones in a row, with a right answer among them or without."""
    if draw(st.integers(0, 4)) == 0:
        hostile = draw(st.sampled_from(_OTHERS))
        # The header's numbers mean nothing to the compiler.
        source = _changed(hostile.program.source, draw)
        program = Program(source=source, language=hostile.program.language, files=hostile.program.files)
        return Mutant(program, hostile.stdin, (hostile.name,))
    parents = draw(st.lists(st.sampled_from(_PYTHON + _SCRIPTS), min_size=1, max_size=4))
    lines = [_part(hostile, draw) for hostile in parents]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), _RIGHT)
    source = _HARNESS + "\n".join(lines) + "\n"
    return Mutant(Program(source=source), parents[0].stdin, tuple(hostile.name for hostile in parents))
