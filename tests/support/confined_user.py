"""An engine without namespaces, in a process of its own: takes its state directory, says as JSON what came of it.

With the argument `wait` it says its facts once programs are under way, and waits to be killed. What a program must not
reach lies beside the state directory.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import BadInput, CannotStart
from engine.machine.place import place_of, read_facts
from engine.program import Limits, Program

# Prints what it could do that it should not; the first line says whom to attack.
ATTACKS = """
import ctypes, mmap, os, resource, shutil, socket, sys
home, *pids = sys.stdin.readline().split()
libc = ctypes.CDLL(None, use_errno=True)
def refused(what, action):
    try:
        answer = action()
    except OSError:
        return
    if answer != -1:
        print("reached", what)
secret = home + "/secret"
refused("read", lambda: open(secret).read())
refused("write", lambda: open(secret, "a"))
refused("truncate", lambda: os.truncate(secret, 0))
refused("chmod", lambda: os.chmod(secret, 0o777))
refused("chown", lambda: os.chown(secret, os.getuid(), os.getgid()))
refused("times", lambda: os.utime(secret, (1, 1)))
refused("attribute", lambda: os.setxattr(secret, "user.a", b"1"))
refused("chmod by descriptor", lambda: os.chmod(f"/proc/self/fd/{os.open(secret, os.O_PATH)}", 0o777))
refused("hard link", lambda: os.link(secret, "linked"))
refused("rename", lambda: os.rename(secret, "renamed"))
refused("remove", lambda: os.unlink(secret))
refused("list", lambda: os.listdir(home))
refused("make", lambda: open(home + "/made", "w"))
os.symlink(secret, "symlink")
refused("through a link", lambda: open("symlink").read())
refused("watch", lambda: libc.inotify_init1(0))
for path in ("..", "../..", "/tmp", "/home", "/root", "/proc", "/run", "/var", "/etc", "/dev/shm"):
    refused("list " + path, lambda: os.listdir(path))
for path in ("../x", "../program/x", "/tmp/x", "/var/tmp/x", "/dev/shm/x", "/usr/x"):
    refused("make " + path, lambda: open(path, "w"))
for path in ("/etc/passwd", "/proc/self/net/tcp", "/proc/self/mountinfo", "/proc/kmsg", "/dev/tty", "/dev/ptmx"):
    refused("read " + path, lambda: open(path).read(1))
for pid in (*map(int, pids), os.getppid()):
    for name in ("environ", "cmdline", "maps", "status"):
        refused(f"{name} of {pid}", lambda: open(f"/proc/{pid}/{name}").read(1))
    refused(f"mem of {pid}", lambda: open(f"/proc/{pid}/mem", "rb"))
    refused(f"cwd of {pid}", lambda: os.readlink(f"/proc/{pid}/cwd"))
    for signal in (0, 19, 9):
        refused(f"signal to {pid}", lambda: os.kill(pid, signal))
    refused(f"limits of {pid}", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (16, 16)))
    refused(f"cores of {pid}", lambda: os.sched_setaffinity(pid, {0}))
    refused(f"priority of {pid}", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    refused(f"scheduler of {pid}", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
    refused(f"pidfd of {pid}", lambda: os.pidfd_open(pid))
    refused(f"trace {pid}", lambda: libc.ptrace(16, pid, 0, 0))
    refused(f"memory of {pid}", lambda: libc.process_vm_readv(pid, 0, 0, 0, 0, 0))
refused("priority of the user", lambda: os.setpriority(os.PRIO_USER, 0, 19))
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    refused(f"socket {family}", lambda: socket.socket(family, socket.SOCK_DGRAM))
refused("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
refused("connect", lambda: socket.socketpair()[0].connect(home + "/socket"))
refused("shared memory", lambda: libc.shmget(7, 4096, 0o1600))
refused("shared memory without a file", lambda: mmap.mmap(-1, 4096))
refused("shared memory of a device", lambda: open("/dev/zero", "rb"))
refused("descriptors", lambda: socket.send_fds(socket.socketpair()[0], [b"x"], [0]))
refused("hidden descriptors", lambda: libc.prctl(4, 0, 0, 0, 0))
refused("memfd", lambda: os.memfd_create("x"))
refused("user namespace", lambda: libc.unshare(0x10000000))
refused("device", lambda: os.mknod("device", 0o20666, os.makedev(1, 3)))
# Nobody else is there to be killed: the one outside lives on.
try: os.kill(-1, 9)
except OSError: pass
print("done")
"""
# All of them are dead when the answer is there.
LEAVES_DAEMONS = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
print("left")
"""
NASTY_FILES = """
import os
os.makedirs("a/b/c"); open("a/b/c/f", "w"); os.symlink("/", "root"); os.symlink(os.environ["HOME"] + "/../..", "up")
for path in ("a/b", "a", "."):
    os.fchmod(os.open(path, os.O_RDONLY), 0)
"""
HIDES_CPU_TIME = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.monotonic() + 0.2
        while time.monotonic() < end: pass
        os._exit(0)
    time.sleep(0.2)
"""
EATS_IN_CHILDREN = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        kept = bytearray(20 << 20)
        break
time.sleep(9)
"""
# Who adds up what each has of it meets some as they come and go.
SHARES_MEMORY = """
import os, time
kept = bytearray(40 << 20)
end = time.monotonic() + 0.4
while time.monotonic() < end:
    for _ in range(6):
        if os.fork() == 0:
            time.sleep(0.003)
            os._exit(0)
    for _ in range(6): os.wait()
"""
UNNAMED_FILES = """
import os, time
kept = []
for _ in range(30):
    kept.append(open("f", "wb")); os.unlink("f"); kept[-1].write(bytes(1 << 20)); kept[-1].flush()
time.sleep(9)
"""
SIGNALS_ITS_OWN = """
import os, signal, subprocess, threading
child = subprocess.Popen(["sleep", "9"])
child.terminate()
print(child.wait())
group = subprocess.Popen(["sleep", "9"], process_group=0)
os.killpg(group.pid, signal.SIGKILL)
print(group.wait())
os.kill(os.getpid(), 0); os.kill(0, 0); signal.pthread_kill(threading.get_ident(), 0)
signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
signal.raise_signal(signal.SIGUSR1)
"""
EATS_WITHOUT_ITS_FIRST_THREAD = """
import ctypes, threading, time
def eats():
    kept = []
    while True:
        kept.append(bytearray(b"x" * (4 << 20)))
        time.sleep(0.01)
threading.Thread(target=eats).start()
ctypes.CDLL(None).syscall(60, 0)
"""
BEHIND_A_CLOSED_DOOR = """
import os, time
os.mkdir("d")
files = [open(f"d/{number}", "wb", 0) for number in range(5)]
os.fchmod(os.open("d", os.O_RDONLY), 0o333)
for file in files: file.write(bytes(4 << 20))
time.sleep(9)
"""
MAPPED_ALONE = """
import mmap, os, time
kept = []
for number in range(5):
    with open("f", "w+b") as file:
        file.truncate(4 << 20)
        kept.append(mmap.mmap(file.fileno(), 4 << 20))
    os.unlink("f")
    kept[-1][:] = b"x" * (4 << 20)
time.sleep(9)
"""
FORKS = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
_LIMITS = Limits(cpu_seconds=1, wall_seconds=10, memory_bytes=64 << 20, processes=16, disk_bytes=8 << 20)
PROGRAMS = {
    "is right": ("print(input())", Limits()),
    "spins": ("while True: pass", Limits(cpu_seconds=0.3)),
    "leaves daemons": (LEAVES_DAEMONS, _LIMITS),
    "leaves nasty files": (NASTY_FILES, _LIMITS),
    "looks for them": ("import os; print(os.listdir('.'), os.listdir(os.environ['TMPDIR']))", _LIMITS),
    "signals its own": (SIGNALS_ITS_OWN, _LIMITS),
    "forks": (FORKS, _LIMITS),
    "hides its time": (HIDES_CPU_TIME, _LIMITS),
    "eats memory": ("x = bytearray(1 << 28)", _LIMITS),
    "eats memory in children": (EATS_IN_CHILDREN, _LIMITS),
    "shares memory": (SHARES_MEMORY, _LIMITS),
    "fills the disk": (
        "import time\nfor i in range(30): open(str(i), 'wb').write(bytes(1 << 20))\ntime.sleep(9)",
        _LIMITS,
    ),
    "fills it unseen": (UNNAMED_FILES, _LIMITS),
    "eats without its first thread": (EATS_WITHOUT_ITS_FIRST_THREAD, _LIMITS),
    "fills it behind a closed door": (BEHIND_A_CLOSED_DOOR, _LIMITS),
    "fills it by mapping": (MAPPED_ALONE, _LIMITS),
    "reaches out": ("import socket; socket.create_connection(('127.0.0.1', 22), 1)", Limits()),
}
SLEEPS = Program("import os, time\nos.setsid()\nos.fork()\ntime.sleep(999)")


async def main(state_dir: str, *, wait: bool) -> dict[str, Any]:
    home = Path(state_dir).parent
    said: dict[str, Any] = {"place": str(place_of(read_facts())), "namespace": _makes_namespace()}
    config = EngineConfig(state_dir=state_dir, scratch_dir=str(home), runtime="landlock")
    try:
        async with Engine(slots=2, config=EngineConfig(state_dir=state_dir)):
            pass
    except CannotStart as error:
        said["native"] = str(error)
    try:
        async with Engine(slots=2, config=config) as engine:
            said["facts"] = engine.facts()
            if wait:
                runs = [engine.run(SLEEPS, limits=Limits(cpu_seconds=9, wall_seconds=99)) for _ in range(2)]
                under_way = asyncio.gather(*runs)
                print(json.dumps(said), flush=True)
                await under_way
            said["attacks"] = await _attacks(engine, home)
            for name, (source, limits) in PROGRAMS.items():
                outcome = await engine.run(Program(source), stdin=b"hello\n", limits=limits)
                said["not enforced"] = sorted(outcome.not_enforced)
                said[name] = [outcome.verdict, outcome.stdout.decode(), outcome.stderr.decode()[-200:]]
            said["refused"] = await _refused(engine)
            said["faults"] = engine.stats().faults
    except CannotStart as error:
        said["cannot start"] = str(error)
    said["left"] = sorted(path.name for path in home.iterdir() if path.name.startswith("assay-"))
    return said


def _makes_namespace() -> bool:
    return subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode == 0


async def _attacks(engine: Engine, home: Path) -> list[str]:
    secret = home / "secret"
    secret.write_text("kept")
    victim = await asyncio.create_subprocess_exec("sleep", "99")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "socket"))
        listener.listen()
        # A container's first process has no parent, and to signal 0 is to signal one's own group.
        pids = [pid for pid in (os.getpid(), os.getppid(), victim.pid) if pid]
        told = f"{home} {' '.join(map(str, pids))} {engine.facts()['supervisor_pid']}\n"
        outcome = await engine.run(Program(ATTACKS), stdin=told.encode())
    alive = victim.returncode is None
    victim.kill()
    await victim.wait()
    (home / "socket").unlink()
    return [outcome.stdout.decode(), outcome.stderr.decode()[-300:], f"{alive} {secret.read_text()}"]


async def _refused(engine: Engine) -> str:
    try:
        await engine.run(Program("print(1)", files={"/dev/shm/x": b"x"}))
    except BadInput as error:
        return error.field
    return ""


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], wait="wait" in sys.argv))))
