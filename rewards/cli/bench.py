"""`assay bench`: the engine's benches, and those that need rewards."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console

from engine.bench.peer import PeerFailed
from engine.cli.bench import add_benches, bench_refused, positive, with_progress, write_numbers
from engine.cli.options import OUR_FAULT
from engine.errors import AssayError, BadInput
from engine.machine import resources
from rewards.bench import chart, report
from rewards.bench.code import SETS, code, human_eval_file
from rewards.bench.step import step
from rewards.cli import bench_math
from rewards.cli.daemon import own_daemon

_PER_CORE: Final = 4


class _Bench(NamedTuple):
    """One word after `assay bench`, its line of help, and what adds its arguments."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All benches and their arguments."""
    benches = add_benches(parser)
    for bench in _BENCHES:
        bench.add_arguments(benches.add_parser(bench.name, help=bench.help))


def _add_code(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", metavar="S,...", default=",".join(SETS), help=f"of {', '.join(SETS)} (all)")
    parser.add_argument("--problems", metavar="N", default="12", help="of each generated set, 3 programs each (12)")
    parser.add_argument("--rounds", metavar="N", default="3", help="in which all ways take turns (3)")
    parser.add_argument(
        "--in-flight", metavar="N", default=str(_PER_CORE * resources.cores()), help="items at once (4 for each core)"
    )
    _add_common(parser)
    parser.set_defaults(handler=_code)


def _add_step(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--problems", metavar="N", default="128", help="of the step (128)")
    parser.add_argument("--completions", metavar="N", default="8", help="of each problem (8)")
    parser.add_argument("--tests", metavar="N", default="10", help="of each problem (10)")
    _add_common(parser)
    parser.set_defaults(handler=_step)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prime-code", metavar="PYTHON", help="a Python that has verl, to be measured too")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.add_argument("--png", metavar="FILE", help="draw the numbers there; needs matplotlib")


_BENCHES: Final = (
    _Bench("code", "programs judged by their tests, beside other ways, and false verdicts", _add_code),
    _Bench("step", "the rewards of one training step: seconds until they are there", _add_step),
    _Bench("math", "maths answers judged beside math-verify: how fast, and who is right", bench_math.add_arguments),
)


def _code(arguments: argparse.Namespace) -> int:
    """`assay bench code`: the exit code."""
    try:
        sets = _chosen(arguments.sets)
        sizes = {name: positive(name, getattr(arguments, name)) for name in ("problems", "rounds", "in_flight")}
        with _daemon() as address:
            found = with_progress(
                lambda say: code(
                    sets=sets,
                    **sizes,
                    address=address,
                    human_eval_path=human_eval_file(),
                    prime_code=arguments.prime_code,
                    command=_command("code", sizes, arguments.prime_code),
                    say=say,
                )
            )
        report.show_code(found, Console())
        write_numbers(arguments, found, report.code_markdown(found))
        if arguments.png:
            chart.draw_code(found, Path(arguments.png))
    except (AssayError, PeerFailed, OSError) as error:
        return _refused(error)
    return 0


def _step(arguments: argparse.Namespace) -> int:
    """`assay bench step`: the exit code."""
    try:
        sizes = {name: positive(name, getattr(arguments, name)) for name in ("problems", "completions", "tests")}
        with _daemon() as address:
            found = with_progress(
                lambda say: step(
                    **sizes,
                    address=address,
                    prime_code=arguments.prime_code,
                    command=_command("step", sizes, arguments.prime_code),
                    say=say,
                )
            )
        report.show_step(found, Console())
        write_numbers(arguments, found, report.step_markdown(found))
        if arguments.png:
            chart.draw_step(found, Path(arguments.png))
    except (AssayError, PeerFailed, OSError) as error:
        return _refused(error)
    return 0


@contextmanager
def _daemon() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="assay-bench-") as directory,
        own_daemon(Path(directory), None, Console(quiet=True)) as address,
    ):
        yield address


def _command(bench: str, sizes: dict[str, int], prime_code: str | None) -> str:
    """What measures the same again."""
    words = [word for name, value in sizes.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return shlex.join(["assay", "bench", bench, *words, *(["--prime-code", "PYTHON"] if prime_code else [])])


def _chosen(text: str) -> Sequence[str]:
    names = text.split(",")
    for name in names:
        if name not in SETS:
            raise BadInput("sets", name, f"expected some of {','.join(SETS)}")
    return names


def _refused(error: Any) -> int:
    if isinstance(error, AssayError):
        return bench_refused(error)
    print(f"assay bench: {error}")
    return OUR_FAULT
