"""A request's `custom_extract_logic`: Python that looks for the program, run in the sandbox, never in the server."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import structs

from engine.errors import BadInput
from engine.flow import off_loop
from engine.program import MIB, Limits, Program
from rewards.evidence import shown
from rewards.sandbox_fusion.extract import Block

if TYPE_CHECKING:
    from engine.engine import Engine

FIELD: Final = "config.custom_extract_logic"
_PACKAGE: Final = "rewards.sandbox_fusion"
_RULES: Final = "rewards/sandbox_fusion/extract.py"
_BLOCKS: Final = "blocks"
_CPU_SECONDS: Final = 5.0
_MEMORY_BYTES: Final = 256 * MIB
_PROCESSES: Final = 8


async def blocks_by(logic: str, completion: str, engine: Engine, options: dict[str, Any]) -> list[Block]:
    """What the logic finds in the completion; raises BadInput where it fails, and as `Engine.run`.

    options  deadline_seconds and client of its run
    """
    program = Program(
        _text("inside.py"),
        "python",
        {_RULES: _text("extract.py").encode(), "logic": logic.encode(), "completion": completion.encode()},
    )
    outcome = await engine.run(program, limits=_small(engine.limits), collect=(_BLOCKS,), **options)
    if not outcome.clean:
        last = shown(outcome.stderr.rstrip().rpartition(b"\n")[2])
        how = last if outcome.exit_code == 1 and last else f"it ended with {outcome.verdict.value}"
        raise BadInput(FIELD, logic, f"failed over this completion: {how}")
    left = outcome.files.get(_BLOCKS, b"")
    try:
        return await off_loop(len(left), lambda: msgspec.json.decode(left, type=list[Block]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(FIELD, logic, f"a block of it is none: {error}") from None


def _small(limits: Limits) -> Limits:
    return structs.replace(
        limits,
        cpu_seconds=min(limits.cpu_seconds, _CPU_SECONDS),
        wall_seconds=min(limits.wall, 2 * _CPU_SECONDS),
        memory_bytes=min(limits.memory_bytes, _MEMORY_BYTES),
        processes=min(limits.processes, _PROCESSES),
    )


@cache
def _text(name: str) -> str:
    return resources.files(_PACKAGE).joinpath(name).read_text("utf-8")
