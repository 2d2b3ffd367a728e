"""The parts of the bench, a to e: what is compared, at which shapes, how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benches.trainer import head, packing, sync
from benches.trainer.learning import RATES, Shape, learn, specification, warmed_up
from benches.trainer.models import make_model
from benches.trainer.results import Comparison, Results
from benches.trainer.rounds import Clock, Plan, compare, ways_of
from engine.machine.resources import cores

OURS: Final = "Assay"
TRL: Final = "TRL"
TRL_VLLM: Final = "TRL + vLLM"
PEERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    OURS: ("ours", {}),
    TRL: ("trl", {"vllm": False}),
    TRL_VLLM: ("trl", {"vllm": True}),
}
# A tiny model on one thread: no engine beside the policy pays, and Adam's averages are worth more than forgetting them.
LEARNERS: Final = {
    **PEERS,
    OURS: ("ours", {"overrides": {"rollouts.engine": "torch", "update.reset_optimizer": False}}),
}
# What is done last has fewer rounds where the minutes are short; the longest part is.
PARTS: Final = ("b", "c", "d", "e", "a", "f")
SORT_TITLE: Final = "0.2M, sort with an instruction, one thread"
_NO_LEARNING_RATE: Final = 1e-6
_ABLATIONS: Final = (
    "as it is",
    "prompt for each response",
    "padded",
    "own engine, not vLLM",
    "reference by its own forward",
    "rewards after generation",
    "uniform groups kept",
    "all of them off",
)
_REWARD_SECONDS: Final = 0.02
_REWARDS_AT_ONCE: Final = 2


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much of it: shapes are size, prompt tokens, most response tokens."""

    seeds: int
    shapes: Sequence[tuple[str, int, int]]
    groups: int
    k: int
    rounds: int
    packing: Sequence[tuple[int, int]]
    short_rounds: int
    head_tokens: int
    sync_sizes: Sequence[str]
    rates: Sequence[float]
    learning: Shape


FULL: Final = Extent(
    seeds=3,
    shapes=(("3.5M", 128, 192), ("3.5M", 128, 512), ("3.5M", 512, 192), ("10M", 128, 192)),
    groups=4,
    k=8,
    rounds=2,
    packing=((64, 256), (128, 128), (512, 256)),
    short_rounds=5,
    head_tokens=4096,
    sync_sizes=("3.5M", "10M"),
    rates=RATES,
    learning=Shape(),
)
QUICK: Final = Extent(
    seeds=1,
    shapes=(("3.5M", 128, 64),),
    groups=2,
    k=4,
    rounds=1,
    packing=((64, 32),),
    short_rounds=2,
    head_tokens=512,
    sync_sizes=("3.5M",),
    rates=(3e-4,),
    learning=Shape(groups=8, iterations=4, evaluate_every=2, most_seconds=15.0),
)


def run_part(part: str, results: Results, extent: Extent, directory: Path, clock: Clock) -> Iterator[None]:
    """Measure one part into `results`; yields whenever there is something new."""
    match part:
        case "f":
            peers = _peers_that_learn(results, extent, directory, clock)
            yield
            learn(
                results,
                peers,
                seeds=range(extent.seeds),
                rates=extent.rates,
                shape=extent.learning,
                directory=directory,
                clock=clock,
            )
            yield
        case _:
            plans = {"a": _speeds, "b": _packing, "c": _head, "d": _sync, "e": _ablations}[part]
            for plan in plans(extent, directory):
                results.comparisons.append(compare(plan, directory, clock))
                yield


def better_of_trl(results: Sequence[Comparison]) -> str | None:
    """The mode of TRL that takes less time in the mean of these comparisons."""
    sums: dict[str, float] = {}
    for mode in (TRL, TRL_VLLM):
        ratios = [ratio for each in results if (ratio := each.ratio(mode)) is not None]
        if ratios:
            sums[mode] = sum(ratios) / len(ratios)
    return min(sums, key=lambda mode: sums[mode]) if sums else None


def _speeds(extent: Extent, directory: Path) -> Iterator[Plan]:
    for number, (size, prompt, most) in enumerate(extent.shapes):
        # All seeds at the first shape, the others in turn.
        for seed in range(extent.seeds) if number == 0 else [number % extent.seeds]:
            given = {
                **_model(directory, size, seed),
                **_iteration(extent),
                "prompt": prompt,
                "max_tokens": most,
            }
            yield Plan(
                part="a",
                title=f"{size}, prompt {prompt}, response to {most}, seed {seed}",
                baseline=OURS,
                ways={peer: (task, {**given, **to}) for peer, (task, to) in PEERS.items()},
                rounds=extent.rounds,
                threads=cores(),
            )


def _peers_that_learn(
    results: Results, extent: Extent, directory: Path, clock: Clock
) -> dict[str, tuple[str, dict[str, Any]]]:
    """Ours, and the mode of TRL that is the faster one at this task."""
    begin = warmed_up(directory, 0)
    given = {
        peer: (task, specification(begin, extent.learning, _NO_LEARNING_RATE, {**to, "evaluate_every": 1000}))
        for peer, (task, to) in LEARNERS.items()
    }
    title = SORT_TITLE
    plan = Plan(part="f", title=title, baseline=OURS, ways=given, rounds=3, threads=1)
    results.comparisons.append(compare(plan, directory, clock))
    mode = better_of_trl(results.comparisons[-1:])
    return {peer: LEARNERS[peer] for peer in (OURS, mode) if peer is not None}


def _packing(extent: Extent, directory: Path) -> Iterator[Plan]:
    for prompt, mean in extent.packing:
        given = {
            **_model(directory, "3.5M", 0),
            "prompt": prompt,
            "mean_response": mean,
            "groups": extent.groups,
            "k": extent.k,
        }
        yield Plan(
            part="b",
            title=f"prompt {prompt}, responses of {mean} in the mean",
            baseline=packing.PADDED,
            ways=ways_of("packing", packing.WAYS, given),
            rounds=extent.short_rounds,
            threads=cores(),
        )


def _head(extent: Extent, _directory: Path) -> Iterator[Plan]:
    tokens, vocabulary, width = extent.head_tokens, 32_768, 512
    given = {"tokens": tokens, "vocabulary": vocabulary, "width": width, "seed": 0}
    yield Plan(
        part="c",
        title=f"{tokens:,} x {vocabulary:,}, hidden {width}, fp32",
        baseline=head.FULL,
        ways=ways_of("head", head.WAYS, given),
        rounds=extent.short_rounds,
        threads=cores(),
    )


def _sync(extent: Extent, directory: Path) -> Iterator[Plan]:
    for size in extent.sync_sizes:
        yield Plan(
            part="d",
            title=f"{size}, fp32, vLLM in this process",
            baseline=sync.OURS,
            ways=ways_of("sync", sync.WAYS, _model(directory, size, 0, tied=False)),
            rounds=extent.short_rounds,
            threads=cores(),
        )


def _ablations(extent: Extent, directory: Path) -> Iterator[Plan]:
    size, prompt, most = extent.shapes[0]
    given = {
        **_model(directory, size, 0),
        **_iteration(extent),
        "prompt": prompt,
        "max_tokens": most,
        "reward_seconds": _REWARD_SECONDS,
        "in_flight": _REWARDS_AT_ONCE,
        "uniform_every": extent.groups,
    }
    yield Plan(
        part="e",
        title=f"{size}, prompt {prompt}, response to {most}",
        baseline="as it is",
        ways=ways_of("ours", _ABLATIONS, given),
        rounds=extent.rounds,
        threads=cores(),
    )


def _iteration(extent: Extent) -> dict[str, Any]:
    return {"groups": extent.groups, "k": extent.k, "steps": 4, "learning_rate": _NO_LEARNING_RATE}


def _model(directory: Path, size: str, seed: int, *, tied: bool = True) -> dict[str, Any]:
    place = directory / f"{size}-{seed}{'' if tied else '-untied'}"
    if not place.exists():
        make_model(place, size, seed, tied=tied)
    return {"model": str(place), "seed": seed}
