"""An iteration's end on disk: weights, buffer and counters, complete or not there."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from engine.errors import BadInput
from rewards.reward import from_wire
from trainer.config import TrainerConfig, flat
from trainer.types import End, Group, Prompt, Rollout, Segment

_LOG: Final = logging.getLogger(__name__)
_STATE: Final = "state.msgpack"
_MANIFEST: Final = "manifest.json"
_KEPT: Final = 2
# What a run may go on with though it is another value than it began with: how long, where and in how much memory it
# computes, and when it gives up, but never what.
_MAY_CHANGE: Final = (
    "run.iterations",
    "run.directory",
    "run.checkpoint_every",
    "run.tensorboard",
    "model.gradient_checkpointing",
    "prompts.evaluate_every",
    "rewards.address",
    "rewards.max_not_judged",
    "rewards.patience_seconds",
    "rewards.in_flight",
    "rollouts.engine",
    "rollouts.url",
    "rollouts.kv_cache_bytes",
    "update.tokens_per_micro_batch",
    "update.head_chunk",
    "weights.transfer",
    "weights.deadline_seconds",
)

MODEL: Final = "model"


class _SavedSegment(msgspec.Struct, array_like=True):
    policy_version: int
    start: int
    end: int
    logprobs: bytes


class _SavedRollout(msgspec.Struct, array_like=True):
    id: str
    index: int
    tokens: bytes
    segments: list[_SavedSegment]
    end: End | None
    reward: dict[str, Any] | None


class SavedGroup(msgspec.Struct, array_like=True):
    """A group on disk, its prompt by id."""

    prompt_id: str
    opened_at: int
    rollouts: list[_SavedRollout]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration's end is made of beside the weights; without more than a configuration, a run's beginning.

    config          as resolved
    number          iterations that are done
    policy_version  of the weights
    drawn           prompts that the sampler has given out
    left            ids of those that are still to come in its epoch
    success         rate of right answers by prompt id
    opened          groups that were ever opened
    groups          those in the buffer
    metrics_bytes   length of metrics.jsonl
    """

    config: dict[str, Any]
    number: int = 0
    policy_version: int = 0
    drawn: int = 0
    left: list[str] = []
    success: dict[str, float] = {}
    opened: int = 0
    groups: list[SavedGroup] = []
    metrics_bytes: int = 0


def saved(group: Group) -> SavedGroup:
    """A group as `State` has it."""
    return SavedGroup(group.prompt.id, group.opened_at, [_saved(rollout) for rollout in group.rollouts])


def restored(group: SavedGroup, prompts: Mapping[str, Prompt]) -> Group:
    """The group; raises BadInput where its prompt is not there any more."""
    prompt = prompts.get(group.prompt_id)
    if prompt is None:
        raise BadInput("prompts", group.prompt_id, "the run that is resumed has a group of this prompt under way")
    rollouts = tuple(
        Rollout(
            id=rollout.id,
            prompt_id=prompt.id,
            index=rollout.index,
            tokens=np.frombuffer(rollout.tokens, np.int32),
            segments=tuple(
                Segment(
                    policy_version=segment.policy_version,
                    start=segment.start,
                    end=segment.end,
                    logprobs=np.frombuffer(segment.logprobs, np.float32),
                )
                for segment in rollout.segments
            ),
            end=rollout.end,
            reward=None if rollout.reward is None else from_wire(rollout.reward),
        )
        for rollout in group.rollouts
    )
    return Group(prompt=prompt, rollouts=rollouts, opened_at=group.opened_at)


def write(directory: Path, state: State, write_weights: Callable[[Path], None]) -> Path:
    """A checkpoint of that state, whole or, after a death at any moment, not there; the one before stays.

    write_weights  puts the weights, below `MODEL`, and what belongs to them into the directory that it is given
    """
    place = directory / f"{state.number:08d}"
    unfinished = directory / f"{place.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write_weights(unfinished)
    (unfinished / _STATE).write_bytes(msgspec.msgpack.encode(state))
    manifest = {str(path.relative_to(unfinished)): _digest(path) for path in _files(unfinished)}
    (unfinished / _MANIFEST).write_text(json.dumps(manifest))
    for path in (*_files(unfinished), unfinished / MODEL, unfinished):
        _sync(path)
    if place.exists():
        shutil.rmtree(place)
    unfinished.rename(place)
    _sync(directory)
    for old in _places(directory)[_KEPT:]:
        shutil.rmtree(old)
    return place


def newest(directory: Path) -> tuple[Path, State] | None:
    """The newest checkpoint that is whole; a damaged one is passed over with a warning.

    None where there is none at all; raises BadInput where all are damaged, for a beginning would write over the run.
    """
    places = _places(directory)
    for place in places:
        try:
            manifest = json.loads((place / _MANIFEST).read_text())
            damaged = [name for name, digest in manifest.items() if _digest(place / name) != digest]
            if not damaged:
                return place, msgspec.msgpack.decode((place / _STATE).read_bytes(), type=State)
        except (OSError, ValueError, AttributeError) as error:
            damaged = [str(error)]
        _LOG.warning("checkpoint %s is damaged (%s): it is passed over", place, ", ".join(damaged))
    if places:
        run = str(directory.parent)
        raise BadInput(
            "run.directory", run, "none of its checkpoints is whole: bring one back, or name another directory"
        )
    return None


def check_config(state: State, config: TrainerConfig) -> None:
    """Raises BadInput for a key that is not what the run began with and that decides what is computed.

    A key that the run did not know had what is the default now; one that is no more is left out, with a warning.
    """
    saved, now = dict(flat(state.config)), dict(flat(config.to_table()))
    if gone := sorted(saved.keys() - now.keys()):
        _LOG.warning("the run that is resumed has keys that are no more, which are left out: %s", ", ".join(gone))
    before = dict(flat(TrainerConfig().to_table())) | saved
    for key, value in now.items():
        if key not in _MAY_CHANGE and before[key] != value:
            raise BadInput(key, value, f"the run that is resumed began with {before[key]!r}")


def _places(directory: Path) -> list[Path]:
    """Finished checkpoints, the newest first."""
    return sorted((path for path in directory.glob("*") if path.name.isdigit()), reverse=True)


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _saved(rollout: Rollout) -> _SavedRollout:
    segments = [
        _SavedSegment(segment.policy_version, segment.start, segment.end, segment.logprobs.tobytes())
        for segment in rollout.segments
    ]
    reward = None if rollout.reward is None else rollout.reward.to_wire()
    return _SavedRollout(rollout.id, rollout.index, rollout.tokens.tobytes(), segments, rollout.end, reward)
