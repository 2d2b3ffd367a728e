"""What of the sandbox's parts this kernel does not offer."""

from __future__ import annotations

from pathlib import Path


def kernel_lacks() -> list[str]:
    """What the sandbox is made of and this kernel does not offer; each with the way to get it."""
    lacks = []
    if _text("/proc/sys/user/max_user_namespaces") in ("", "0"):
        lacks.append("user namespaces (sysctl user.max_user_namespaces=65536)")
    known = {line.split()[-1] for line in _text("/proc/filesystems").splitlines()}
    if "overlay" not in known:
        lacks.append("overlayfs (modprobe overlay)")
    if "user_notif" not in _text("/proc/sys/kernel/seccomp/actions_avail").split():
        lacks.append("seccomp filters that report (CONFIG_SECCOMP_FILTER, Linux 5.0)")
    return lacks


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
