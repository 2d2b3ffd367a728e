"""`assay bench step`: the rewards of one training step, as a policy early in training makes them wait."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from engine.bench.load import busy_seconds
from rewards.bench.code import Say, false_verdicts, judged, machine
from rewards.bench.generated import Form, bench_item
from rewards.bench.items import BenchItem, Kind
from rewards.bench.problems import PROBLEMS, cases
from rewards.bench.ways import NO_PRIME_CODE, Way, opened
from rewards.client import RewardClient
from rewards.evidence import CodeEvidence
from rewards.reward import NotJudged, Reward

# Of a hundred completions.
MIXTURE: Final[dict[Kind, int]] = {"right": 40, "wrong": 30, "does not parse": 10, "slow": 10, "loops": 10}
# As verl's reward manager has it.
PRIME_CODE_PROCESSES: Final = 64


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One step's rewards from one way.

    all_seconds            until the last reward
    but_loops_seconds      until the last reward of a program that does not loop
    busy_seconds           what the machine worked
    program_seconds        of that what the judged runs used, as the kernel counted it; None where that is not told
    false, lost            verdicts other than the known one, items without a verdict
    ended_seconds          when each reward came, in order
    """

    way: Way
    step: str
    all_seconds: float
    but_loops_seconds: float
    busy_seconds: float
    program_seconds: float | None
    false: int
    lost: int
    ended_seconds: list[float]


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes."""

    command: str
    machine: dict[str, str | int]
    problems: int
    completions: int
    tests: int
    needed: int
    rows: list[StepRow]
    missing: list[str]


def step_items(problems: int, completions: int, tests: int, seed: int) -> list[BenchItem]:
    """Completions of each problem in the mixture, shuffled; half of the problems have call tests."""
    random = Random(f"step {seed}")
    given: Counter[Kind] = Counter()
    items: list[BenchItem] = []
    for number in range(problems):
        problem = PROBLEMS[number % len(PROBLEMS)]
        form: Form = "python-calls" if number // len(PROBLEMS) % 2 else "python-stdin"
        its_tests = cases(problem, tests, random)
        for _ in range(completions):
            # Whichever is furthest behind its share.
            kind = max(MIXTURE, key=lambda kind: MIXTURE[kind] * (len(items) + 1) / 100 - given[kind])
            given[kind] += 1
            items.append(bench_item(problem, kind, form, its_tests, f"{seed}.{len(items)}"))
    random.shuffle(items)
    return items


async def step(
    *,
    problems: int,
    completions: int,
    tests: int,
    address: str,
    prime_code: str | None,
    command: str,
    say: Say,
) -> StepReport:
    """Two steps at the daemon, the first of which finds it cold, then one by prime_code; raises PeerFailed, OSError."""
    before = machine()
    made = [step_items(problems, completions, tests, seed) for seed in (0, 1)]
    rows: list[StepRow] = []
    for name, items in zip(("first of a daemon", "second"), made, strict=True):
        say(f"assay, {name}", len(rows) / 3)
        rows.append(await _at_daemon(name, items, address))
    if prime_code:
        say("prime_code", len(rows) / 3)
        rows.append(await _by_prime_code(made[1], prime_code, address))
    return StepReport(
        command=command,
        machine=before,
        problems=problems,
        completions=completions,
        tests=problems * completions * tests,
        needed=sum(item.needed for item in made[1]),
        rows=rows,
        missing=[] if prime_code else [NO_PRIME_CODE],
    )


async def _at_daemon(name: str, items: Sequence[BenchItem], address: str) -> StepRow:
    """All are handed in at once, as a trainer does that has sampled them."""
    rewards: list[Reward | NotJudged] = [NotJudged("")] * len(items)
    ended = [0.0] * len(items)
    async with RewardClient(address, patience_seconds=600.0) as client:
        busy, began = busy_seconds(), time.perf_counter()
        async for index, reward in client.stream([item.item for item in items], in_flight=len(items)):
            rewards[index], ended[index] = reward, time.perf_counter() - began
        busy = busy_seconds() - busy
    verdicts = [reward.reward == 1.0 if isinstance(reward, Reward) else None for reward in rewards]
    facts = [
        facts
        for reward in rewards
        if isinstance(reward, Reward) and isinstance(reward.evidence, CodeEvidence)
        for facts in reward.evidence.tests
    ]
    return _row("assay", name, items, verdicts, ended, busy, sum(each.cpu_seconds for each in facts))


async def _by_prime_code(items: Sequence[BenchItem], python: str, address: str) -> StepRow:
    async with opened("prime_code", PRIME_CODE_PROCESSES, address, python) as judge:
        found = await judged(judge, items, PRIME_CODE_PROCESSES)
    return _row("prime_code", "any", items, found.verdicts, found.ended, found.busy_seconds, None)


def _row(
    way: Way,
    step: str,
    items: Sequence[BenchItem],
    verdicts: Sequence[bool | None],
    ended: Sequence[float],
    busy: float,
    programs: float | None,
) -> StepRow:
    return StepRow(
        way=way,
        step=step,
        all_seconds=max(ended),
        but_loops_seconds=max(at for at, item in zip(ended, items, strict=True) if item.kind != "loops"),
        busy_seconds=busy,
        program_seconds=programs,
        false=false_verdicts(items, verdicts),
        lost=sum(verdict is None for verdict in verdicts),
        ended_seconds=sorted(ended),
    )
