"""Ways of one comparison in turn, round by round, and the clock of the whole bench."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benches.trainer.results import Comparison, Row
from benches.trainer.worker import Answer, Worker, WorkerFailed

READY_SECONDS: Final = 300.0
TURN_SECONDS: Final = 900.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A comparison to be made.

    ways  task and specification of each
    """

    part: str
    title: str
    baseline: str
    ways: Mapping[str, tuple[str, dict[str, Any]]]
    rounds: int
    threads: int


@dataclass(kw_only=True)
class Clock:
    """Says what is running and how long it has."""

    console: Console
    budget_seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        """One line."""
        now, budget = self.seconds, self.budget_seconds
        self.console.print(f"[dim]{_minutes(now)} of {_minutes(budget)}[/dim]  {text}", soft_wrap=True)

    def has(self, seconds: float) -> bool:
        """Whether so many are left."""
        return self.seconds + seconds <= self.budget_seconds


def compare(plan: Plan, directory: Path, clock: Clock) -> Comparison:
    """All rounds that the budget has room for, one in any case; a way that fails is left out and said."""
    done = Comparison(part=plan.part, title=plan.title, baseline=plan.baseline, threads=plan.threads)
    with ExitStack() as stack:
        clock.say(f"{plan.part}: {plan.title}: {len(plan.ways)} processes start")
        workers: dict[str, Worker] = {}
        for way, (task, specification) in plan.ways.items():
            log = directory / f"{_file_name(f'{plan.part} {plan.title} {way}')}.log"
            workers[way] = stack.enter_context(Worker(task, specification, log, threads=plan.threads))
        for way in list(workers):
            _answer(way, workers, done, READY_SECONDS)
        done.rows = [Row(way=way) for way in workers]
        for number in range(plan.rounds):
            began = time.monotonic()
            for row in done.rows:
                if row.way in workers:
                    workers[row.way].go()
                    if (answer := _answer(row.way, workers, done, TURN_SECONDS)) is not None:
                        row.rounds.append(_numbers(answer))
            took = time.monotonic() - began
            clock.say(f"{plan.part}: {plan.title}: round {number + 1} of {plan.rounds}, {took:.0f} s")
            if not workers or not clock.has(took):
                break
    done.rows = [row for row in done.rows if row.rounds]
    return done


def _answer(way: str, workers: dict[str, Worker], done: Comparison, seconds: float) -> Answer | None:
    try:
        return workers[way].answer(seconds)
    except WorkerFailed as failed:
        done.failures.append(f"{way}: {failed}")
        del workers[way]
        return None


def _numbers(answer: Answer) -> dict[str, float]:
    return {key: float(value) for key, value in answer.items()}


def _file_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def ways_of(task: str, names: Sequence[str], specification: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The same specification for each of a task's ways."""
    return {name: (task, {**specification, "way": name}) for name in names}
