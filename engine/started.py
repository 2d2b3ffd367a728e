"""What there is between an engine's start and its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import Final

import msgspec

from engine.config.engine import EngineConfig, ceilings_here, room_for_programs
from engine.errors import CannotStart
from engine.jobs.compiler import Compiler
from engine.jobs.runner import Runner
from engine.languages.read_ahead import read_ahead
from engine.languages.table import LANGUAGES, LanguageStatus
from engine.lease import Ticket
from engine.pool.images import Image, Images, prepare
from engine.pool.job import CLOSED
from engine.pool.pool import Pool
from engine.program import MIB, Limits
from engine.proof import preloads, selftest
from engine.proof.finding import Finding
from engine.queue import Queue
from engine.stats import Counters, Stats

_VERSION_LIMITS: Final = Limits(cpu_seconds=5, memory_bytes=256 * MIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Started:
    """Slots, who waits for them, and what was found out when they were made.

    ceilings   the most that a request may ask for
    findings   what the self-test found about each limit
    stay_cold  warm kinds whose Pythons do not become ready, and why
    """

    pool: Pool
    queue: Queue
    runner: Runner
    images: Images
    ceilings: Limits
    findings: tuple[Finding, ...]
    not_enforced: tuple[str, ...]
    stay_cold: tuple[str, ...]

    async def close(self) -> None:
        """Kill what runs and remove every trace."""
        self.queue.close(CLOSED)
        try:
            await self.pool.close()
        finally:
            self.images.release()

    async def with_version(self, ticket: Ticket, status: LanguageStatus, image: Image) -> LanguageStatus:
        """The status of a language that is there, with the version that its tool prints in the sandbox."""
        language = image.language(status.name)
        outcome = await self.runner.run(
            ticket, image.job(language.version, _VERSION_LIMITS, variables=language.environment)
        )
        if not outcome.clean:
            return msgspec.structs.replace(status, problem=f"{' '.join(language.version)} ends with {outcome.verdict}")
        return msgspec.structs.replace(status, version=outcome.stdout.decode(errors="replace").split("\n")[0])

    def facts(self) -> dict[str, str]:
        """See `Engine.facts`."""
        facts = {**self.pool.facts(), **self.images.facts(), "warm": self._warmth()}
        if self.stay_cold:
            facts["stays_cold"] = "; ".join(self.stay_cold)
        return {**facts, "limits": selftest.summary(self.not_enforced)}

    def _warmth(self) -> str:
        """How many Pythons became ready, and why some did not."""
        zygotes = self.pool.zygotes()
        if not zygotes:
            reason = ": nothing would keep it from programs" if self.pool.facts().get("runtime") == "landlock" else ""
            return f"none is kept ready{reason}"
        problems = sorted({problem for _, _, problem in zygotes if problem is not None})
        counted = f"{sum(ready for ready, _, _ in zygotes)} ready, {sum(lost for _, lost, _ in zygotes)} lost"
        return "; ".join([counted, *problems])


async def started(config: EngineConfig, slots: int, counters: Counters, *, prove_anew: bool) -> Started:
    """Make the slots and prove the limits; raises CannotStart with one line that says what to do."""
    room = room_for_programs(config, slots)
    ceilings = ceilings_here(config, room)
    async with contextlib.AsyncExitStack() as undo:
        images, layers, flavours = await prepare(config)
        undo.callback(images.release)
        present = [row.read_ahead for row in LANGUAGES.values() if row.read_ahead and row.missing is None]
        pool, _ = await asyncio.gather(
            Pool.start(slots, config, room.memory_bytes, layers, flavours),
            asyncio.to_thread(read_ahead, present),
        )
        undo.push_async_callback(pool.close)
        findings = await selftest.proved(pool, slots=slots, state_dir=config.state_dir, anew=prove_anew)
        not_enforced = selftest.not_enforced(findings)
        if not config.allow_degraded and (complaint := selftest.complaint(findings)):
            raise CannotStart(complaint)
        stay_cold = await preloads.stay_cold(pool, images, ceilings.memory_bytes)
        undo.pop_all()
    queue = Queue(
        pool,
        slots=slots,
        memory_bytes=room.memory_bytes,
        processes=room.processes,
        queue_runs=config.queue_runs,
        queue_bytes=config.queue_bytes,
        on_demand="memory" not in not_enforced,
    )
    return Started(
        pool=pool,
        queue=queue,
        runner=Runner(queue, counters, not_enforced),
        images=images,
        ceilings=ceilings,
        findings=findings,
        not_enforced=not_enforced,
        stay_cold=stay_cold,
    )


def stats_of(slots: int, counters: Counters, compiler: Compiler, queue: Queue | None) -> Stats:
    """Counters, and what is in the queue where there is one yet."""
    return Stats(
        slots=slots,
        running=queue.running if queue else 0,
        queued=queue.queued if queue else 0,
        bytes_held=queue.bytes_held if queue else 0,
        runs=counters.runs,
        verdicts=dict(counters.verdicts),
        faults=counters.faults,
        evicted=counters.evicted,
        not_judged=counters.not_judged,
        refused=queue.refused if queue else 0,
        expired=queue.expired if queue else 0,
        compiles=compiler.runs,
        compiles_spared=compiler.spared,
        store_bytes=compiler.store_bytes,
        sound=counters.sound,
    )
