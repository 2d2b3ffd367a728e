"""`assay bench`: its arguments, and where the figures go."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import shlex
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from engine.bench import chart, report
from engine.bench.containers import Plan, containers
from engine.bench.install import go_judge, install
from engine.bench.mix import mixed
from engine.bench.peers import PEERS
from engine.bench.programs import NAMES
from engine.bench.repeat import RepeatRow, repeat
from engine.bench.slots import slots
from engine.bench.warm import warm
from engine.cli.commands import words_of
from engine.cli.options import OUR_FAULT, WRONG_USE
from engine.errors import AssayError, BadInput

_T = TypeVar("_T")
_Say = Callable[[str, float], None]
_ALL_PEERS: Final = ",".join(PEERS)
_ALL_PROGRAMS: Final = ",".join(NAMES)
_IN_FLIGHT: Final = "1,2,4,8"
_SECONDS: Final = 5.0
_FEW: Final = "1,4"
_SLOTS: Final = "1,16,256,1024"
_REQUESTS: Final = 500
_LOAD_IN_FLIGHT: Final = 64
_CLIENT_REQUESTS: Final = 300
_SEQUENCES: Final = "1,10000"
_TOKENS: Final = "1,32,1024"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benches and their arguments."""
    benches = parser.add_subparsers(title="benches", metavar="BENCH", required=True)
    parser = benches.add_parser("containers", help="runs per second of a program that does nothing, beside others'")
    parser.add_argument("--peers", metavar="P,...", default=_ALL_PEERS, help=f"of {', '.join(PEERS)} (all)")
    parser.add_argument("--programs", metavar="P,...", default=_ALL_PROGRAMS, help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--slots", metavar="N,...", default=_IN_FLIGHT, help="runs in flight, and slots (1,2,4,8)")
    parser.add_argument("--seconds", metavar="S", type=float, default=_SECONDS, help="load for each row (5)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.add_argument("--png", metavar="FILE", help="draw the numbers there; needs matplotlib")
    parser.add_argument("--install-peers", action="store_true", help="install what is missing, and measure nothing")
    parser.set_defaults(handler=bench_containers)
    parser = benches.add_parser("slots", help="what slots cost that wait; as many programs asleep as slots")
    parser.add_argument("--slots", metavar="N,...", default=_SLOTS, help=f"slots of an engine ({_SLOTS})")
    parser.add_argument("--seconds", metavar="S", type=float, default=_SECONDS, help="load for each row (5)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.set_defaults(handler=bench_slots)
    parser = benches.add_parser(
        "load", help="programs that print, sleep, work and loop, all at once: who waits for whom"
    )
    parser.add_argument("--requests", metavar="N", default=str(_REQUESTS), help=f"of each setting ({_REQUESTS})")
    parser.add_argument("--in-flight", metavar="N", default=str(_LOAD_IN_FLIGHT), help=f"at once ({_LOAD_IN_FLIGHT})")
    help_clients = f"of each of 19 clients, without and with one that loops ({_CLIENT_REQUESTS})"
    parser.add_argument("--client-requests", metavar="N", default=str(_CLIENT_REQUESTS), help=help_clients)
    parser.add_argument("--go-judge", metavar="FILE", default=go_judge(), help="its program, to be measured too")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.add_argument("--png", metavar="FILE", help="draw the numbers there; needs matplotlib")
    parser.set_defaults(handler=bench_load)
    parser = benches.add_parser("warm", help="Python programs begun as forks of one that is ready, and otherwise")
    parser.add_argument("--slots", metavar="N,...", default=_FEW, help=f"runs in flight, and slots ({_FEW})")
    parser.add_argument("--seconds", metavar="S", type=float, default=_SECONDS, help="load for each row (5)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.set_defaults(handler=bench_warm)
    parser = benches.add_parser("repeat", help="what looking for repeats costs per token, beside other ways to look")
    parser.add_argument("--sequences", metavar="N,...", default=_SEQUENCES, help=f"live sequences ({_SEQUENCES})")
    parser.add_argument("--tokens", metavar="N,...", default=_TOKENS, help=f"of each sequence in a call ({_TOKENS})")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.set_defaults(handler=bench_repeat)
    for bench in words_of("bench"):
        importlib.import_module(bench.module).add_arguments(benches.add_parser(bench.name, help=bench.help))


def bench_containers(arguments: argparse.Namespace) -> int:
    """`assay bench containers`: the exit code."""
    console = Console()
    if arguments.install_peers:
        return 0 if install(console) else 1
    try:
        plan = Plan(
            peers=[PEERS[name] for name in _chosen("peers", arguments.peers, PEERS)],
            programs=[name for name in NAMES if name in _chosen("programs", arguments.programs, NAMES)],
            in_flight=_numbers("slots", arguments.slots),
            seconds=_above_zero("seconds", arguments.seconds),
        )
        measured = _measured(lambda say: containers(plan, _command(arguments), say))
        report.show(measured, console)
        _write(arguments, measured, report.markdown(measured))
        if arguments.png:
            chart.draw(measured, Path(arguments.png))
    except AssayError as error:
        return _refused(error)
    return 0


def bench_slots(arguments: argparse.Namespace) -> int:
    """`assay bench slots`: the exit code."""
    try:
        numbers, seconds = _numbers("slots", arguments.slots), _above_zero("seconds", arguments.seconds)
        rows = _measured(lambda say: slots(numbers, seconds, say))
        report.show_slots(rows, Console())
        _write(arguments, rows, report.slots_markdown(rows))
    except AssayError as error:
        return _refused(error)
    return 0


def bench_load(arguments: argparse.Namespace) -> int:
    """`assay bench load`: the exit code."""
    try:
        requests, in_flight = _number("requests", arguments.requests), _number("in-flight", arguments.in_flight)
        client_requests = _number("client-requests", arguments.client_requests)
        command = shlex.join(["assay", "bench", "load", "--requests", str(requests), "--in-flight", str(in_flight)])
        measured = _measured(lambda say: mixed(requests, in_flight, client_requests, arguments.go_judge, command, say))
        report.show_mix(measured, Console())
        _write(arguments, measured, report.mix_markdown(measured))
        if arguments.png:
            chart.draw_mix(measured, Path(arguments.png))
    except AssayError as error:
        return _refused(error)
    return 0


def bench_warm(arguments: argparse.Namespace) -> int:
    """`assay bench warm`: the exit code."""
    try:
        numbers, seconds = _numbers("slots", arguments.slots), _above_zero("seconds", arguments.seconds)
        rows = _measured(lambda say: warm(numbers, seconds, say))
        report.show_warm(rows, Console())
        _write(arguments, rows, report.warm_markdown(rows))
    except AssayError as error:
        return _refused(error)
    return 0


def bench_repeat(arguments: argparse.Namespace) -> int:
    """`assay bench repeat`: the exit code."""
    try:
        sequences, tokens = _numbers("sequences", arguments.sequences), _numbers("tokens", arguments.tokens)

        async def measure(say: _Say) -> list[RepeatRow]:
            # On this thread, whose memory can lie in large pages (GLIBC_TUNABLES=glibc.malloc.hugetlb=1).
            return repeat(sequences, tokens, say)

        rows = _measured(measure)
        report.show_repeat(rows, Console())
        _write(arguments, rows, report.repeat_markdown(rows))
    except AssayError as error:
        return _refused(error)
    return 0


def _measured(measure: Callable[[_Say], Coroutine[Any, Any, _T]]) -> _T:
    """What `measure` finds; what it says meanwhile is shown as progress."""
    with (
        Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        task = progress.add_task("", total=1.0)
        return runner.run(
            measure(lambda what, share: progress.update(task, description=what, completed=share)),
        )


def _write(arguments: argparse.Namespace, numbers: Any, markdown: str) -> None:
    if arguments.json:
        Path(arguments.json).write_bytes(msgspec.json.format(msgspec.json.encode(numbers)) + b"\n")
    if arguments.markdown:
        Path(arguments.markdown).write_text(markdown)


def _refused(error: AssayError) -> int:
    print(f"assay bench: {error}", file=sys.stderr)
    return WRONG_USE if isinstance(error, BadInput) else OUR_FAULT


def _command(arguments: argparse.Namespace) -> str:
    """What measures the same again."""
    asked = (
        ("peers", _ALL_PEERS, arguments.peers),
        ("programs", _ALL_PROGRAMS, arguments.programs),
        ("slots", _IN_FLIGHT, arguments.slots),
        ("seconds", _SECONDS, arguments.seconds),
    )
    changed = [word for name, default, value in asked if value != default for word in (f"--{name}", str(value))]
    return shlex.join(["assay", "bench", "containers", *changed])


def _chosen(field: str, text: str, known: Any) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in known:
            raise BadInput(field, name, f"expected some of {','.join(known)}")
    return names


def _numbers(field: str, text: str) -> list[int]:
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise BadInput(field, text, "expected numbers like 1,2,4")
    return numbers


def _number(field: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise BadInput(field, text, "expected a number like 500")
    return int(text)


def _above_zero(field: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise BadInput(field, value, "expected a number above 0")
    return value
