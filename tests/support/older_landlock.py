"""Runs a command as on a kernel before 6.12: rules of Landlock that keep signals inside are too large there.

python older_landlock.py COMMAND [ARGUMENT]...
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _IF_EQUAL, _ANSWER = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_CREATE_RULESET = 444
# Of struct seccomp_data: the number of the call, and its second argument, which is the size of the attributes.
_NUMBER, _SIZE = 0, 24
_WITH_SCOPES_BYTES = 24


def _pretend() -> None:
    instructions = [
        (_LOAD, 0, 0, _NUMBER),
        (_IF_EQUAL, 0, 3, _CREATE_RULESET),
        (_LOAD, 0, 0, _SIZE),
        (_IF_EQUAL, 0, 1, _WITH_SCOPES_BYTES),
        (_ANSWER, 0, 0, _FAIL | errno.E2BIG),
        (_ANSWER, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
    program = ctypes.create_string_buffer(struct.pack("HP", len(instructions), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_NO_NEW_PRIVS, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, ctypes.addressof(program), 0, 0)):
        if libc.prctl(*(ctypes.c_ulong(each) for each in arguments)):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    _pretend()
    os.execvp(sys.argv[1], sys.argv[1:])
