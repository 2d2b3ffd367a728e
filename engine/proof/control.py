"""The control program: it does nothing, needs no file of the rootfs, and runs wherever the sandbox is sound."""

from __future__ import annotations

import struct
from typing import Final

from engine.pool.job import Job
from engine.program import MIB, Limits

_ADDRESS: Final = 0x400000
_HEADERS_BYTES: Final = 64 + 56
# xor edi, edi; mov eax, 231; syscall: exit_group(0) on x86-64.
_CODE: Final = bytes.fromhex("31ff b8e7000000 0f05")
_SIZE: Final = _HEADERS_BYTES + len(_CODE)
# An ELF header and one segment, the whole file, to be read and executed.
_EXECUTABLE: Final = (
    b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _ADDRESS + _HEADERS_BYTES, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    + struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, _SIZE, _SIZE, 4096)
    + _CODE
)
_PATH: Final = "/program/control"

CONTROL: Final = Job(
    argv=(_PATH,),
    limits=Limits(cpu_seconds=1, wall_seconds=10, memory_bytes=64 * MIB),
    files=((_PATH, _EXECUTABLE, 0o755),),
)
