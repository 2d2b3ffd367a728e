"""Prints as JSON all that a run could find of an earlier one in its slot; the same in every run of a slot.

What the machine counts for everybody and what tells the time is left out or made the same.
"""

import array
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
import struct
import sys
import time

WRITABLE = ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home")
LOCKED = (
    "/dev/null", "/usr/bin/env", "/usr/bin/bash", "/usr/bin/cat", "/usr/bin/ls", "/usr/bin/python3", "/etc/passwd",
    "/usr", "/", "/dev", "/etc", "/proc", "/program", *WRITABLE,
)
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
    found = {top: entry(top, inode), top + " xattrs": os.listxattr(top), top + " mark": mark(top)}
    for place, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(place, name)
            found[path] = entry(path, inode)
            found[path + " xattrs"] = os.listxattr(path, follow_symlinks=False)
    return found


def mark(path):
    """The time that was set when the directory was made; a real one differs each time."""
    changed = os.stat(path).st_mtime_ns
    return changed if changed < 10**9 else "a real time"


def offsets(place):
    """Where in its directory a new entry lies, which counts on, and in which order the entries come."""
    path = f"{place}/offset"
    os.symlink("x", path)
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    found, buffer = [], ctypes.create_string_buffer(32768)
    while (length := libc.syscall(217, directory, buffer, len(buffer))) > 0:  # getdents64
        start = 0
        while start < length:
            _, offset, size, kind = struct.unpack_from("QqHB", buffer.raw, start)
            name = buffer.raw[start + 19 : start + size].split(b"\0")[0].decode(errors="replace")
            found.append([name, offset, kind])
            start += size
    os.close(directory)
    os.unlink(path)
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
    if name == "netlink":
        # Without the kernel's own, whose order tells the time.
        return [line.split()[1:3] for line in text.splitlines() if line.split()[2] != "0"]
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
    for port in (*range(8000, 8080, 8), 8080, 8081, 9000, 9001, 1024, 5000, 17391):
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(family, kind) as tried:
                    if tried.connect_ex((address, port)) == 0 and kind == socket.SOCK_STREAM:
                        taken.append([port, "listens"])
                with socket.socket(family, kind) as tried:
                    if answer(lambda tried=tried, at=(address, port): tried.bind(at)) != "ok":
                        taken.append([port, "is bound"])
    return taken


def system_v():
    """What there is under the keys that programs take, and the ids that new objects get, which count on."""
    create = 0o1600
    return [
        answer_of(call)
        for key in (0x5EED, 0)
        for call in (libc.shmget(key, 4096, create), libc.semget(key, 1, create), libc.msgget(key, create))
    ]


def queue_left():
    attributes = (ctypes.c_long * 8)()
    return [
        answer_of(libc.mq_open(b"/note", os.O_RDONLY)),
        answer_of(libc.mq_open(b"/note", os.O_CREAT, 0o600, attributes)),
        answer_of(libc.mq_unlink(b"/note")),
    ]


def keyrings():
    calls = ((11, -3, 0, 0), (11, -5, 0, 0), (0, -3, 0, 0), (0, -5, 0, 0))  # READ and GET_KEYRING_ID: session, user session
    return [answer_of(libc.syscall(250, *call)) for call in calls]


def pipes():
    """How large a pipe is and may become: an account of the user, spent by every pipe that is still there."""
    reader, writer = os.pipe()
    found = [fcntl.fcntl(writer, 1032), answer(lambda: fcntl.fcntl(writer, 1031, 1 << 20))]
    os.close(reader)
    os.close(writer)
    return found


def instances():
    """How many inotify instances the user may still have; the kernel takes those with watches back some milliseconds late."""
    most = 0
    for _ in range(20):
        held = []
        while (fd := libc.inotify_init1(0)) >= 0 and len(held) < 200:
            held.append(fd)
        for fd in held:
            os.close(fd)
        most = max(most, len(held))
        if most >= 128:
            break
        time.sleep(0.01)
    return most


def flights():
    """How many descriptors may be in flight: an account of the user."""
    a, b = socket.socketpair()
    a.setblocking(False)
    a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sent = 0
    try:
        while sent < 4000:
            a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 200))])
            sent += 200
    except OSError as error:
        return [sent, errno.errorcode[error.errno or 0]]
    finally:
        a.close()
        b.close()
    return [sent]


def terminals():
    found = []
    for path in ("/dev/ptmx", "/dev/pts/ptmx", "/dev/tty"):
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            found.append(errno.errorcode[error.errno or 0])
        else:
            found.append(struct.unpack("i", fcntl.ioctl(fd, 0x80045430, bytes(4)))[0])  # TIOCGPTN
            os.close(fd)
    return found


def names():
    """Abstract names of every kind of unix socket."""
    taken = {}
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        for name in ("\0assay-test-name", "\0", "\0" + "n" * 107):
            with socket.socket(socket.AF_UNIX, kind) as tried:
                taken[f"{int(kind)} {name[:20]!r}"] = answer(lambda tried=tried, name=name: tried.bind(name))
    return taken


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
            "arp", "route", "if_inet6", "igmp", "igmp6", "fib_trie", "packet", "mcfilter", "dev_mcast", "netlink",
            "udplite", "icmp", "icmp6",
        )
    },
    "system v": {name: read(f"/proc/sysvipc/{name}") for name in ("msg", "sem", "shm")},
    "keys": {name: keys(name) for name in ("keys", "key-users")},
    # Locks of open file descriptions have no pid, so those of the whole machine are shown.
    "held locks": [line.split()[1:4] for line in read("/proc/locks").splitlines() if "OFDLCK" not in line],
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
    "system v objects": system_v(),
    "keyrings": keyrings(),
    "pipes": pipes(),
    "inotify": instances(),
    "terminals": terminals(),
    "ports": ports(),
    "abstract names": names(),
    "descriptors in flight": flights(),
    "new files": {place: new_file(place) for place in WRITABLE},
    "offsets": {place: offsets(place) for place in WRITABLE},
    "next pid": next_pid(),
}
json.dump(seen, sys.stdout, indent=1, sort_keys=True)
