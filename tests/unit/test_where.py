"""Every machine finds its row of the table, from the texts that such machines have."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from engine.machine.place import Facts, Outlook, own_groups, place_of, read_facts, sub_ids

EVERYTHING = 0x1FF_FFFF_FFFF
DOCKER_DEFAULT = 0xA804_25FB
DEBIAN_V2 = """\
22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
34 22 0:30 / /proc/sys/fs/binfmt_misc rw,relatime shared:14 - autofs systemd-1 rw,fd=29
"""
# docker run debian (Docker 24, cgroup v2, systemd driver)
DOCKER = """\
612 501 0:52 / / rw,relatime master:260 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/ABC,upperdir=/u
613 612 0:55 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
616 615 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw
619 612 254:1 /var/lib/docker/containers/0a1b2c3d4e5f/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw
502 613 0:55 /bus /proc/bus ro,nosuid,nodev,noexec,relatime - proc proc rw
508 613 0:55 /sys /proc/sys ro,nosuid,nodev,noexec,relatime - proc proc rw
510 613 0:53 /null /proc/kcore rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
"""
UNMASKED = "".join(line for line in DOCKER.splitlines(keepends=True) if " /proc/" not in line)
POD = DOCKER.replace("/var/lib/docker/containers/0a1b2c3d4e5f/hostname", "/var/lib/kubelet/pods/4f1c/etc-hosts")
UNMASKED_POD = "".join(line for line in POD.splitlines(keepends=True) if " /proc/" not in line)
HYBRID = """\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""

ROOT = Facts(
    platform="linux",
    release="6.1.0-18-amd64",
    capabilities=EVERYTHING,
    mountinfo=DEBIAN_V2,
    cgroup="0::/user.slice/user-1000.slice/session-3.scope",
    cgroup_writable=True,
)
USER = dataclasses.replace(ROOT, capabilities=0, subids=65_536, mapper=True)
CONTAINER = dataclasses.replace(
    ROOT,
    capabilities=DOCKER_DEFAULT,
    seccomp=2,
    mountinfo=DOCKER,
    cgroup="0::/",
    marks=frozenset({"/.dockerenv"}),
    cgroup_writable=False,
)
PRIVILEGED = dataclasses.replace(
    CONTAINER, capabilities=EVERYTHING, seccomp=0, mountinfo=UNMASKED, cgroup_writable=True
)
IN_POD = dataclasses.replace(CONTAINER, mountinfo=POD, marks=frozenset(), orchestrated=True, seccomp=0)
MAPPED = "         0 1878982656      65536"


@pytest.mark.parametrize(
    ("facts", "row", "outlook", "change"),
    [
        (ROOT, "root", Outlook.WORKS, ""),
        (
            dataclasses.replace(ROOT, cgroup_writable=False),
            "root, no control groups",
            Outlook.DEGRADED,
            "remount,rw /sys/fs/cgroup",
        ),
        (USER, "ordinary user with subuid", Outlook.WORKS, ""),
        (
            dataclasses.replace(USER, cgroup_writable=False),
            "ordinary user with subuid, no control groups",
            Outlook.DEGRADED,
            "Delegate=yes",
        ),
        (
            dataclasses.replace(USER, subids=0),
            "ordinary user with one uid only",
            Outlook.WORKS,
            "usermod --add-subuids",
        ),
        (
            dataclasses.replace(USER, mapper=False),
            "ordinary user with one uid only",
            Outlook.WORKS,
            "as root: apt-get install uidmap",
        ),
        (
            dataclasses.replace(USER, subids=0, cgroup_writable=False),
            "ordinary user with one uid only, no control groups",
            Outlook.DEGRADED,
            "Delegate=yes",
        ),
        (
            dataclasses.replace(USER, sysctls={"kernel.apparmor_restrict_unprivileged_userns": "1"}),
            "Ubuntu's AppArmor restriction",
            Outlook.REFUSED,
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            dataclasses.replace(USER, sysctls={"kernel.unprivileged_userns_clone": "0"}),
            "ordinary user, no user namespaces for him",
            Outlook.REFUSED,
            "sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            dataclasses.replace(ROOT, sysctls={"user.max_user_namespaces": "0"}),
            "no user namespaces",
            Outlook.REFUSED,
            "sysctl -w user.max_user_namespaces=15000",
        ),
        (
            dataclasses.replace(ROOT, sysctls={"kernel.apparmor_restrict_unprivileged_userns": "1"}),
            "root",
            Outlook.WORKS,
            "",
        ),
        (CONTAINER, "Docker, default", Outlook.REFUSED, "docker run --privileged"),
        (PRIVILEGED, "Docker --privileged", Outlook.WORKS, ""),
        # A virtual machine that was made from an image.
        (dataclasses.replace(PRIVILEGED, mountinfo=DEBIAN_V2), "root", Outlook.WORKS, ""),
        (
            dataclasses.replace(PRIVILEGED, cgroup_writable=False),
            "Docker, unconfined",
            Outlook.DEGRADED,
            "docker run --privileged",
        ),
        (
            dataclasses.replace(CONTAINER, seccomp=0, mountinfo=UNMASKED),
            "Docker, unconfined",
            Outlook.DEGRADED,
            "docker run --privileged",
        ),
        (
            dataclasses.replace(CONTAINER, mountinfo=UNMASKED),
            "Docker, default",
            Outlook.REFUSED,
            "--security-opt seccomp=unconfined",
        ),
        (
            dataclasses.replace(CONTAINER, marks=frozenset({"/run/.containerenv"}), uid_map=MAPPED),
            "Podman, default",
            Outlook.REFUSED,
            "podman run --privileged",
        ),
        (IN_POD, "Kubernetes, default", Outlook.REFUSED, "procMount: Unmasked"),
        (
            dataclasses.replace(IN_POD, orchestrated=False, cgroup="0::/kubepods.slice/kubepods-burstable.slice"),
            "Kubernetes, default",
            Outlook.REFUSED,
            "privileged: true",
        ),
        (dataclasses.replace(PRIVILEGED, orchestrated=True), "Kubernetes, privileged", Outlook.WORKS, ""),
        (
            dataclasses.replace(IN_POD, uid_map=MAPPED),
            "Kubernetes, hostUsers: false",
            Outlook.REFUSED,
            "procMount: Unmasked",
        ),
        (
            dataclasses.replace(IN_POD, uid_map=MAPPED, mountinfo=UNMASKED_POD),
            "Kubernetes, hostUsers: false and procMount: Unmasked",
            Outlook.DEGRADED,
            "privileged: true",
        ),
        (
            dataclasses.replace(ROOT, release="5.15.167.4-microsoft-standard-WSL2"),
            "WSL2, root",
            Outlook.WORKS,
            "",
        ),
        (dataclasses.replace(USER, release="4.4.0-19041-Microsoft"), "WSL1", Outlook.REFUSED, "wsl --set-version"),
        (Facts(platform="darwin"), "macOS (client only)", Outlook.REFUSED, "Linux machine"),
    ],
)
def test_the_row_and_the_line_to_change(facts: Facts, row: str, outlook: Outlook, change: str) -> None:
    place = place_of(facts)
    assert (place.row, place.outlook) == (row, outlook)
    assert change in place.change
    assert bool(change) == bool(place.change)


def test_where_landlock_would_do_it_is_proposed() -> None:
    proposed = "--runtime landlock"
    assert proposed in place_of(dataclasses.replace(CONTAINER, landlock=4)).change
    assert proposed not in place_of(dataclasses.replace(CONTAINER, landlock=3)).change
    assert proposed not in place_of(dataclasses.replace(ROOT, landlock=7)).change


def test_what_stands_in_one_line() -> None:
    text = str(place_of(CONTAINER))
    assert text.startswith("Docker, default: refused; docker run --privileged; or")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "directories"),
    [
        (DEBIAN_V2, "0::/user.slice/a.scope", ["/sys/fs/cgroup/user.slice/a.scope"]),
        (
            HYBRID,
            "8:pids:/\n4:memory:/mine\n2:cpuacct:/\n1:cpu:/\n0::/",
            ["/sys/fs/cgroup/memory/mine", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/pids"],
        ),
        # A v1 container sees the host's path, but only its own part is mounted.
        (
            "40 31 0:29 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
            "4:memory:/docker/0a1b\n",
            ["/sys/fs/cgroup/memory"],
        ),
        ("", "", []),
    ],
)
def test_the_groups_of_a_process(mountinfo: str, cgroup: str, directories: list[str]) -> None:
    assert own_groups(mountinfo, cgroup) == [Path(directory) for directory in directories]


def test_sub_ids_by_name_and_by_number() -> None:
    text = "root:1:1\nann:100000:65536\n1000:200000:10\nnobody:x\nann:300000:many\n"
    assert sub_ids(text, 1000, "ann") == 65_546
    assert sub_ids(text, 1001, "bob") == 0


def test_this_machine_is_somewhere() -> None:
    assert place_of(read_facts()).row
