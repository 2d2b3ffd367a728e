"""A Python program cannot tell that it is a fork of one that was ready: corners of the language and its library, and
HumanEval, right and wrong, each cold and warm.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from engine import Engine, Limits, Outcome, Program
from rewards.data.datasets import lines_of
from tests.support.corners import AREAS, corners
from tests.support.corners.differences import DIFFERENT
from tests.support.warmth import warm_up

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

_ADDRESS: Final = re.compile(rb"0x[0-9a-f]{6,}")
# What a cold one's own start takes, at most; and what a warm one may take more, in pages of its own.
PEAK_BELOW_BYTES: Final = 12 << 20
PEAK_ABOVE_BYTES: Final = 4 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    async with Engine(slots=1) as engine:
        yield await warm_up(engine)


def told(outcome: Outcome) -> dict[str, object]:
    """What a run tells of its program."""
    return {
        "stdout": _ADDRESS.sub(b"0x", outcome.stdout),
        "stderr": _ADDRESS.sub(b"0x", outcome.stderr),
        "exit code": outcome.exit_code,
        "signal": outcome.signal,
        "stopped by": outcome.stopped_by,
        "verdict": outcome.verdict,
    }


async def differences(
    engine: Engine, warm: Program, cold: Program, stdin: bytes = b"", limits: Limits | None = None
) -> list[str]:
    first = await engine.run(cold, stdin, limits)
    second = await engine.run(warm, stdin, limits)
    assert (first.started, second.started) == ("cold", "warm")
    was, now = told(first), told(second)
    found = [f"{name}: {now[name]!r} instead of {was[name]!r}" for name in was if was[name] != now[name]]
    least, most = first.peak_memory_bytes - PEAK_BELOW_BYTES, first.peak_memory_bytes + PEAK_ABOVE_BYTES
    if not least < second.peak_memory_bytes < most:
        found.append(f"peak: {second.peak_memory_bytes} instead of {first.peak_memory_bytes}")
    return found


@pytest.mark.parametrize("area", AREAS)
async def test_corners_are_the_same(engine: Engine, area: str) -> None:
    found: dict[str, list[str]] = {}
    for name, corner in corners(area).items():
        different = await differences(
            engine, corner.program(warm=True), corner.program(warm=False), corner.stdin, corner.limits
        )
        if different:
            found[name] = different
    here = {name for name in DIFFERENT if name.startswith(f"{area}: ")}
    assert not (found.keys() - here), "\n".join(f"{name}: {line}" for name in found for line in found[name])
    assert not (here - found.keys()), "these are the same by now"


@pytest.mark.parametrize("right", [True, False])
async def test_human_eval_is_the_same(engine: Engine, data_file: Callable[[str], Path], right: bool) -> None:
    found = []
    for problem in lines_of(data_file("HumanEval.jsonl.gz")):
        body = problem["canonical_solution"] if right else "    return None\n"
        source = f"{problem['prompt']}{body}\n{problem['test']}\ncheck({problem['entry_point']})\n"
        different = await differences(engine, Program(source=source), Program(source=source, warm=False))
        found += [f"{problem['task_id']}: {line}" for line in different]
    assert not found, "\n".join(found)
