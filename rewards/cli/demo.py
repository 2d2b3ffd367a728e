"""`make demo`: a daemon of its own, real completions, their rewards in a table.

Scores the bundled sample, whose every verdict is known, and, where scripts/fetch-data has brought them, HumanEval's
canonical solutions and 500 labelled completions of GSM8K. Ends with 1 if a verdict of the sample is not the known one.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import rewards
from engine.cli.options import FAILED
from engine.errors import SandboxError
from engine.program import Verdict
from rewards.cli.daemon import own_daemon
from rewards.cli.tally import Tally, table_of, verdict_name
from rewards.client import RewardClient
from rewards.data.datasets import Labelled, gsm8k, humaneval, lines_of
from rewards.evidence import CodeEvidence
from rewards.flow import flow
from rewards.reward import NotJudged, Reward

_SAMPLE: Final = "sample"
_GSM8K_ITEMS: Final = 500
_FILES: Final = ("HumanEval.jsonl.gz", "gsm8k-test.jsonl.gz", "gsm8k-model-solutions.jsonl.gz")
# The second is beside this checkout, for several of them.
_DATA: Final = (Path(".data"), Path("../shared/data"))
_WHY_CHARS: Final = 120
_IN_FLIGHT: Final = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay demo`."""
    parser.add_argument(
        "--slots", type=int, metavar="N", help="programs that may be live at once (default: by cores and memory)"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="where scripts/fetch-data put the data sets (.data)")
    parser.add_argument("-v", "--verbose", action="store_true", help="every completion of the sample with its reward")
    parser.set_defaults(handler=demo)


def demo(arguments: argparse.Namespace) -> int:
    """Run the demo; the exit code."""
    console = Console(highlight=False)
    try:
        return asyncio.run(_Demo(console, verbose=arguments.verbose).run(arguments.slots, arguments.data))
    except SandboxError as error:
        console.print(f"the demo cannot run here: {error}", markup=False, soft_wrap=True)
        return FAILED


def sample(name: str) -> list[Labelled]:
    """The bundled items of a kind ("code" or "math") with their known verdicts."""
    path = Path(str(resources.files(rewards).joinpath("data", "sample", f"{name}.jsonl")))
    return [Labelled(line["item"], line["label"]) for line in lines_of(path)]


def _sets(data: Path | None, console: Console) -> dict[str, list[Labelled]]:
    sets = {_SAMPLE: sample("code") + sample("math")}
    places = _DATA if data is None else (data,)
    for place in places:
        files = [place / name for name in _FILES]
        if all(path.exists() for path in files):
            sets["HumanEval"] = list(humaneval(files[0]))
            sets["GSM8K"] = list(islice(gsm8k(files[1], files[2]), _GSM8K_ITEMS))
            return sets
    console.print(f"only the bundled sample: scripts/fetch-data brings the data sets into {places[0]}", soft_wrap=True)
    return sets


class _Demo:
    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._surprises: list[str] = []

    async def run(self, slots: int | None, data: Path | None) -> int:
        sets = _sets(data, self._console)
        with (
            tempfile.TemporaryDirectory(prefix="assay-demo-") as directory,
            own_daemon(Path(directory), slots, self._console) as address,
        ):
            async with RewardClient(address) as client:
                with _progress(self._console) as progress:
                    tallies = [await self._score(client, name, items, progress) for name, items in sets.items()]
        self._console.print(table_of(tallies))
        self._say(f"{_IN_FLIGHT} completions in flight; p50 and p99 are from sending one to having its reward")
        for line in self._surprises:
            self._say(line)
        known = tallies[0]
        return 0 if known.agreed == known.labelled else 1

    async def _score(self, client: RewardClient, name: str, items: Sequence[Labelled], progress: Progress) -> Tally:
        tally = Tally(name)
        task = progress.add_task(name, total=len(items))
        began = time.monotonic()
        async for scored in flow(client.score, (each.item for each in items), _IN_FLIGHT):
            progress.advance(task)
            tally.add(scored.reward, scored.seconds)
            label = items[scored.index].label
            agrees = tally.compare(scored.reward, label)
            line = f"{name}: {scored.item['id']}: {verdict_name(scored.reward)}{_why(scored.reward)}"
            if not agrees:
                self._surprises.append(f"{line}, but the label says {label}")
            elif self._verbose and name == _SAMPLE:
                self._say(line)
        tally.seconds = time.monotonic() - began
        return tally

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _why(reward: Reward | NotJudged) -> str:
    """The short reason of a reward that is not full, in brackets."""
    if isinstance(reward, NotJudged):
        return f" ({reward.reason})"
    evidence = reward.evidence
    if not isinstance(evidence, CodeEvidence) or evidence.failure is None:
        reason = None if isinstance(evidence, dict) else evidence.reason
        return f" ({reason})" if reason else ""
    failure = evidence.failure
    why = (failure.problem or f"expected {failure.expected!r}, got {failure.got!r}").splitlines()[0]
    if reward.verdict is Verdict.RUNTIME_ERROR and failure.stderr:
        why += f": {failure.stderr.splitlines()[-1]}"
    return f" ({why[:_WHY_CHARS]})"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
