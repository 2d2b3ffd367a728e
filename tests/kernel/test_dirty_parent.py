from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from engine.config.engine import Runtime
from engine.engine import Engine
from engine.program import Program
from tests.support.hostile import PROBE, PROGRAMS

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]


async def test_nothing_of_a_dirty_parent_reaches_a_program(runtime: Runtime) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.dirty_parent", runtime, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    async with Engine(slots=1) as engine:
        clean = await engine.run(Program(source=(PROGRAMS / PROBE).read_text()))
    seen, as_new = json.loads(told), json.loads(clean.stdout)
    assert {key: (seen[key], as_new[key]) for key in as_new if seen[key] != as_new[key]} == {}
