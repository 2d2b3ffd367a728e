"""Wherever a start fails, it says why and leaves nothing: the supervisor itself, spoken to as the engine does."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.engine import EngineConfig
from engine.pool.native import static_program

pytestmark = pytest.mark.kernel

# Enough to hear what is asked for.
FIRST, LAST = 8, 64
NO_RAISING = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]


def first_answer(program: Path, start: list[Any], open_files: int) -> tuple[str, Any]:
    """What a supervisor that may open so many files says but for its facts, once it has ended."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        command = [*NO_RAISING, "prlimit", f"--nofile={open_files}", str(program), "supervisor"]
        with theirs:
            process = subprocess.Popen(command, stdin=theirs.fileno(), stderr=subprocess.DEVNULL)
        ours.settimeout(20)
        ours.send(msgspec.msgpack.encode({"Start": start}))
        said: Any = {"Instance": None}
        while not isinstance(said, str) and said.keys() & {"Instance", "Keeper"}:
            message = ours.recv(1 << 16)
            said = msgspec.msgpack.decode(message) if message else {"nothing": None}
    process.wait(20)
    [(name, content)] = [(said, None)] if isinstance(said, str) else said.items()
    return name, content


def test_every_step_that_fails_for_want_of_open_files_is_told(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:3]):
        directory.chmod(0o755)
    config = EngineConfig(state_dir=str(tmp_path / "state"))
    program = tmp_path / "assay-sandbox"
    program.write_bytes(static_program())
    program.chmod(0o755)
    images, runtime = [{"Host": [list(config.trees)]}], "Native"
    start = [1, 1, 1 << 30, config.state_dir, images, config.uid_base, "Proved", False, runtime, [], []]
    name, refused = "", []
    for open_files in range(FIRST, LAST):
        name, content = first_answer(program, start, open_files)
        assert os.listdir(f"{config.state_dir}/instances") == [], open_files  # noqa: PTH208
        if name == "Started":
            break
        assert name == "Refused", open_files
        refused.append(content[1])
    assert name == "Started", refused
    assert len(refused) > 10
    assert all("open files is too low for 1 slots" in text for text in refused), refused
