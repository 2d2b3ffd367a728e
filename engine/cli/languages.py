"""`assay doctor --languages`: a small program in every language, and what its start costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.table import Table
from rich.text import Text

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.languages.table import LANGUAGES, LanguageStatus, sample
from engine.program import MIB, Limits, Outcome, Program

_WORD: Final = b"world"
_LIMITS: Final = Limits(cpu_seconds=20)


class Trial(msgspec.Struct, frozen=True):
    """A language as it is here, and what came of its program if it runs."""

    status: LanguageStatus
    outcome: Outcome | None = None

    @property
    def bad(self) -> bool:
        """Its tools are here, and its program does not do what it should."""
        if self.outcome is None:
            return False
        silent = LANGUAGES[self.status.name].verdict_by_exit
        return not self.outcome.clean or not (silent or self.outcome.stdout == b"hello " + _WORD + b"\n")


async def tried_languages(config: EngineConfig) -> list[Trial]:
    """Every language with its program's second run, for which its files have been read; raises as `Engine` does."""
    async with Engine(slots=1, config=config) as engine:
        trials = []
        for status in await engine.languages():
            if status.problem is not None:
                trials.append(Trial(status))
                continue
            program = Program(sample(LANGUAGES[status.name]), status.name, files={"word": _WORD})
            outcomes = [await engine.run(program, _WORD + b"\n", _LIMITS) for _ in range(2)]
            trials.append(Trial(status, outcomes[-1]))
        return trials


def trials_table(trials: Sequence[Trial]) -> Table:
    """A row for each language: what its compile step and its run took."""
    table = Table()
    for heading in ("language", "version", "compile, CPU ms", "run, CPU ms", "run, MiB"):
        table.add_column(heading, no_wrap=heading == "language", justify="right" if "," in heading else "left")
    for trial in trials:
        outcome = trial.outcome
        if outcome is None or trial.bad:
            said = trial.status.problem or _complaint(outcome or Outcome())
            table.add_row(trial.status.name, Text(said, "yellow" if outcome is None else "red"))
            continue
        compiled = f"{outcome.compile.cpu_seconds * 1000:.0f}" if outcome.compile else ""
        run = f"{outcome.cpu_seconds * 1000:.0f}"
        table.add_row(trial.status.name, trial.status.version, compiled, run, f"{outcome.peak_memory_bytes / MIB:.0f}")
    return table


def _complaint(outcome: Outcome) -> str:
    told = outcome.compile if outcome.compile is not None and not outcome.compile.clean else outcome
    return f"{outcome.verdict}: {(told.stderr or told.stdout).decode(errors='replace').strip()[-200:]}"
