"""`assay score FILE.jsonl`: every line an item, every item a reward."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from engine.cli.options import ALLOW_DEGRADED, FAILED, NOT_JUDGED, OWN_SCORER, WRONG_USE
from engine.client.client import Client
from engine.errors import AssayError, BadInput, CannotStart
from engine.scorer import Parsed, parsed_item, with_own
from engine.wire.address import default_socket, shown_address
from engine.wire.decode import decode_json
from rewards.cli.tally import Tally, table_of
from rewards.client import RewardClient
from rewards.code.forms.table import is_row
from rewards.flow import Scored, flow
from rewards.kinds import ITEMS, SCORERS, reward_of, scorers
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
    parser.add_argument("--scorer", metavar="M:NAME", action="append", default=[], help=f"no daemon: {OWN_SCORER}")
    parser.add_argument(
        "--config", metavar="F", help="no daemon: TOML file whose tables [engine] and [rewards] are used"
    )
    parser.add_argument("--allow-degraded", action="store_true", help=f"no daemon: {ALLOW_DEGRADED}")
    parser.add_argument("--token-file", type=Path, metavar="F", help="file with the daemon's token")
    parser.set_defaults(handler=score)


def score(arguments: argparse.Namespace) -> int:
    """Run the command; 0, 3 if anything was not judged, 2 for wrong input, 1 if nothing can be scored here."""
    console = Console(stderr=True, highlight=False)
    try:
        tally = asyncio.run(_score(arguments, console))
    except BadInput as error:
        console.print(f"assay score: {error}", markup=False, soft_wrap=True)
        return WRONG_USE
    except (AssayError, OSError) as error:
        console.print(f"assay score: {error}", markup=False, soft_wrap=True)
        return FAILED
    report = console if arguments.out == "-" else Console(highlight=False)
    report.print(table_of([tally]))
    for reason, times in tally.reasons.most_common(_REASONS_SHOWN):
        report.print(f"not judged {times} x: {reason}", markup=False, soft_wrap=True)
    return NOT_JUDGED if tally.not_judged else 0


class _Line(NamedTuple):
    """An item of the file; `parsed` where it is scored here."""

    item: dict[str, Any]
    parsed: Parsed | None = None
    number: int = 0


_Ask = Callable[[_Line], Awaitable[Reward | NotJudged]]


def _lines(path: Path, read: Callable[[Any], _Line]) -> Iterator[_Line]:
    """What `read` makes of each line that is not blank; raises BadInput naming line, field and value."""
    if not path.is_file():
        raise BadInput("FILE.jsonl", str(path), "no such file")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            try:
                yield read(_with_kind(decode_json(line)))._replace(number=number)
            except BadInput as error:
                raise BadInput(f"{path} line {number}: {error.field}", error.value, error.message) from None


def _with_kind(item: Any) -> Any:
    return {"kind": "code", **item} if is_row(item) and "kind" not in item else item


class _Place(NamedTuple):
    """Where items are scored: how a line is checked, how it is read then, how one is scored and how many at a time."""

    check: Callable[[Any], _Line]
    read: Callable[[Any], _Line]
    scoring: contextlib.AbstractAsyncContextManager[tuple[_Ask, int]]


async def _score(arguments: argparse.Namespace, console: Console) -> Tally:
    if arguments.out not in (None, "-") and _same_file(Path(arguments.out), arguments.file):
        raise BadInput("out", arguments.out, "this is the file of the items: expected another one")
    address = _address(arguments)
    place = _here(arguments, console) if address is None else await _at_daemon(address, arguments, console)
    # The file is read twice: a wrong line is told before anything runs, and a long file is never whole in memory.
    count = sum(1 for _ in _lines(arguments.file, place.check))
    tally = Tally(arguments.file.name)
    clock = asyncio.get_running_loop().time
    with _output(arguments.out) as out, _progress(console) as progress:
        async with place.scoring as (ask, in_flight):
            task = progress.add_task("scoring", total=count)
            began = clock()
            async for scored in flow(_refusals_kept(ask), _lines(arguments.file, place.read), in_flight):
                tally.add(scored.reward, scored.seconds)
                progress.advance(task)
                if out is not None:
                    out.put(scored)
            tally.seconds = clock() - began
    return tally


def _refusals_kept(ask: _Ask) -> _Ask:
    # It passed the checks here, and is wrong where it was to run: over a ceiling, in no image's language. One such line
    # must not cost the others their rewards.
    async def asked(line: _Line) -> Reward | NotJudged:
        try:
            return await ask(line)
        except BadInput as error:
            return NotJudged(f"line {line.number}: refused: {error}")

    return asked


class _Answers:
    """Writes answers in the items' order, whatever the order they come in."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._early: dict[int, bytes] = {}
        self._next = 0

    def put(self, scored: Scored[_Line]) -> None:
        item = scored.item.item
        named = {"id": item["id"]} if "id" in item else {}
        self._early[scored.index] = msgspec.json.encode({**named, **scored.reward.to_wire()})
        while self._next in self._early:
            self._file.write(self._early.pop(self._next) + b"\n")
            self._next += 1


@contextlib.contextmanager
def _output(name: str | None) -> Iterator[_Answers | None]:
    if name is None:
        yield None
    elif name == "-":
        yield _Answers(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with Path(name).open("wb") as file:
            yield _Answers(file)


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


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


def _address(arguments: argparse.Namespace) -> str | None:
    """The daemon that was named, or that listens; None: score here."""
    if arguments.http:
        return str(arguments.http)
    if arguments.socket:
        return f"unix://{arguments.socket}"
    return _listening() if arguments.slots is None and not arguments.scorer else None


async def _at_daemon(address: str, arguments: argparse.Namespace, console: Console) -> _Place:
    if arguments.scorer:
        raise BadInput(
            "scorer", arguments.scorer[0], f"the daemon {shown_address(address)} scores: give it to `assay serve`"
        )
    token = arguments.token_file.read_text().strip() if arguments.token_file else ""
    # An absent daemon is one clear error, not a reward that is not judged for each item.
    async with Client(address, token=token) as client:
        kinds = frozenset((await client.stats()).get("kinds", ()))
    console.print(f"scoring at the daemon {shown_address(address)}", markup=False, soft_wrap=True)

    def check(item: Any) -> _Line:
        # What only the daemon knows, it alone can check.
        kind = item.get("kind") if isinstance(item, dict) else None
        if kind in ITEMS:
            ITEMS[kind](item)
        elif kind not in kinds:
            parsed_item(SCORERS, item)
        return _Line(item)

    @contextlib.asynccontextmanager
    async def scoring() -> AsyncIterator[tuple[_Ask, int]]:
        async with RewardClient(address, token=token) as rewards:
            yield lambda line: rewards.score(line.item), _IN_FLIGHT_AT_DAEMON

    return _Place(check, _Line, scoring())


def _here(arguments: argparse.Namespace, console: Console) -> _Place:
    # A client alone has neither.
    from engine.config.settings import load_settings
    from engine.engine import Engine
    from rewards.settings import judge_of

    settings = load_settings(arguments.config)
    config = settings.engine
    if arguments.allow_degraded:
        config = dataclasses.replace(config, allow_degraded=True)
    if arguments.slots is not None:
        config = dataclasses.replace(config, slots=arguments.slots)
    judge = judge_of(settings)
    known = with_own(scorers(judge), arguments.scorer)

    def read(item: Any) -> _Line:
        return _Line(item, parsed_item(known, item))

    @contextlib.asynccontextmanager
    async def scoring() -> AsyncIterator[tuple[_Ask, int]]:
        async with judge or contextlib.nullcontext(), Engine(config=config) as engine:
            slots = engine.stats().slots
            console.print(f"no daemon is asked, so {slots} slots run here", markup=False, soft_wrap=True)

            async def ask(line: _Line) -> Reward | NotJudged:
                assert line.parsed is not None
                answer = await line.parsed.score(engine, client="", deadline_seconds=None)
                return reward_of(answer, line.item["kind"])

            yield ask, _IN_FLIGHT_PER_SLOT * slots

    return _Place(read, read, scoring())


def _listening() -> str | None:
    """The address of this user's default daemon, if it answers."""
    try:
        path = default_socket()
    except CannotStart:
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        return f"unix://{path}" if probe.connect_ex(str(path)) == 0 else None
