"""Where an engine would run: which row of docs/where-it-runs.md this machine is in, and what to change about it.

`read_facts` reads, `place_of` decides; the second touches nothing, so that a test can be any machine.
"""

from __future__ import annotations

import ctypes
import dataclasses
import getpass
import os
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

_CAP_SYS_ADMIN: Final = 21
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_VERSION: Final = 1
# The first that knows ports: Linux 6.7.
_LANDLOCK_NEEDED: Final = 4
_ALL_IDS: Final = "0 0 4294967295"
_SYSCTLS: Final = (
    "user.max_user_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)
_UNCONFINED: Final = " ".join(
    f"--security-opt {option}=unconfined" for option in ("seccomp", "apparmor", "systempaths")
)
_MARKS: Final = ("/.dockerenv", "/run/.containerenv")
# An automount on an empty directory, which hides nothing.
_HARMLESS_BELOW_PROC: Final = frozenset({"/proc/sys/fs/binfmt_misc"})


class Outlook(StrEnum):
    """What the sandbox can do in a place."""

    WORKS = "works"
    DEGRADED = "degraded"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What `place_of` decides from.

    capabilities    the effective set, as a bit mask
    seccomp         0 none, 1 strict, 2 a filter
    mountinfo       as /proc/self/mountinfo has it; cgroup likewise
    marks           which of the files that container engines leave are there
    orchestrated    this is a pod
    sysctls         values by name; what the kernel does not have is absent
    subids          ids that this user may map beside its own
    mapper          newuidmap and newgidmap are installed
    cgroup_writable the process may make control groups of its own
    landlock        ABI of the kernel's Landlock, 0 for none
    """

    platform: str
    release: str = ""
    capabilities: int = 0
    seccomp: int = 0
    uid_map: str = _ALL_IDS
    mountinfo: str = ""
    cgroup: str = ""
    marks: frozenset[str] = frozenset()
    orchestrated: bool = False
    sysctls: Mapping[str, str] = dataclasses.field(default_factory=dict)
    subids: int = 0
    mapper: bool = False
    cgroup_writable: bool = False
    landlock: int = 0

    @property
    def administrator(self) -> bool:
        """May mount, in whichever user namespace this is."""
        return bool(self.capabilities >> _CAP_SYS_ADMIN & 1)

    @property
    def own_user_namespace(self) -> bool:
        """A container engine has mapped our ids."""
        return " ".join(self.uid_map.split()) != _ALL_IDS

    @property
    def proc_is_masked(self) -> bool:
        """Something is mounted over parts of /proc: then the kernel refuses a new one."""
        points = {line.split()[4] for line in self.mountinfo.splitlines() if line.count(" ") > 4}
        return any(point.startswith("/proc/") for point in points - _HARMLESS_BELOW_PROC)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A row of the table: its name, what to expect, and the exact line to change (empty: nothing to ask for)."""

    row: str
    outlook: Outlook
    change: str = ""

    def __str__(self) -> str:
        return f"{self.row}: {self.outlook}" + (f"; {self.change}" if self.change else "")


def place_of(facts: Facts) -> Place:
    """The row that these facts stand for."""
    place = _row_of(facts)
    if place.outlook is Outlook.REFUSED and facts.landlock >= _LANDLOCK_NEEDED:
        without = "without any of this, and with less enforced: --runtime landlock"
        return dataclasses.replace(place, change=f"{place.change}; {without}")
    return place


def _row_of(facts: Facts) -> Place:
    if facts.platform != "linux":
        name = "macOS" if facts.platform == "darwin" else facts.platform
        change = "run the daemon on a Linux machine and name it: RewardClient('http://HOST:8080')"
        return Place(row=f"{name} (client only)", outlook=Outlook.REFUSED, change=change)
    if re.search(r"-Microsoft$", facts.release):
        return Place(row="WSL1", outlook=Outlook.REFUSED, change="wsl --set-version DISTRIBUTION 2")
    if facts.sysctls.get("user.max_user_namespaces") == "0":
        change = "as root of the machine: sysctl -w user.max_user_namespaces=15000"
        return Place(row="no user namespaces", outlook=Outlook.REFUSED, change=change)
    if kind := _container(facts):
        return _kubernetes(facts) if kind == "Kubernetes" else _docker(kind, facts)
    place = _root(facts) if facts.administrator else _ordinary_user(facts)
    if "microsoft" in facts.release.lower():
        return dataclasses.replace(place, row=f"WSL2, {place.row}")
    return place


def _container(facts: Facts) -> str | None:
    paths = facts.cgroup + facts.mountinfo
    if facts.orchestrated or "/kubepods" in paths:
        return "Kubernetes"
    # A virtual machine made from an image has the mark as well, but nothing is mounted there.
    marks = facts.marks if re.search(r" /etc/host(s|name) ", facts.mountinfo) else ()
    if "/run/.containerenv" in marks or "/libpod-" in paths:
        return "Podman"
    if "/.dockerenv" in marks or re.search(r"/docker[/-][0-9a-f]{12}", paths):
        return "Docker"
    return None


def _docker(kind: str, facts: Facts) -> Place:
    privileged = f"{kind.lower()} run --privileged"
    if facts.proc_is_masked or (facts.seccomp and not facts.administrator):
        change = f"{privileged}; or, without control groups: {_UNCONFINED}"
        return Place(row=f"{kind}, default", outlook=Outlook.REFUSED, change=change)
    if facts.administrator and facts.cgroup_writable:
        return Place(row=f"{kind} --privileged", outlook=Outlook.WORKS)
    return Place(row=f"{kind}, unconfined", outlook=Outlook.DEGRADED, change=privileged)


def _kubernetes(facts: Facts) -> Place:
    if facts.own_user_namespace:
        row = "Kubernetes, hostUsers: false"
        if facts.proc_is_masked:
            change = "in the container's securityContext: procMount: Unmasked"
            return Place(row=row, outlook=Outlook.REFUSED, change=change)
        if facts.administrator and facts.cgroup_writable:
            return Place(row=f"{row} and procMount: Unmasked", outlook=Outlook.WORKS)
        change = "for limits by control groups, in the container's securityContext: privileged: true"
        return Place(row=f"{row} and procMount: Unmasked", outlook=Outlook.DEGRADED, change=change)
    if facts.administrator and not facts.proc_is_masked and facts.cgroup_writable:
        return Place(row="Kubernetes, privileged", outlook=Outlook.WORKS)
    change = (
        "in the container's securityContext: privileged: true; or, in the pod's spec: hostUsers: false, with "
        "procMount: Unmasked and seccompProfile: {type: Unconfined} in the container's securityContext"
    )
    return Place(row="Kubernetes, default", outlook=Outlook.REFUSED, change=change)


def _root(facts: Facts) -> Place:
    if facts.cgroup_writable:
        return Place(row="root", outlook=Outlook.WORKS)
    change = "mount -o remount,rw /sys/fs/cgroup"
    return Place(row="root, no control groups", outlook=Outlook.DEGRADED, change=change)


def _ordinary_user(facts: Facts) -> Place:
    for row, name, barring, free in (
        ("ordinary user, no user namespaces for him", "kernel.unprivileged_userns_clone", "0", "1"),
        ("Ubuntu's AppArmor restriction", "kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ):
        if facts.sysctls.get(name) == barring:
            return Place(row=row, outlook=Outlook.REFUSED, change=f"as root: sysctl -w {name}={free}")
    changes = []
    if facts.subids and facts.mapper:
        row = "ordinary user with subuid"
    else:
        row = "ordinary user with one uid only"
        install = "" if facts.mapper else "apt-get install uidmap; "
        ids = "" if facts.subids else "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
        changes.append(f"for a user of its own in each slot, as root: {install}{ids}".removesuffix("; "))
    if facts.cgroup_writable:
        outlook = Outlook.WORKS
    else:
        outlook = Outlook.DEGRADED
        row += ", no control groups"
        changes.append("for limits by control groups: systemd-run --user --scope --property=Delegate=yes assay serve")
    return Place(row=row, outlook=outlook, change="; ".join(changes))


def read_facts() -> Facts:
    """The facts of this process and machine."""
    if sys.platform != "linux":
        return Facts(platform=sys.platform)
    status = dict(line.split(":\t", 1) for line in _text("/proc/self/status").splitlines() if ":\t" in line)
    mountinfo, cgroup = _text("/proc/self/mountinfo"), _text("/proc/self/cgroup")
    sysctls = {name: _text("/proc/sys/" + name.replace(".", "/")).strip() for name in _SYSCTLS}
    return Facts(
        platform=sys.platform,
        release=os.uname().release,
        capabilities=int(status.get("CapEff", "0"), 16),
        seccomp=int(status.get("Seccomp", "0")),
        uid_map=_text("/proc/self/uid_map").strip(),
        mountinfo=mountinfo,
        cgroup=cgroup,
        marks=frozenset(mark for mark in _MARKS if Path(mark).exists()),
        orchestrated="KUBERNETES_SERVICE_HOST" in os.environ,
        sysctls={name: value for name, value in sysctls.items() if value},
        subids=min(sub_ids(_text(path), os.getuid(), _user()) for path in ("/etc/subuid", "/etc/subgid")),
        mapper=all(_on_path(name) for name in ("newuidmap", "newgidmap")),
        landlock=landlock_abi(),
        cgroup_writable=all(os.access(path, os.W_OK) for path in own_groups(mountinfo, cgroup)),
    )


def landlock_abi() -> int:
    """ABI of this kernel's Landlock, 0 where it has none."""
    if sys.platform != "linux":
        return 0
    call: int = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    return max(call, 0)


def sub_ids(text: str, uid: int, name: str) -> int:
    """How many ids /etc/subuid or /etc/subgid gives to this user."""
    rows = (line.split(":") for line in text.splitlines() if line.count(":") == 2)
    return sum(int(count) for owner, _, count in rows if owner in (name, str(uid)) and count.isdigit())


def own_groups(mountinfo: str, cgroup: str) -> list[Path]:
    """The directories of the control groups that a process is in: with the v1 controllers we use, or the v2 one."""
    mounts: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, system = left.split(), right.split()
        if len(fields) < 5 or len(system) < 3:
            continue
        if system[0] == "cgroup2":
            mounts.setdefault("", (fields[3], fields[4]))
        elif system[0] == "cgroup":
            mounts.update(dict.fromkeys(system[2].split(","), (fields[3], fields[4])))
    paths = {name: line.split(":", 2)[2] for line in cgroup.splitlines() for name in line.split(":", 2)[1].split(",")}
    used = ("memory", "cpu", "cpuacct", "pids") if "memory" in mounts else ("",)
    return [_below(*mounts[name], paths[name]) for name in used if name in mounts and name in paths]


def _below(root: str, point: str, path: str) -> Path:
    inside = Path(path)
    return Path(point) / (inside.relative_to(root) if inside.is_relative_to(root) else "")


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A uid without a name, as containers have.
        return ""


def _on_path(name: str) -> bool:
    return any(Path(directory, name).exists() for directory in ("/usr/bin", "/usr/local/bin", "/bin"))
