"""`assay doctor`: what this machine enforces, which languages it has, and what to do about the rest."""

from __future__ import annotations

import argparse
import asyncio
import platform

from engine import machine
from engine.engine import Engine
from engine.errors import AssayError
from engine.languages import LANGUAGES, LanguageStatus, missing
from engine.where import place_of, read_facts

_NAME_WIDTH = max(map(len, LANGUAGES)) + 2


def doctor(arguments: argparse.Namespace) -> int:
    """Print what is here; 1 if the sandbox cannot start."""
    del arguments
    memory = machine.memory_bytes() / (1 << 30)
    print(f"machine    {platform.system()} {platform.release()}, {machine.cores()} cores, {memory:.1f} GiB")
    place = place_of(read_facts())
    print(f"place      {place.row}: {place.outlook}")
    if place.change:
        print(f"  change    {place.change}")
    try:
        facts, languages = asyncio.run(_ask())
    except AssayError as error:
        print(f"sandbox    cannot start: {error}")
        languages = [_unproved(name) for name in LANGUAGES]
        code = 1
    else:
        print(f"sandbox    ready in {facts.pop('start_seconds', '?')} s")
        for name, value in sorted(facts.items()):
            if not name.endswith(("_pid", "_pids")):
                print(f"  {name:<{_NAME_WIDTH}}{value}")
        code = 0
    print("languages")
    for status in languages:
        print(f"  {status.name:<{_NAME_WIDTH}}{status.version or status.problem}")
    return code


async def _ask() -> tuple[dict[str, str], list[LanguageStatus]]:
    async with Engine(slots=1) as engine:
        return engine.facts(), await engine.languages()


def _unproved(name: str) -> LanguageStatus:
    language = LANGUAGES[name]
    problem = f"{language.tool}, not tried" if language.installed else missing(language)
    return LanguageStatus(name=name, aliases=language.aliases, problem=problem)
