"""Held-out reward over seconds, ours and TRL's, each with the learning rate that its own sweep chose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from benches.trainer.results import Curve, Point, Results
from benches.trainer.rounds import READY_SECONDS, TURN_SECONDS, Clock
from benches.trainer.worker import Worker, WorkerFailed
from engine.machine.resources import cores
from trainer.tasks.tasks import write_task
from trainer.tasks.tiny import make_tiny_model

RATES: Final = (1e-4, 3e-4, 1e-3)
_TASK: Final = "sort"
_PROBLEMS: Final = 4000
_HELD_OUT: Final = 200
_WARM_UP_STEPS: Final = 250
# In front of every problem, as prompts of real data sets have one; a token is a character here.
_INSTRUCTION: Final = (
    "Sort the five digits after this sentence from the smallest to the largest, write them and nothing else: "
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How long a run is; seconds are those of training."""

    groups: int = 32
    k: int = 8
    max_tokens: int = 24
    steps: int = 4
    tau: float = 1.0
    iterations: int = 40
    evaluate_every: int = 4
    most_seconds: float = 120.0


def warmed_up(directory: Path, seed: int) -> dict[str, Any]:
    """What a run begins with: model and task; the model knows the task half."""
    place = directory / f"{_TASK}-{seed}"
    model = place / "model"
    if not model.exists():
        make_tiny_model(place / "random", seed=seed)
        write_task(_TASK, place / "task", train=_PROBLEMS, evaluation=_HELD_OUT, warm_up=_PROBLEMS, seed=seed)
        for lines in (place / "task").iterdir():
            _instruct(lines)
        command = [sys.executable, "-m", "trainer", "sft", str(place / "random"), str(place / "task" / "sft.jsonl")]
        command += [str(model), "--steps", str(_WARM_UP_STEPS), "--learning-rate", "1e-3", "--seed", str(seed)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return {"model": str(model), "task": str(place / "task"), "seed": seed}


def _instruct(lines: Path) -> None:
    told = [json.loads(line) for line in lines.read_bytes().splitlines()]
    lines.write_text("".join(json.dumps({**line, "prompt": _INSTRUCTION + line["prompt"]}) + "\n" for line in told))


def specification(begin: dict[str, Any], shape: Shape, rate: float, peer: dict[str, Any]) -> dict[str, Any]:
    """Of one run."""
    return {
        **begin,
        **peer,
        "groups": shape.groups,
        "k": shape.k,
        "max_tokens": shape.max_tokens,
        "steps": shape.steps,
        "tau": shape.tau,
        "learning_rate": rate,
        "evaluate_every": shape.evaluate_every,
    }


def learn(
    results: Results,
    peers: dict[str, tuple[str, dict[str, Any]]],
    *,
    seeds: Sequence[int],
    rates: Sequence[float],
    shape: Shape,
    directory: Path,
    clock: Clock,
) -> None:
    """The sweep on the first seed, then the other seeds with the best rate of each peer; all into `results`."""
    clock.say("f: warm-up of the models that learn")
    with ThreadPoolExecutor(cores()) as pool:
        begins = dict(zip(seeds, pool.map(lambda seed: warmed_up(directory, seed), seeds), strict=True))
    begin, others = begins[seeds[0]], seeds[1:]
    _run_all(
        results,
        [
            (
                Curve(peer=peer, learning_rate=rate, seed=seeds[0], swept=True),
                task,
                specification(begin, shape, rate, to),
            )
            for rate in rates
            for peer, (task, to) in peers.items()
        ],
        shape,
        directory,
        clock,
    )
    for peer in peers:
        mine = [curve for curve in results.curves if curve.peer == peer and curve.points]
        if mine:
            best = max(mine, key=mean_reward)
            best.swept = False
            results.rates[peer] = best.learning_rate
    _run_all(
        results,
        [
            (
                Curve(peer=peer, learning_rate=results.rates[peer], seed=seed, swept=False),
                task,
                specification(begins[seed], shape, results.rates[peer], to),
            )
            for seed in others
            for peer, (task, to) in peers.items()
            if peer in results.rates
        ],
        shape,
        directory,
        clock,
    )


def mean_reward(curve: Curve) -> float:
    """Over the evaluations after the start: what the sweep goes by."""
    after = [point.reward for point in curve.points[1:]]
    return sum(after) / max(len(after), 1)


def _run_all(
    results: Results, runs: Sequence[tuple[Curve, str, dict[str, Any]]], shape: Shape, directory: Path, clock: Clock
) -> None:
    """Each has a core of its own, so that those beside it do not count."""
    free: SimpleQueue[int] = SimpleQueue()
    mine = sorted(os.sched_getaffinity(0))
    for core in mine:
        free.put(core)

    def one(run: tuple[Curve, str, dict[str, Any]]) -> None:
        curve, task, given = run
        core = free.get()
        name = f"{curve.peer}, learning rate {curve.learning_rate:g}, seed {curve.seed}"
        log = directory / f"learn-{task}-{curve.learning_rate:g}-{curve.seed}.log"
        try:
            with Worker(task, given, log, threads=1, core=core) as worker:
                _follow(curve, worker, shape, clock)
            clock.say(f"f: {name}: {curve.points[0].reward:.2f} → {curve.points[-1].reward:.2f}")
        except WorkerFailed as failed:
            results.failures.append(f"f: {name}: {failed}")
        finally:
            free.put(core)

    results.curves += [curve for curve, _, _ in runs]
    with ThreadPoolExecutor(len(mine)) as pool:
        list(pool.map(one, runs))
    results.curves = [curve for curve in results.curves if curve.points]


def _follow(curve: Curve, worker: Worker, shape: Shape, clock: Clock) -> None:
    first = worker.answer(READY_SECONDS)
    curve.points.append(Point(iteration=0, seconds=0.0, cpu_seconds=0.0, reward=first["held_out"]))
    seconds = cpu_seconds = 0.0
    for iteration in range(1, shape.iterations + 1):
        worker.go()
        answer = worker.answer(TURN_SECONDS)
        seconds += answer["seconds"]
        cpu_seconds += answer["cpu_seconds"]
        if "held_out" in answer:
            curve.points.append(
                Point(iteration=iteration, seconds=seconds, cpu_seconds=cpu_seconds, reward=answer["held_out"])
            )
            if seconds > shape.most_seconds or not clock.has(0):
                break
