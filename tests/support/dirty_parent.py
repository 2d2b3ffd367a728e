"""An engine in a process that is set up as badly as a trainer's may be: prints what the probe sees."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
import tempfile

from engine.config.engine import EngineConfig, Runtime
from engine.engine import Engine
from engine.program import Program
from tests.support.hostile import PROBE, PROGRAMS

KEYCTL = 250
PR_SET_TIMERSLACK = 29
ADDR_NO_RANDOMIZE = 0x0040000


def make_dirty() -> None:
    libc = ctypes.CDLL(None)
    # Of its own, so that nothing outlives the process.
    libc.syscall(KEYCTL, 1, b"dirty", 0, 0, 0)
    libc.personality(ADDR_NO_RANDOMIZE)
    libc.prctl(PR_SET_TIMERSLACK, 1_000_000, 0, 0, 0)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGCHLD})
    for kind, value in (
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_STACK, 1 << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_FSIZE, 1 << 24),
    ):
        # Soft only: what a hard limit forbids not even root may have without CAP_SYS_RESOURCE.
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    for name, text in (("oom_score_adj", "300"), ("coredump_filter", "0x7f")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    os.umask(0o077)
    os.nice(5)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.environ.update(SECRET="of the trainer", LD_PRELOAD="", PYTHONPATH="/nowhere", IFS="x", BASH_ENV="/dev/stdin")
    # Descriptors that nobody closes on exec.
    for _ in range(20):
        os.set_inheritable(os.open("/etc/passwd", os.O_RDONLY), True)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    with tempfile.TemporaryDirectory() as gone:
        os.chdir(gone)


async def main() -> None:
    program = Program(source=(PROGRAMS / PROBE).read_text())
    make_dirty()
    runtime: Runtime = "crun" if "crun" in sys.argv else "native"
    async with Engine(slots=1, config=EngineConfig(runtime=runtime)) as engine:
        outcome = await engine.run(program)
    sys.stdout.buffer.write(outcome.stdout)


asyncio.run(main())
