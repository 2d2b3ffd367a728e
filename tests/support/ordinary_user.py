"""An engine under an ordinary user, in a process of its own: takes its state directory, says as JSON what came of it.

With the argument `wait` it says its facts once a program is under way, and waits to be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import CannotStart
from engine.machine.place import place_of, read_facts
from engine.program import Limits, Program

WHO = """
import os
print(os.getuid(), os.getgid(), open("/proc/self/uid_map").read().split()[-1])
print(next(line for line in open("/proc/self/status") if line.startswith("CapEff")).split()[1])
"""
# Whatever of the keeper can be reached is handed down to the programs after this one.
TOUCHES_THE_KEEPER = """
import contextlib, os, resource
def refused(action):
    try:
        action()
    except OSError:
        return
    print("reached", action)
refused(lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (16, 16)))
refused(lambda: os.sched_setaffinity(1, {0}))
refused(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19))
refused(lambda: os.setpriority(os.PRIO_USER, 0, 19))
refused(lambda: open("/proc/1/oom_score_adj", "w"))
refused(lambda: open("/proc/1/mem", "rb"))
refused(lambda: os.listdir("/proc/1/fd"))
refused(lambda: open("/proc/sys/net/ipv4/ip_forward", "w"))
refused(lambda: open("/usr/kept", "w"))
with contextlib.suppress(PermissionError):
    os.kill(1, 9)
open("/tmp/kept", "w").write("x")
with contextlib.suppress(PermissionError):
    os.utime("/tmp", ns=(1, 1))
print("done")
"""
LOOKS = 'import os; print(os.path.exists("/tmp/kept"), os.nice(0), len(os.sched_getaffinity(0)) == os.cpu_count())'
PROGRAMS = {
    "who": (WHO, Limits()),
    "touches the keeper": (TOUCHES_THE_KEEPER, Limits()),
    "looks": (LOOKS, Limits()),
    "spins": ("while True: pass", Limits(cpu_seconds=0.3)),
    "eats memory": ("x = bytearray(1 << 28)", Limits(memory_bytes=64 << 20)),
    "forks": ("import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(99)", Limits(processes=16)),
    "fills the disk": ("open('/tmp/x', 'wb').write(bytes(9 << 20))", Limits(disk_bytes=8 << 20)),
    "reaches out": ("import socket; socket.create_connection(('127.0.0.1', 22), 1)", Limits()),
    "is right": ("print(input())", Limits()),
}
SLEEPS = Program("import os, time\nos.fork()\ntime.sleep(999)")


async def main(state_dir: str, *, wait: bool, allow_degraded: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"place": str(place_of(read_facts()))}
    try:
        async with Engine(slots=2, config=EngineConfig(state_dir=state_dir, allow_degraded=allow_degraded)) as engine:
            said["facts"] = engine.facts()
            if wait:
                under_way = asyncio.create_task(engine.run(SLEEPS, limits=Limits(cpu_seconds=9, wall_seconds=99)))
                print(json.dumps(said), flush=True)
                await under_way
            for name, (source, limits) in PROGRAMS.items():
                outcome = await engine.run(Program(source), stdin=b"hello\n", limits=limits)
                said["not enforced"] = sorted(outcome.not_enforced)
                said[name] = [outcome.verdict, outcome.stdout.decode(), outcome.stderr.decode()[-200:]]
            said["faults"] = engine.stats().faults
    except CannotStart as error:
        said["refused"] = str(error)
    return said


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], wait="wait" in sys.argv, allow_degraded="degraded" in sys.argv))))
