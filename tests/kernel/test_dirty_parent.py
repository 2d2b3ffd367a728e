from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config.engine import Runtime
from engine.engine import Engine
from engine.program import Program
from tests.support.hostile import PROBE, PROGRAMS

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
STARTS = """
import asyncio, sys
from engine import Engine, EngineConfig, Program
from engine.errors import CannotStart
async def main():
    try:
        async with Engine(slots=16, config=EngineConfig(state_dir=sys.argv[1])) as engine:
            print((await engine.run(Program("print('hello')"))).stdout)
    except CannotStart as error:
        print(error)
asyncio.run(main())
"""


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


@pytest.mark.parametrize(
    ("soft", "hard", "said"),
    [
        (100, 1000, "b'hello\\n'"),
        (100, 100, "the hard limit of 100 open files is too low for 16 slots"),
    ],
)
def test_a_limit_on_open_files_that_may_not_be_raised(soft: int, hard: int, said: str, tmp_path: Path) -> None:
    """The soft one is as high as the hard one lets it be; where that is too low, it is what the refusal speaks of."""
    may_not_raise = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    run = [*may_not_raise, "prlimit", f"--nofile={soft}:{hard}", sys.executable, "-c", STARTS, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
