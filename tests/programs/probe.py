"""Prints as JSON all that a run could find of an earlier one in its slot; the same in every run of a slot.

What the machine counts for everybody and what tells the time is left out or made the same.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
import resource
import select
import signal
import socket
import stat
import sys

WRITABLE = ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home")
LOCKED = ("/dev/null", "/usr/bin/env", "/usr/bin/bash", "/usr/bin/cat", "/usr/bin/ls", "/usr/bin/python3", "/usr")
libc = ctypes.CDLL(None, use_errno=True)


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def answer(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def entry(path, inode):
    facts = os.lstat(path)
    found = [stat.filemode(facts.st_mode), facts.st_uid, facts.st_gid, facts.st_nlink]
    if not stat.S_ISDIR(facts.st_mode) and not stat.S_ISLNK(facts.st_mode):
        found.append(facts.st_size)
    if inode:
        found.append(facts.st_ino)
    return found


def tree(top, inode):
    found = {top: entry(top, inode)}
    for place, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(place, name)
            found[path] = entry(path, inode)
            found[path + " xattrs"] = os.listxattr(path, follow_symlinks=False)
    return found


def new_file(place):
    """The inode number that a new file gets, which counts on."""
    path = f"{place}/probe"
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    number = os.fstat(fd).st_ino
    os.close(fd)
    os.unlink(path)
    return number


def room(place):
    facts = os.statvfs(place)
    return [facts.f_blocks, facts.f_bfree, facts.f_files, facts.f_ffree, facts.f_flag]


def status():
    kept = {}
    for line in read("/proc/self/status").splitlines():
        name, _, value = line.partition(":")
        if not name.startswith(("Vm", "Rss", "voluntary", "nonvoluntary", "HugetlbPages", "FDSize")):
            kept[name] = value.split()
    return kept


def mounts():
    # Without the ids and device numbers, which the machine counts, and the slot's own users.
    lines = read("/proc/self/mountinfo").splitlines()
    return [re.sub(r"\b(uid|gid)=\d+", r"\1=N", " ".join(line.split()[3:])) for line in lines]


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        # The listing's own descriptor is closed by now.
        with contextlib.suppress(FileNotFoundError):
            target = re.sub(r"\d+", "N", os.readlink(f"/proc/self/fd/{name}"))
            found[name] = [target, fcntl.fcntl(int(name), fcntl.F_GETFL), fcntl.fcntl(int(name), fcntl.F_GETFD)]
    return found


def network(name):
    text = read(f"/proc/net/{name}")
    if name == "sockstat":
        # orphan, alloc and mem are the machine's.
        text = re.sub(r" (orphan|alloc|mem|memory) \d+", "", text)
    if name in ("unix", "tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        # Addresses in the kernel and inode numbers are the machine's.
        lines = text.splitlines()[1:]
        return [re.sub(r"\b[0-9a-f]{16}\b", "X", re.sub(r"\b\d{4,}\b", "N", line)) for line in lines]
    return text.splitlines()


def keys(name):
    # Serial numbers are random, users the slot's own.
    return [line.split()[1:4] + line.split()[7:] for line in read(f"/proc/{name}").splitlines()]


def locks():
    held, found = [], {}
    for path in LOCKED:
        fd = os.open(path, os.O_RDONLY)
        held.append(fd)
        found[path] = answer(lambda fd=fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))
        if not os.path.isdir(path):
            # Another's POSIX lock or lease would show here, even though it is not ours to take.
            query = fcntl.fcntl(fd, fcntl.F_GETLK, bytes([1] + [0] * 31))
            found[path + " record"] = query[0]
            found[path + " lease"] = fcntl.fcntl(fd, fcntl.F_GETLEASE)
    null = os.open("/dev/null", os.O_RDWR)
    found["/dev/null record lock"] = answer(lambda: fcntl.lockf(null, fcntl.LOCK_EX | fcntl.LOCK_NB))
    for fd in (*held, null):
        os.close(fd)
    return found


def next_pid():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def ports():
    taken = []
    for port in (*range(8000, 8100), *range(9000, 9010), 1024, 5000, 47391):
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(family, kind) as tried:
                    if tried.connect_ex((address, port)) == 0 and kind == socket.SOCK_STREAM:
                        taken.append([port, "listens"])
                with socket.socket(family, kind) as tried:
                    if answer(lambda tried=tried, at=(address, port): tried.bind(at)) != "ok":
                        taken.append([port, "is bound"])
    return taken


def queue_left():
    attributes = (ctypes.c_long * 8)()
    return answer_of(libc.mq_open(b"/note", os.O_RDONLY)), answer_of(libc.mq_open(b"/note", os.O_CREAT, 0o600, attributes))


def answer_of(value):
    return "ok" if value >= 0 else errno.errorcode[ctypes.get_errno()]


def pending():
    waiting = [int(number) for number in signal.sigpending()]
    ignored = [int(number) for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN]
    return [waiting, ignored, signal.getitimer(signal.ITIMER_REAL), signal.alarm(0)]


# The order matters: what reads comes before what the probe itself makes.
seen = {
    "pid": [os.getpid(), os.getppid(), os.getpgid(0), os.getsid(0)],
    "pids": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    "last pid": read("/proc/loadavg").split()[-1],
    "argv": sys.argv,
    "cwd": os.getcwd(),
    "environment": dict(os.environ),
    "descriptors": descriptors(),
    "stdin": [select.select([0], [], [], 0)[0], os.fstat(0).st_size, oct(os.fstat(0).st_mode), os.listxattr(0)],
    "trees": {top: tree(top, True) for top in (*WRITABLE, "/program")},
    "skeleton": {top: entry(top, False) for top in ("/", "/dev", "/etc", "/usr", *map("/dev/".__add__, os.listdir("/dev")))},
    "root": sorted(os.listdir("/")),
    "room": {place: room(place) for place in WRITABLE},
    "network": {
        name: network(name)
        for name in (
            "sockstat", "sockstat6", "dev", "unix", "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "snmp", "snmp6", "netstat",
            "arp", "route", "if_inet6", "igmp", "igmp6", "fib_trie", "packet", "mcfilter", "dev_mcast",
        )
    },
    "system v": {name: read(f"/proc/sysvipc/{name}") for name in ("msg", "sem", "shm")},
    "keys": {name: keys(name) for name in ("keys", "key-users")},
    "held locks": [line.split()[1:4] for line in read("/proc/locks").splitlines()],
    "status": status(),
    "mounts": mounts(),
    "cgroup": read("/proc/self/cgroup"),
    "limits": read("/proc/self/limits"),
    "scheduling": [
        os.sched_getscheduler(0), os.nice(0), sorted(os.sched_getaffinity(0)), read("/proc/self/oom_score_adj"),
        read("/proc/self/coredump_filter"), read("/proc/self/timerslack_ns"), read("/proc/self/personality"),
        os.getpriority(os.PRIO_USER, 0),
    ],
    "user": [os.getresuid(), os.getresgid(), os.getgroups(), [read(f"/proc/self/{name}_map").split()[::2] for name in ("uid", "gid")]],
    "names": list(os.uname())[:2],
    "settings": {
        name: read(f"/proc/sys/{name}")
        for name in (
            "kernel/msgmax", "kernel/shmmax", "kernel/sem", "kernel/shm_next_id", "kernel/domainname",
            "fs/mqueue/queues_max", "net/ipv4/ip_local_port_range", "net/ipv4/tcp_max_tw_buckets",
            "net/core/somaxconn", "user/max_user_namespaces", "user/max_inotify_instances",
        )
    },
    "umask": os.umask(0o022),
    "signals": pending(),
    "rusage": [resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime],
}
seen |= {
    "locks": locks(),
    "message queue": queue_left(),
    "inotify": answer_of(libc.inotify_init1(0)),
    "ports": ports(),
    "abstract name": answer(lambda: socket.socket(socket.AF_UNIX).bind("\0assay-test-name")),
    "new files": {place: new_file(place) for place in WRITABLE},
    "next pid": next_pid(),
}
json.dump(seen, sys.stdout, indent=1, sort_keys=True)
