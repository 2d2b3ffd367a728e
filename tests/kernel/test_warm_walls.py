"""What a program that is a fork of a zygote could do to it, to the keeper, or learn of the runs before: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine import Engine, Limits, Program
from engine.program import MIB, Verdict
from tests.support.warmth import warm_up

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

PRINT = Program(source="print(1)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    async with Engine(slots=1) as engine:
        yield await warm_up(engine)


async def said(engine: Engine, source: str, started: str = "warm") -> str:
    outcome = await engine.run(Program(source=source), limits=Limits(cpu_seconds=30))
    assert (outcome.verdict, outcome.started) == (Verdict.ACCEPTED, started), outcome.stderr.decode()
    return outcome.stdout.decode()


# Calls `look` with the bytes of each part of its own memory; what is looked for must not be in this text.
_MEMORY = """
import os
def parts():
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    for line in open("/proc/self/maps"):
        place, rights = line.split()[:2]
        start, end = (int(word, 16) for word in place.split("-"))
        if rights[0] != "r" or "[v" in line:
            continue
        while start < end and (part := os.pread(memory, min(end - start, 1 << 20), start)):
            yield rights, part
            start += len(part)
"""

_LOOKS_FOR_CANARIES = f"""{_MEMORY}
import re
wanted = re.compile(b"CANA" + b"RY-[a-z]+")
print(sorted({{found for _, part in parts() for found in wanted.findall(part)}}))
"""


async def test_nothing_of_a_run_is_in_the_memory_of_the_next(engine: Engine) -> None:
    source = "import sys\nkept = 'CANARY-source', sys.stdin.read(), open('data').read()\nprint('CANARY-output')"
    for _ in range(2):
        outcome = await engine.run(Program(source=source, files={"data": b"CANARY-file"}), b"CANARY-stdin")
        assert outcome.started == "warm"
        assert await said(engine, _LOOKS_FOR_CANARIES) == "[]\n"
    # It does find what is there.
    assert "CANARY-mine" in await said(engine, f"mine = 'CANARY-mine'\n{_LOOKS_FOR_CANARIES}")


_TRIES_ALL_WORDS = f"""{_MEMORY}
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.argtypes = [ctypes.c_long] * 7
CLONE3, NOSYS = 435, 38
words = set()
for rights, part in parts():
    if rights[1] == "w":
        words.update(struct.unpack(f"<{{len(part) // 8}}q", part[: len(part) // 8 * 8]))
opened = 0
for word in words:
    # With the word that the filter asks a zygote for, this would be EINVAL.
    libc.syscall(CLONE3, 0, 0, 0, 0, 0, word)
    opened += ctypes.get_errno() != NOSYS
print(len(words) > 10_000, opened)
"""


async def test_no_word_in_its_memory_opens_the_filter(engine: Engine) -> None:
    assert await said(engine, _TRIES_ALL_WORDS) == "True 0\n"


_TOUCHES = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
place = ctypes.create_string_buffer(256)
calls = {
    "kill": (62, "pid", 9), "stop": (62, "pid", 19), "tkill": (200, "pid", 9), "tgkill": (234, "pid", "pid", 9),
    "rt_sigqueueinfo": (129, "pid", 9, place), "ptrace attach": (101, 16, "pid"), "ptrace seize": (101, 0x4206, "pid"),
    "process_vm_readv": (310, "pid", place, 1, place, 1, 0), "process_vm_writev": (311, "pid", place, 1, place, 1, 0),
    "prlimit": (302, "pid", 7, 0, place), "sched_setaffinity": (203, "pid", 8, place),
    "setpriority": (141, 0, "pid", 19), "setpgid": (109, "pid", "pid"), "wait4": (61, "pid", 0, 0, 0),
    "get_robust_list": (274, "pid", place, place), "sched_setattr": (314, "pid", place, 0),
    "process_madvise": (440, "pid"), "kcmp": (312, "pid", os.getpid()), "move_pages": (279, "pid"),
}
for pid in (1, 300):
    for name, (number, *arguments) in calls.items():
        if libc.syscall(number, *(pid if each == "pid" else each for each in arguments)) != -1:
            print(pid, name)
    pidfd = libc.syscall(434, pid, 0)
    for name, *words in ("signal", 424, pidfd, 9, 0, 0), ("getfd", 438, pidfd, 3, 0), ("setns", 308, pidfd, 1 << 29):
        if libc.syscall(*words) != -1:
            print(pid, "pidfd", name)
    for name in ("", "status", "mem", "maps", "environ", "fd", "root", "cwd", "exe", "ns/mnt", "task"):
        if os.path.lexists(f"/proc/{pid}/{name}"):
            print(pid, name)
os.closerange(3, 256)
print(sorted(os.listdir("/proc/self/fd")), [line for line in open("/proc/net/unix")][1:])
"""


async def test_the_keeper_and_the_zygote_cannot_be_touched(engine: Engine) -> None:
    assert await said(engine, _TOUCHES) == "['0', '1', '2', '3'] []\n"
    assert (await engine.run(PRINT)).started == "warm"


async def test_a_program_begins_with_its_streams_alone(engine: Engine) -> None:
    assert await said(engine, "import os\nprint(sorted(os.listdir('/proc/self/fd')))") == "['0', '1', '2', '3']\n"


_ORPHAN = """
import ctypes, os, signal, time
# CLONE_PARENT: a child of the keeper's, as the program is.
if ctypes.CDLL(None).syscall(56, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0) == 0:
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    while True:
        pass
print("left one")
"""

_EATERS = {
    "processes": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "memory": "x = []\nwhile True:\n    x.append(bytearray(10**7))",
    "files": "f = open('/tmp/x', 'wb')\ntry:\n    while True:\n        f.write(bytes(1 << 20))\n"
    "except OSError:\n    x = []\nwhile True:\n    x.append(bytearray(10**6))",
    "memory files": "import os\nf = os.memfd_create('x')\nwhile True:\n    os.write(f, bytes(1 << 20))",
    "siblings": _ORPHAN,
}


@pytest.mark.parametrize("source", _EATERS.values(), ids=_EATERS)
async def test_no_program_takes_the_next_one_s_zygote(engine: Engine, source: str) -> None:
    await warm_up(engine)
    limits = Limits(cpu_seconds=1, wall_seconds=5, memory_bytes=64 * MIB)
    for _ in range(3):
        assert (await engine.run(Program(source=source), limits=limits)).started == "warm"
        outcome = await engine.run(PRINT)
        assert (outcome.started, outcome.stdout) == ("warm", b"1\n")
    assert engine.stats().faults == 0
