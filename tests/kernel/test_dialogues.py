"""Two programs that talk: what one writes is what the other reads, whatever becomes of either."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from engine import Dialogue, DialogueTest, Engine, Limits, Outcome, Program, SandboxError, Verdict
from engine.errors import BadInput
from engine.languages.language import MEMORY_MIB
from tests.support.runtimes import NewEngine

pytestmark = pytest.mark.kernel

ASKS = Program("""
import sys
for number in range(200):
    print(number, flush=True)
    assert input() == str(number + 1)
print("done")
""")
SLOW = Program("""
import sys, time
time.sleep(float(sys.argv[1]))
for line in sys.stdin:
    if line == "done\\n":
        break
    print(int(line) + 1, flush=True)
else:
    sys.exit("unfinished")
""")
WALL = Limits(cpu_seconds=5, wall_seconds=10)


async def talked(
    engine: Engine,
    program: Program,
    partner: Program,
    *arguments: str,
    limits: Limits = WALL,
    partner_limits: Limits | None = None,
) -> Dialogue:
    runs = engine.dialogues(program, partner, [DialogueTest(arguments)], limits, partner_limits=partner_limits)
    async with contextlib.aclosing(runs):
        return await anext(runs)


def ends(dialogue: Dialogue) -> tuple[Verdict, Verdict | None]:
    return dialogue.outcome.verdict, None if dialogue.partner is None else dialogue.partner.verdict


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


WELL = (Verdict.ACCEPTED, Verdict.ACCEPTED)


@pytest.mark.cgroup2
async def test_two_talk_and_both_are_told(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        dialogue = await talked(engine, ASKS, SLOW, "0")
        assert ends(dialogue) == WELL, dialogue
        assert dialogue.partner is not None
        assert dialogue.outcome.stdout.splitlines() == [b"%d" % number for number in range(200)] + [b"done"]
        assert dialogue.partner.stdout.splitlines() == [b"%d" % number for number in range(1, 201)]


async def test_every_byte_crosses_in_order(new_engine: NewEngine) -> None:
    says = Program(
        "import os, random\nos.write(1, b'')\nr = random.Random(1)\nb = r.randbytes(900_001)\n"
        "n = 0\nwhile n < len(b): n += os.write(1, b[n:n + 1 + r.randrange(70_000)])"
    )
    hears = Program("import random, sys\nsys.exit(sys.stdin.buffer.read() != random.Random(1).randbytes(900_001))")
    async with new_engine(slots=2) as engine:
        for _ in range(5):
            assert ends(await talked(engine, says, hears)) == WELL
        # The other way round, and the program ends without having read.
        assert ends(await talked(engine, hears, says)) == WELL
        assert ends(await talked(engine, Program("print(1)"), says)) == WELL


async def test_one_that_does_not_compile_says_so(new_engine: NewEngine) -> None:
    broken, well = Program("int main() { return missing; }", "c"), Program("int main() { return 0; }", "c")
    async with new_engine(slots=2) as engine:
        assert ends(await talked(engine, broken, well)) == (Verdict.COMPILE_ERROR, None)
        dialogue = await talked(engine, well, broken)
        assert dialogue.outcome == Outcome()
        assert dialogue.partner is not None
        assert dialogue.partner.verdict is Verdict.COMPILE_ERROR
        with pytest.raises(BadInput, match=r"^partner.language 'cobol'"):
            await talked(engine, well, Program("", "cobol"))
        with pytest.raises(BadInput, match=r"^partner.limits.processes"):
            await talked(engine, well, well, partner_limits=Limits(processes=1 << 40))
        with pytest.raises(BadInput, match=r"^tests\[0\].files 'a/b'"):
            await anext(engine.dialogues(well, well, [DialogueTest(files={"a/b": b""})]))


@pytest.mark.parametrize("who", ["supervisor", "one keeper", "the other keeper"])
async def test_our_own_death_is_no_verdict(new_engine: NewEngine, who: str) -> None:
    async with new_engine(slots=2) as engine:
        under_way = asyncio.create_task(talked(engine, ASKS, SLOW, "2"))
        await asyncio.sleep(1)
        assert engine.stats().running == 2
        facts = engine.facts()
        pids = [facts["supervisor_pid"], *facts["keeper_pids"].split()]
        os.kill(int(pids[["supervisor", "one keeper", "the other keeper"].index(who)]), signal.SIGKILL)
        with contextlib.suppress(SandboxError):
            assert ends(await under_way) == WELL
        assert ends(await talked(engine, ASKS, SLOW, "0")) == WELL
        assert engine.stats().running == 0


async def test_nothing_of_a_dialogue_stays(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        counts = []
        for _ in range(4):
            for _ in range(10):
                assert ends(await talked(engine, ASKS, SLOW, "0")) == WELL
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(talked(engine, ASKS, SLOW, "30"), 0.1)
            # What was cancelled just now is still being ended.
            for _ in range(500):
                if engine.stats().running:
                    await asyncio.sleep(0.01)
            counts.append(open_descriptors())
        assert counts[-1] <= counts[1], counts


@pytest.mark.native_only("the number of slots is native's")
async def test_in_a_crowd_the_partners_wait_for_a_core_is_not_the_programs(new_engine: NewEngine) -> None:
    spin = Limits(cpu_seconds=60, wall_seconds=60, memory_bytes=32 << 20, processes=8)
    slow = Program(
        "import sys, time\nfor line in sys.stdin:\n    until = time.process_time() + 0.1\n"
        "    while time.process_time() < until: pass\n    print(line, end='', flush=True)"
    )
    asks = Program("for _ in range(5):\n    print(1, flush=True); input()")
    one_second = Limits(cpu_seconds=5, wall_seconds=1.0, memory_bytes=64 << 20, processes=16)
    async with new_engine(slots=40) as engine:
        crowd = [asyncio.create_task(engine.run(Program("while True: pass"), limits=spin)) for _ in range(24)]
        await asyncio.sleep(4)
        pairs = [talked(engine, asks, slow, limits=one_second, partner_limits=one_second) for _ in range(4)]
        dialogues = await asyncio.gather(*pairs)
        for task in crowd:
            task.cancel()
        await asyncio.wait(crowd)
    assert [ends(dialogue) for dialogue in dialogues] == [WELL] * 4, dialogues
    # It would have been stopped by a clock that counts its sleep.
    assert any(dialogue.outcome.wall_seconds > 1.0 for dialogue in dialogues), dialogues


async def test_arguments_are_handed_over_as_they_are(new_engine: NewEngine) -> None:
    """Also the word that a row of the languages has for its memory limit."""
    partner = Program("import sys; print(sys.argv[1], flush=True); input()")
    async with new_engine(slots=2) as engine:
        dialogue = await talked(engine, Program("input(); print()"), partner, MEMORY_MIB)
    assert dialogue.partner is not None
    assert dialogue.partner.stdout == f"{MEMORY_MIB}\n".encode()
