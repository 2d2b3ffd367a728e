"""Becomes a command with the rights that a container engine gives by default, for where there is no such engine.

Root with fourteen capabilities, and a filter that refuses what makes namespaces and mounts, and knows no clone3.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import Final

_KEPT: Final = frozenset(
    # chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write
    # setfcap
    (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
)
_LAST_CAPABILITY: Final = 40
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2
# Of x86-64: clone3, then unshare, mount, umount2, setns, pivot_root, keyctl.
_UNKNOWN: Final = (435,)
_REFUSED: Final = (272, 165, 166, 308, 155, 250)
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000


def main(command: list[str]) -> None:
    """Never comes back."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_LAST_CAPABILITY + 1):
        if capability not in _KEPT:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    rules = [(0x20, 0, 0, 0)]
    for numbers, answer in ((_UNKNOWN, errno.ENOSYS), (_REFUSED, errno.EPERM)):
        for number in numbers:
            rules += [(0x15, 0, 1, number), (0x06, 0, 0, _ERRNO | answer)]
    rules.append((0x06, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl PR_SET_SECCOMP")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
