"""`python -m trainer run run.toml`, and what prepares a run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from engine.errors import AssayError, BadInput
from trainer.config import TrainerConfig, override
from trainer.progress import Progress

_FAILED: Final = 1
_BAD_INPUT: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 where the run stopped, 2 for a wrong configuration or file, 130 after Ctrl-C."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.handler(parsed))
    except BadInput as error:
        print(f"trainer: {error}", file=sys.stderr)
        return _BAD_INPUT
    except (AssayError, ImportError) as error:
        print(f"trainer: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="train as a configuration says")
    probe = commands.add_parser("probe", help="try model, engine, weight sync and the longest batch, without rewards")
    for command in (run, probe):
        command.add_argument("config", nargs="?", help="a TOML file")
        command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="in place of the file's")
    probe.set_defaults(handler=_probe)
    run.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in the run's directory")
    run.set_defaults(handler=_run)
    report = commands.add_parser("report", help="a run's metrics as report.png and report.html")
    report.add_argument("directory", help="the run's")
    report.set_defaults(handler=_report)
    show = commands.add_parser("demo", help="a tiny model learns two tasks from nothing but rewards")
    show.add_argument("directory", nargs="?", type=Path, default=Path("runs/train-demo"), help="where the runs go")
    show.add_argument("--seeds", type=int, default=3)
    show.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="in every run's configuration")
    show.set_defaults(handler=_demo)
    sft = commands.add_parser("sft", help="warm a model up on given solutions")
    sft.add_argument("model", help="a directory in Hugging Face's format")
    sft.add_argument("data", help='JSON lines {"prompt", "completion"}')
    sft.add_argument("out", help="where the result goes")
    sft.add_argument("--steps", type=int, default=200)
    sft.add_argument("--batch", type=int, default=64, help="examples of one step")
    sft.add_argument("--learning-rate", type=float, default=1e-5)
    sft.add_argument("--seed", type=int, default=0)
    sft.set_defaults(handler=_sft)
    return parser


def _quieten() -> None:
    """A bar for each model that is read or written is more than a terminal wants to hear."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _run(arguments: argparse.Namespace) -> int:
    config = TrainerConfig.load(arguments.config, dict(map(override, arguments.set)))
    from trainer import Trainer
    from trainer.metrics import line_of

    _quieten()
    with _progress() as progress, Trainer(config, resume=arguments.resume, say=progress.say) as trainer:
        stop = _StopAfterIteration()
        for iteration in trainer:
            progress.print(line_of(iteration))
            if stop.asked:
                progress.print(f"stopped after iteration {iteration.number}: {trainer.checkpoint()}")
                return 0
        trainer.save(trainer.directory / "policy")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    config = TrainerConfig.load(arguments.config, dict(map(override, arguments.set)))
    from trainer.probe import probe

    _quieten()
    with _progress() as progress:
        probe(config, progress.print, progress.say)
    return 0


def _progress() -> Progress:
    # Every rank does the same; one is enough to tell of it.
    return Progress(Console(quiet=os.environ.get("RANK", "0") != "0"))


class _StopAfterIteration:
    """SIGTERM ends the run after its iteration; a second one ends the process at once."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _report(arguments: argparse.Namespace) -> int:
    from trainer.report import write_report

    for path in write_report(arguments.directory):
        print(path)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from trainer.demo import demo

    _quieten()
    return demo(arguments.directory, seeds=arguments.seeds, overrides=dict(map(override, arguments.set)))


def _sft(arguments: argparse.Namespace) -> int:
    from trainer.sft import warm_up

    _quieten()

    def progress(step: int, loss: float) -> None:
        if step % 20 == 0 or step == arguments.steps:
            print(f"step {step} of {arguments.steps}: {loss:.3f} nats per token", flush=True)

    warm_up(
        arguments.model,
        arguments.data,
        arguments.out,
        steps=arguments.steps,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        progress=progress,
    )
    return 0


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # An engine in this process leaves threads of its own that would never end.
    os._exit(exit_code)
