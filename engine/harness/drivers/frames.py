"""Runs inside the sandbox: frames on pipes, a u32 length and that much."""

from __future__ import annotations

from os import read, write


def read_exactly(fd: int, size: int) -> bytes:
    """So many bytes; raises EOFError."""
    data = bytearray()
    while len(data) < size:
        piece = read(fd, min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def read_frame(fd: int, most: int = 1 << 32) -> bytes:
    """One frame's body; raises EOFError, and ValueError for more than `most`."""
    size = int.from_bytes(read_exactly(fd, 4), "big")
    if size > most:
        raise ValueError("a frame too large")
    return read_exactly(fd, size)


def write_frame(fd: int, body: bytes) -> None:
    """The same the other way; raises BrokenPipeError."""
    frame = memoryview(len(body).to_bytes(4, "big") + body)
    while frame:
        frame = frame[write(fd, frame) :]
