"""What the kernel says of the process."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "environment": "import os\nprint(list(os.environ.items()), list(os.environb.items()))",
    "environment of C": r"""
import ctypes
e = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')
n = 0
while e[n]: print(e[n]); n += 1
""",
    "environment of the kernel": "print(open('/proc/self/environ', 'rb').read().rstrip(b'\\0').split(b'\\0'))",
    "environment of the kernel, all of it": "print(open('/proc/self/environ', 'rb').read())",
    "environment changed": r"""
import os, subprocess
os.environ['NEW'] = '1'; del os.environ['HOME']; os.putenv('RAW', '2')
print(subprocess.check_output(['env']).decode(), os.getenv('RAW'))
""",
    "command line": r"""
print(
    open("/proc/self/cmdline", "rb").read(),
    open("/proc/self/comm").read(),
    __import__("os").readlink("/proc/self/exe"),
)
""",
    "ids": r"""
import os

print(
    os.getpid(),
    os.getppid(),
    os.getuid(),
    os.geteuid(),
    os.getgid(),
    os.getgroups(),
    os.getresuid(),
    os.getresgid(),
    os.getsid(0),
    os.getpgrp(),
)
""",
    "login": "import os\ntry: print(os.getlogin())\nexcept OSError as e: print(e)",
    "umask and directory": r"""
import os
print(oct(os.umask(0)), os.getcwd(), os.readlink('/proc/self/cwd'), os.readlink('/proc/self/root'))
""",
    "modes of new files": r"""
import os
open('x', 'w').close(); os.mkdir('d')
print(oct(os.stat('x').st_mode), oct(os.stat('d').st_mode), os.stat('x').st_uid, os.stat('x').st_gid)
""",
    "descriptors": r"""
import os
print(sorted(os.listdir('/proc/self/fd')), [os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in range(3)])
""",
    "flags of descriptors": r"""
import os, fcntl

print(
    [
        (
            fcntl.fcntl(n, fcntl.F_GETFL),
            fcntl.fcntl(n, fcntl.F_GETFD),
            os.get_inheritable(n),
            os.get_blocking(n),
        )
        for n in range(3)
    ]
)
""",
    "next descriptor": "import os\nprint(open('/dev/null').fileno(), os.pipe(), os.open('/', 0))",
    "descriptors of modules": r"""
import random, hashlib, threading, json, os
print(sorted(os.listdir('/proc/self/fd')), os.open('/dev/null', 0))
""",
    "kinds of streams": r"""
import os, stat
print([(oct(os.fstat(n).st_mode), os.fstat(n).st_blksize, os.fstat(n).st_uid) for n in range(3)])
""",
    "limits": r"""
import resource

print(
    [
        (name, resource.getrlimit(getattr(resource, name)))
        for name in sorted(dir(resource))
        if name.startswith("RLIMIT")
    ]
)
""",
    "limits of the kernel": "print(open('/proc/self/limits').read())",
    "stack limit raised": r"""
import resource
try: resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, 1 << 30))
except Exception as e: print(e)
print(resource.getrlimit(resource.RLIMIT_STACK))
""",
    "status": r"""
skipped = ("Vm", "Rss", "Hugetlb", "voluntary", "nonvoluntary", "SigQ", "Cpus", "Mems", "State")
print("".join(line for line in open("/proc/self/status") if not line.startswith(skipped)))
""",
    "status of capabilities": r"""
print(
    [
        line
        for line in open("/proc/self/status")
        if line.startswith(("Cap", "NoNew", "Seccomp", "Sig", "Threads", "FDSize"))
    ]
)
""",
    "stat": r"""
f = open('/proc/self/stat').read().split()
print(f[:9], f[15:17], f[17:21], f[30:38], f[40:42])
""",
    "cgroup": "print(open('/proc/self/cgroup').read())",
    "namespaces": "import os\nprint(sorted(os.listdir('/proc/self/ns')))",
    "mounts": r"""
print(sorted(line.split(" ", 1)[1].split(" - ")[1] + line.split()[4] for line in open("/proc/self/mountinfo")))
""",
    "order of mounts": "print([line.split()[4] for line in open('/proc/self/mountinfo')])",
    "processes": "import os\nprint(sorted(name for name in os.listdir('/proc') if name.isdigit()))",
    "other processes": r"""
import os
for pid in (1, 300):
    for name in ('status', 'maps', 'environ', 'cmdline', 'fd', 'root', 'cwd', 'exe', 'ns/mnt'):
        try: os.stat(f'/proc/{pid}/{name}'); print(pid, name, 'seen')
        except OSError as e: print(pid, name, e.strerror)
""",
    "children": "import os\ntry: print(open('/proc/self/task/2/children').read())\nexcept OSError as e: print(e)",
    "tasks": "import os\nprint(os.listdir('/proc/self/task'))",
    "libraries that are mapped": r"""
print(
    sorted(
        {
            line.split(None, 5)[5].strip()
            for line in open("/proc/self/maps")
            if line.count("/") and "dynload" not in line
        }
    )
)
""",
    "everything that is mapped": r"""
print(sorted({line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if len(line.split()) > 5}))
""",
    "mapped files without a name": r"""
print(
    [
        line.split(None, 5)[5]
        for line in open("/proc/self/maps")
        if "memfd" in line or "deleted" in line or "assay" in line
    ]
)
""",
    "auxiliary vector": r"""
import struct
d = open('/proc/self/auxv', 'rb').read()
print([(k, v) for k, v in struct.iter_unpack('QQ', d) if k not in (3, 7, 9, 15, 25, 31, 33, 51)])
""",
    "other files of the kernel": r"""
for name in ("oom_score_adj", "oom_score", "timerslack_ns", "personality", "coredump_filter", "loginuid", "sessionid",
             "attr/current", "wchan", "syscall", "stack", "setgroups", "uid_map", "gid_map", "cpuset"):
    try: print(name, open("/proc/self/" + name).read().strip())
    except OSError as error: print(name, error.strerror)
""",
    "oom score changed": r"""
for n in (0, 999, -1000):
    try: open('/proc/self/oom_score_adj', 'w').write(str(n)); print(open('/proc/self/oom_score_adj').read())
    except OSError as e: print(n, e)
""",
    "scheduling": r"""
import os

print(
    os.sched_getscheduler(0),
    os.sched_getparam(0),
    os.getpriority(0, 0),
    os.nice(0),
    os.sched_getaffinity(0),
    os.cpu_count(),
)
""",
    "timers": "import signal\nprint([signal.getitimer(n) for n in (0, 1, 2)])",
    "own memory": r"""
import os
try:
    f = open('/proc/self/mem', 'rb'); print('read')
except OSError as e: print(e)
try: open('/proc/self/mem', 'r+b'); print('write')
except OSError as e: print(e)
""",
    "dumpable": r"""
import ctypes, os
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), os.stat('/proc/self/fd').st_uid, os.stat('/proc/self/mem').st_uid)
""",
    "core": "import resource, os\nprint(resource.getrlimit(resource.RLIMIT_CORE), os.path.exists('core'))",
    "host": "import os\nprint(os.uname().nodename, os.uname().sysname, os.getloadavg() is not None)",
    "files": r"""
import os
print(sorted(os.listdir('/')), sorted(os.listdir('/work')), sorted(os.listdir('/tmp')), sorted(os.listdir('/dev')))
""",
    "root": r"""
import os

s = os.stat("/")
print(
    oct(s.st_mode),
    s.st_uid,
    s.st_gid,
    s.st_nlink,
    os.path.ismount("/work"),
    os.access("/", os.W_OK),
    os.statvfs("/work").f_blocks,
)
""",
    "sent files": Corner(
        source=r"""
import os
for d, _, names in os.walk('/work'):
    for n in sorted(names): s = os.stat(os.path.join(d, n)); print(d, n, oct(s.st_mode), s.st_uid, s.st_size)
""",
        files={"a/b/c.txt": b"x", "z": b""},
    ),
    "main in the file system": r"""
import os
s = os.stat('/work/main.py')
print(oct(s.st_mode), s.st_uid, s.st_size, open('/work/main.py').read())
os.remove('/work/main.py')
1 / 0
""",
    "main rewritten": "open('/work/main.py', 'w').write('other text\\n' * 9)\ndef f():\n    1 / 0\nf()",
    "rights": r"""
import os

for f, a in (
    (os.chroot, ("/tmp",)),
    (os.setuid, (0,)),
    (os.setgroups, ([],)),
    (os.chown, ("/work", 0, 0)),
    (os.mknod, ("/tmp/n", 0o60600, 1)),
):
    try:
        f(*a)
        print(f.__name__, "done")
    except OSError as e:
        print(f.__name__, e.strerror)
""",
    "system calls that are refused": r"""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for number in (
    101,
    155,
    161,
    165,
    166,
    169,
    246,
    248,
    250,
    272,
    304,
    308,
    310,
    321,
    323,
    425,
    434,
    435,
    438,
    440,
    442,
    446,
):
    ctypes.set_errno(0)
    print(number, libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno())
""",
    "usage": r"""
import resource
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print(u.ru_utime, u.ru_stime, u.ru_maxrss, u.ru_nswap)
""",
    "usage of itself": r"""
import resource, os
u = resource.getrusage(resource.RUSAGE_SELF)
print(u.ru_utime < 1, 1000 < u.ru_maxrss < 40_000, os.times().elapsed > 0)
""",
    "use of CPU time": "import time\nt = time.process_time()\nwhile time.process_time() < t + 0.1: pass\nprint('done')",
    "clock of the process": r"""
import time
print(time.clock_getres(time.CLOCK_PROCESS_CPUTIME_ID) > 0, time.thread_time() < 1)
""",
    "random of the kernel": "import os\nprint(len(os.urandom(16)), len(os.getrandom(8)))",
    "entropy of the interpreter": "import os\nprint(os.path.exists('/dev/urandom'), os.path.exists('/dev/random'))",
    "memory used up": Corner(source="x = []\nwhile True: x.append(bytearray(10**7))"),
    "memory used up in a child": r"""
import os
if os.fork() == 0:
    x = []
    while True: x.append(bytearray(10**7))
print(os.wait()[1])
""",
    "memory used": "x = bytearray(100_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint(len(x))",
    "memory in files": "open('/tmp/x', 'wb').write(bytes(30_000_000))\nprint('done')",
    "disk used up": r"""
try:
    with open('/tmp/x', 'wb') as f:
        while True: f.write(bytes(1 << 20))
except OSError as e: print(e)
""",
    "descriptors used up": r"""
kept = []
try:
    while True: kept.append(open('/dev/null'))
except OSError as e: print(e, len(kept))
""",
    "import when descriptors are used up": r"""
kept = []
try:
    while True: kept.append(open('/dev/null'))
except OSError: pass
try: import json
except BaseException as e: print(type(e), e)
else: print('imported')
""",
    "times out": Corner(source="while True: pass"),
    "personality": "import ctypes\nprint(ctypes.CDLL(None).personality(0xffffffff))",
    "threads of C": r"""
import ctypes
libc = ctypes.CDLL(None)
print(libc.gettid(), libc.getpid(), libc.pthread_self() != 0)
""",
    "stack of a thread by default": r"""
import ctypes
libc = ctypes.CDLL(None)
attr = ctypes.create_string_buffer(64); size = ctypes.c_size_t()
libc.pthread_getattr_default_np(attr); libc.pthread_attr_getstacksize(attr, ctypes.byref(size))
print(size.value)
""",
    "stack of main": r"""
import ctypes
libc = ctypes.CDLL(None)
libc.pthread_self.restype = ctypes.c_void_p
attr = ctypes.create_string_buffer(64); size = ctypes.c_size_t(); place = ctypes.c_void_p()
libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attr)
libc.pthread_attr_getstack(attr, ctypes.byref(place), ctypes.byref(size))
print(round(size.value / 2**20))
""",
    "alternate stack": r"""
import ctypes
stack = (ctypes.c_ulong * 3)()
ctypes.CDLL(None).sigaltstack(None, stack)
print(list(stack))
""",
}
