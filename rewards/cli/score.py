"""`assay score FILE.jsonl`: every line an item, every item a reward."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from engine import Client, Engine, EngineConfig
from engine.cli.options import ALLOW_DEGRADED, FAILED, INTERRUPTED, NOT_JUDGED, WRONG_USE
from engine.errors import AssayError, BadInput, CannotStart
from engine.wire.address import default_socket
from engine.wire.decode import decode_json
from rewards import CodeReward, MathReward, RewardClient
from rewards.cli.tally import Tally, table_of
from rewards.flow import Score, Scored, flow
from rewards.kinds import check_item
from rewards.reward import NotJudged, Reward

_IN_FLIGHT_AT_DAEMON: Final = 64
_IN_FLIGHT_PER_SLOT: Final = 4
_REASONS_SHOWN: Final = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay score`."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="one item on each line")
    parser.add_argument("-o", "--out", metavar="OUT", help="write the rewards here, in the items' order; - is stdout")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", metavar="PATH", help="ask the daemon that listens there")
    where.add_argument("--http", metavar="URL", help="ask the daemon at http://host:port")
    where.add_argument("--slots", type=int, metavar="N", help="no daemon: run here, N programs at once")
    parser.add_argument("--allow-degraded", action="store_true", help=f"no daemon: {ALLOW_DEGRADED}")
    parser.add_argument("--token-file", type=Path, metavar="F", help="file with the daemon's token")
    parser.set_defaults(handler=score)


def score(arguments: argparse.Namespace) -> int:
    """Run the command; 0, 3 if anything was not judged, 2 for wrong input, 1 if nothing can be scored here."""
    console = Console(stderr=True, highlight=False)
    path: Path = arguments.file
    try:
        count = sum(1 for _ in _items(path))
        tally = asyncio.run(_score_all(arguments, count, console))
    except BadInput as error:
        console.print(f"assay score: {error}", markup=False, soft_wrap=True)
        return WRONG_USE
    except (AssayError, OSError) as error:
        console.print(f"assay score: {error}", markup=False, soft_wrap=True)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    report = console if arguments.out == "-" else Console(highlight=False)
    report.print(table_of([tally]))
    for reason, times in tally.reasons.most_common(_REASONS_SHOWN):
        report.print(f"not judged {times} x: {reason}", markup=False, soft_wrap=True)
    return NOT_JUDGED if tally.not_judged else 0


def _items(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The checked items of the lines that are not blank, by line; raises BadInput naming line, field and value."""
    if not path.is_file():
        raise BadInput("FILE.jsonl", str(path), "no such file")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            try:
                yield number, check_item(decode_json(line))
            except BadInput as error:
                raise BadInput(f"{path} line {number}: {error.field}", error.value, error.message) from None


async def _score_all(arguments: argparse.Namespace, count: int, console: Console) -> Tally:
    tally = Tally(arguments.file.name)
    clock = asyncio.get_running_loop().time
    with _output(arguments.out) as lines, _progress(console) as progress:
        async with _scoring(arguments, console) as (ask, in_flight):
            task = progress.add_task("scoring", total=count)
            began = clock()
            numbers: list[int] = []
            async for answered in flow(_refusals_kept(ask), _counted(arguments.file, numbers), in_flight):
                scored = answered
                if isinstance(answered.reward, _Refused):
                    reason = f"line {numbers[answered.index]}: {answered.reward.reason}"
                    scored = dataclasses.replace(answered, reward=NotJudged(reason))
                tally.add(scored.reward, scored.seconds)
                progress.advance(task)
                if lines is not None:
                    lines.put(scored)
            tally.seconds = clock() - began
    return tally


class _Refused(NotJudged, frozen=True):
    """The item passed the checks here, but where it was to run it is wrong: over a ceiling, in no image's language."""


def _refusals_kept(ask: Score) -> Score:
    # One such line must not cost the others their rewards.
    async def asked(item: dict[str, Any]) -> Reward | NotJudged:
        try:
            return await ask(item)
        except BadInput as error:
            return _Refused(f"refused: {error}")

    return asked


def _counted(path: Path, numbers: list[int]) -> Iterator[dict[str, Any]]:
    """The items, while `numbers` gets the line of each."""
    for number, item in _items(path):
        numbers.append(number)
        yield item


class _Lines:
    """Writes answers in the items' order, whatever the order they come in."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._early: dict[int, bytes] = {}
        self._next = 0

    def put(self, scored: Scored) -> None:
        named = {"id": scored.item["id"]} if "id" in scored.item else {}
        self._early[scored.index] = msgspec.json.encode({**named, **scored.reward.to_wire()})
        while self._next in self._early:
            self._file.write(self._early.pop(self._next) + b"\n")
            self._next += 1


@contextlib.contextmanager
def _output(name: str | None) -> Iterator[_Lines | None]:
    if name is None:
        yield None
    elif name == "-":
        yield _Lines(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with Path(name).open("wb") as file:
            yield _Lines(file)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextlib.asynccontextmanager
async def _scoring(arguments: argparse.Namespace, console: Console) -> AsyncIterator[tuple[Score, int]]:
    """How to score one item, and how many at a time: at the daemon that was named or that listens, else here."""
    address = arguments.http or (f"unix://{arguments.socket}" if arguments.socket else None)
    if address is None and arguments.slots is None:
        address = _listening()
    if address is not None:
        token = arguments.token_file.read_text().strip() if arguments.token_file else ""
        # An absent daemon is one clear error, not a reward that is not judged for each item.
        async with Client(address, token=token) as client:
            await client.stats()
        console.print(f"scoring at the daemon {address}", markup=False, soft_wrap=True)
        async with RewardClient(address, token=token) as rewards:
            yield rewards.score, _IN_FLIGHT_AT_DAEMON
        return
    config = EngineConfig(allow_degraded=arguments.allow_degraded)
    async with Engine(slots=arguments.slots, config=config) as engine:
        slots = engine.stats().slots
        console.print(f"no daemon listens, so {slots} slots run here", markup=False, soft_wrap=True)

        async def score_here(item: dict[str, Any]) -> Reward | NotJudged:
            return await (CodeReward(engine).score(item) if item["kind"] == "code" else MathReward().score(item))

        yield score_here, _IN_FLIGHT_PER_SLOT * slots


def _listening() -> str | None:
    """The address of this user's default daemon, if it answers."""
    try:
        path = default_socket()
    except CannotStart:
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        return f"unix://{path}" if probe.connect_ex(str(path)) == 0 else None
