"""`assay doctor`: what this machine enforces and how that was seen, its languages, and what to do about the rest."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import platform
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.cli.languages import trials_table, tried_languages
from engine.cli.options import CONFIG, FAILED
from engine.config.engine import RUNTIMES, EngineConfig
from engine.config.settings import load_settings
from engine.engine import Engine
from engine.errors import AssayError
from engine.languages.table import LANGUAGES, LanguageStatus
from engine.machine import resources
from engine.machine.kernel import kernel_lacks
from engine.machine.place import Outlook, place_of, read_facts
from engine.proof.finding import Finding

# More would not prove more, only sooner.
_SLOTS: Final = 4
# As `Limits` has them; the self-test's order is by time.
_ORDER: Final = (
    "cpu",
    "wall",
    "memory",
    "output",
    "disk",
    "processes",
    "open_files",
    "cpus",
    "network",
    "rights",
    "outside",
)
_SHOWN_FACTS: Final = ("runtime", "cgroup", "rootfs", "fresh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay doctor`."""
    parser.add_argument("--runtime", choices=RUNTIMES, help="who makes the slots (native)")
    parser.add_argument("--config", metavar="F", help=CONFIG)
    parser.add_argument("--languages", action="store_true", help="run a program in every language, nothing else")
    parser.add_argument("--allow-degraded", action="store_true", help="exit code 0 all the same")
    parser.set_defaults(handler=doctor)


def doctor(arguments: argparse.Namespace) -> int:
    """Print what is here; 1 if the sandbox cannot start, or not with every limit unless that is allowed."""
    console = Console(highlight=False)
    if sys.platform == "win32":
        console.print("the sandbox runs on Linux, not on Windows itself: use WSL2; a client here can ask a daemon")
        return FAILED
    about = _machine(arguments.runtime or "native")
    try:
        config = load_settings(arguments.config).engine
        config = dataclasses.replace(config, runtime=arguments.runtime or config.runtime, allow_degraded=True)
        if arguments.languages:
            trials = asyncio.run(tried_languages(config))
            console.print(trials_table(trials))
            return 1 if any(trial.bad for trial in trials) else 0
        facts, findings, languages = asyncio.run(_ask(config))
    except AssayError as error:
        console.print(_about([*about, ("sandbox", Text(f"cannot start: {error}", "red"))]))
        console.print(_languages_table([_unproved(name) for name in LANGUAGES]))
        return 1
    cold = [("warm", Text(facts["stays_cold"], "yellow"))] if "stays_cold" in facts else []
    console.print(_about([*about, ("sandbox", Text(_sandbox(facts))), *cold]))
    console.print(_limits_table(findings))
    console.print(_languages_table(languages))
    return 0 if arguments.allow_degraded or all(finding.enforced for finding in findings) else 1


async def _ask(config: EngineConfig) -> tuple[dict[str, str], tuple[Finding, ...], list[LanguageStatus]]:
    async with Engine(slots=min(resources.cores(), _SLOTS), config=config, prove_anew=True) as engine:
        return engine.facts(), engine.findings, await engine.languages()


def _machine(runtime: str) -> list[tuple[str, Text]]:
    memory = resources.memory_bytes() / (1 << 30)
    about = f"{platform.system()} {platform.release()} · {resources.cores()} cores · {memory:.1f} GiB"
    lacks = kernel_lacks()
    kernel = Text(f"lacks {', '.join(lacks)}", "red") if lacks else Text("has what the sandbox is made of")
    live = resources.live_programs(runtime)
    slots = f"{live.slots}, unless the configuration says it: {live.reason}"
    place = place_of(read_facts())
    where = Text(f"{place.row}: {place.outlook}", "" if place.outlook is Outlook.WORKS else "yellow")
    change = [("change", Text(place.change, "yellow"))] if place.change else []
    return [("machine", Text(about)), ("slots", Text(slots)), ("place", where), *change, ("kernel", kernel)]


def _sandbox(facts: dict[str, str]) -> str:
    shown = [f"{name} {facts[name]}" for name in _SHOWN_FACTS if name in facts]
    return " · ".join((f"ready in {facts.get('start_seconds', '?')} s", *shown, facts["limits"]))


def _about(rows: Sequence[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, text in rows:
        table.add_row(name, text)
    return table


def _limits_table(findings: Sequence[Finding]) -> Table:
    table = Table()
    for heading in ("limit", "allowed", "enforced", "seen"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("limit", "enforced"))
    table.add_column("ms", justify="right", no_wrap=True)
    for finding in sorted(findings, key=lambda finding: _ORDER.index(finding.name)):
        enforced = Text("yes", "green") if finding.enforced else Text("NO", "bold red")
        seen = Text(finding.seen)
        if finding.advice:
            seen.append(f"\n{finding.advice}", "yellow")
        table.add_row(finding.name, finding.limit, enforced, seen, f"{finding.seconds * 1000:.0f}")
    return table


def _languages_table(languages: Sequence[LanguageStatus]) -> Table:
    table = Table()
    table.add_column("language", no_wrap=True)
    table.add_column("version, as it says in the sandbox", overflow="fold")
    for status in languages:
        table.add_row(status.name, Text(status.version) if status.version else Text(status.problem or "", "yellow"))
    return table


def _unproved(name: str) -> LanguageStatus:
    language = LANGUAGES[name]
    problem = language.problem() or f"{language.tools[0]}, not tried"
    return LanguageStatus(name=name, aliases=language.aliases, problem=problem)
