"""`make train-demo`: a tiny model is warmed up, then learns by rewards, on two tasks and several seeds.

One task is graded as mathematics, the answers of the other run in the sandbox of the demo's own daemon. Ends with 1 if
a task's gain on held-out prompts is not above zero.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.errors import SandboxError
from rewards.adapters.samples import TOKEN
from rewards.cli.daemon import own_daemon
from trainer.config import TrainerConfig
from trainer.report import read_lines
from trainer.tasks.tasks import write_task
from trainer.tasks.tiny import make_tiny_model

_TRAIN: Final = 4000
_HELD_OUT: Final = 200
_WARM_UP: Final = 150
_ITERATIONS: Final = {"sort": 40, "program": 30}
_LEARNING_RATE: Final = {"sort": 1e-4, "program": 2e-4}
_PAUSE_SECONDS: Final = 0.2
_RESAMPLES: Final = 2000

_CONFIG: Final[dict[str, Any]] = {
    "prompts.evaluate_every": 10,
    "rollouts.groups_per_iteration": 32,
    "rollouts.rollouts_per_group": 8,
    "rollouts.max_tokens": 24,
    "update.tau": 0.5,
    "update.steps": 4,
}


@dataclass(slots=True)
class _Run:
    """One task with one seed, in processes of its own: they take a core each."""

    task: str
    seed: int
    directory: Path
    bar: TaskID
    iterations: int
    lines: list[dict[str, Any]] = field(default_factory=list)


def demo(directory: Path, *, seeds: int, overrides: Mapping[str, Any]) -> int:
    """Run the demonstration, dotted keys of `overrides` in place of its configuration's; the exit code."""
    console = Console(highlight=False)
    # A wrong key is said before anything is started.
    TrainerConfig.load(None, {**_CONFIG, **overrides})
    # What was started here ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    directory.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-train-demo-")))
        address = stack.enter_context(own_daemon(place, None, console))
        columns = TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        progress = stack.enter_context(Progress(*columns, console=console))
        runs = _train(directory, address, seeds, overrides, progress)
    learnt = _table(runs, console)
    _picture(runs, directory / "train-demo.png")
    console.print(f"{time.monotonic() - began:.0f} s; picture and metrics in {directory}", soft_wrap=True)
    return 0 if learnt else 1


def _train(directory: Path, address: str, seeds: int, overrides: Mapping[str, Any], progress: Progress) -> list[_Run]:
    runs = [
        _Run(
            task,
            seed,
            directory / f"{task}-{seed}",
            progress.add_task(f"{task}, seed {seed}", total=None),
            overrides.get("run.iterations", _ITERATIONS[task]),
        )
        # The longest first, so that no core waits for the last.
        for task in ("program", "sort")
        for seed in range(seeds)
    ]
    waiting, going = list(runs), list[tuple[_Run, subprocess.Popen[bytes]]]()
    try:
        while waiting or going:
            while waiting and len(going) < (os.cpu_count() or 1):
                run = waiting.pop(0)
                going.append((run, _start(run, address, overrides)))
            time.sleep(_PAUSE_SECONDS)
            going = [(run, process) for run, process in going if not _over(run, process, progress)]
    finally:
        for _, process in going:
            process.terminate()
            process.wait()
    return runs


def _over(run: _Run, process: subprocess.Popen[bytes], progress: Progress) -> bool:
    """Whether the run has ended; raises SandboxError with what it said where it ended badly."""
    code = process.poll()
    run.lines = read_lines(run.directory / "metrics.jsonl")
    progress.update(run.bar, total=run.iterations, completed=max(0, len(run.lines) - 1))
    if code:
        said = (run.directory / "log").read_text(errors="replace").strip().splitlines()
        raise SandboxError(f"{run.task}, seed {run.seed} ended with {code}: {said[-1] if said else 'it said nothing'}")
    return code is not None


def _start(run: _Run, address: str, overrides: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Warm-up and run, one after the other, on one thread."""
    directory = run.directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "metrics.jsonl").unlink(missing_ok=True)
    make_tiny_model(directory / "random", seed=run.seed)
    write_task(run.task, directory / "task", train=_TRAIN, evaluation=_HELD_OUT, warm_up=_TRAIN, seed=run.seed)
    config = TrainerConfig.load(None, {**_config(run, address), **overrides})
    (directory / "run.toml").write_bytes(msgspec.toml.encode(config.to_table()))
    trainer = [sys.executable, "-m", "trainer"]
    warm_up = [*trainer, "sft", str(directory / "random"), str(directory / "task" / "sft.jsonl")]
    warm_up += [str(directory / "model"), "--steps", str(_WARM_UP), "--learning-rate", "1e-3", "--seed", str(run.seed)]
    train = [*trainer, "run", str(directory / "run.toml")]
    script = f'trap "kill %1" TERM; {shlex.join(warm_up)} & wait $! && exec {shlex.join(train)}'
    # The demo's own daemon has no token.
    environment = os.environ | {"OMP_NUM_THREADS": "1", TOKEN: ""}
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(["bash", "-c", script], stdout=log, stderr=log, env=environment)


def _config(run: _Run, address: str) -> dict[str, Any]:
    return _CONFIG | {
        "run.directory": str(run.directory),
        "run.seed": run.seed,
        "run.iterations": run.iterations,
        "model.path": str(run.directory / "model"),
        "prompts.path": str(run.directory / "task" / "prompts.jsonl"),
        "prompts.held_out": str(run.directory / "task" / "held-out.jsonl"),
        "update.learning_rate": _LEARNING_RATE[run.task],
        "rewards.address": address,
    }


def _evaluations(run: _Run) -> list[tuple[int, dict[str, Any]]]:
    return [(line["number"], line["held_out"]) for line in run.lines if line.get("held_out")]


def _gain(runs: Sequence[_Run]) -> tuple[float, float, float]:
    """Mean gain at temperature 1 with its 95 % interval, by bootstrap over seeds and prompts."""
    gains = []
    for run in runs:
        (_, first), *_, (_, last) = _evaluations(run)
        both = first["by_prompt"].keys() & last["by_prompt"].keys()
        gains.append(np.array([last["by_prompt"][key][0] - first["by_prompt"][key][0] for key in sorted(both)]))
    random = np.random.default_rng(0)

    def resampled() -> float:
        seeds = random.integers(len(gains), size=len(gains))
        return float(np.mean([random.choice(gains[seed], len(gains[seed])).mean() for seed in seeds]))

    low, high = np.quantile([resampled() for _ in range(_RESAMPLES)], (0.025, 0.975))
    return float(np.mean([gain.mean() for gain in gains])), float(low), float(high)


def _table(runs: Sequence[_Run], console: Console) -> bool:
    table = Table()
    for heading in ("task", "sampled", "greedy", "gain, 95 %", "s/iter", "rewards"):
        table.add_column(heading, justify="left" if heading == "task" else "right", no_wrap=True)
    learnt = True
    for task in _ITERATIONS:
        mine = [run for run in runs if run.task == task]
        first, last = ([_evaluations(run)[end][1] for run in mine] for end in (0, -1))
        gain, low, high = _gain(mine)
        learnt = learnt and low > 0
        iterations = [line for run in mine for line in run.lines if "seconds" in line]
        phases = ("rollouts", "update", "sync")
        seconds = np.mean([sum(line["seconds"][phase] for phase in phases) for line in iterations])
        waited = np.mean([line["rolled"]["scoring_seconds"] for line in iterations])
        ends = {way: [np.mean([each[way] for each in end]) for end in (first, last)] for way in ("sampled", "greedy")}
        table.add_row(
            task,
            *(f"{before:.2f} → {after:.2f}" for before, after in ends.values()),
            f"{gain:+.2f} ({low:.2f}, {high:.2f})",
            f"{seconds:.1f}",
            f"{waited / seconds:.0%}",
        )
    console.print(table)
    return learnt


def _picture(runs: Sequence[_Run], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(_ITERATIONS), figsize=(10, 4), sharey=True)
    for axis, task in zip(axes, _ITERATIONS, strict=True):
        for run in (run for run in runs if run.task == task):
            for way, line in (("sampled", "o-"), ("greedy", "o:")):
                points = [(number, each[way]) for number, each in _evaluations(run)]
                label = f"seed {run.seed}, {way}"
                axis.plot(*zip(*points, strict=True), line, color=f"C{run.seed}", markersize=3, label=label)
        axis.set(title=task, xlabel="iteration", ylim=(0, 1))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("reward on held-out prompts")
    axes[-1].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
