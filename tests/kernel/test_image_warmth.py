"""What an image's interpreter is loaded from is no program's memory, even where nobody has read it before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import Engine, EngineConfig, Program
from engine.program import MIB
from tests.support.sample_images import python_image

pytestmark = pytest.mark.kernel


def forget(root: Path) -> int:
    """Has the kernel drop its copies of all files below `root`, and says how large these are together."""
    size_bytes = 0
    for path in root.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            size_bytes += os.fstat(fd).st_size
            os.close(fd)
    return size_bytes


async def test_the_first_program_is_not_charged_for_its_interpreter(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    root = python_image(tmp_path / "python")
    assert forget(root) > 10 * MIB
    config = EngineConfig(images={"python": str(root)}, image_store=str(tmp_path / "store"))
    async with Engine(slots=1, config=config) as engine:
        outcomes = [await engine.run(Program("print(1)", image="python")) for _ in range(3)]
    assert [outcome.stdout for outcome in outcomes] == [b"1\n"] * 3
    # Unread, the interpreter alone is 10 MiB more, and for every program: a slot gives such pages back after the run.
    assert max(outcome.peak_memory_bytes for outcome in outcomes) < 6 * MIB
