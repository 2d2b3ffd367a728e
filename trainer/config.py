"""The configuration of a run: a TOML file into frozen dataclasses, checked before anything is loaded."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from engine.config.toml import from_table, table_of
from engine.errors import BadInput
from engine.repeat import RepeatRules
from engine.wire.address import shown_address
from trainer import tables


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """The whole configuration: one table for each part."""

    run: tables.RunConfig = field(default_factory=tables.RunConfig)
    model: tables.ModelConfig = field(default_factory=tables.ModelConfig)
    prompts: tables.PromptsConfig = field(default_factory=tables.PromptsConfig)
    rollouts: tables.RolloutsConfig = field(default_factory=tables.RolloutsConfig)
    repeats: RepeatRules = field(default_factory=RepeatRules)
    rewards: tables.RewardsConfig = field(default_factory=tables.RewardsConfig)
    sampling: tables.SamplingConfig = field(default_factory=tables.SamplingConfig)
    length: tables.LengthConfig = field(default_factory=tables.LengthConfig)
    update: tables.UpdateConfig = field(default_factory=tables.UpdateConfig)
    weights: tables.WeightsConfig = field(default_factory=tables.WeightsConfig)

    def __post_init__(self) -> None:
        longest, budget = self.rollouts.max_tokens, self.update.tokens_per_micro_batch
        if longest > budget:
            raise BadInput(
                "update.tokens_per_micro_batch",
                budget,
                f"a response of rollouts.max_tokens = {longest} does not fit: raise the one or lower the other",
            )

    @classmethod
    def load(cls, path: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> TrainerConfig:
        """A TOML file's configuration (None: the defaults), dotted keys of `overrides` in place of what it says.

        Raises BadInput that names the key.
        """
        try:
            table = {} if path is None else table_of(Path(path))
        except OSError as error:
            raise BadInput("config", str(path), error.strerror or "cannot be read") from None
        for key, value in (overrides or {}).items():
            _set(table, key, value)
        return from_table(table, cls)

    def weights_in(self, iteration: int) -> tables.RewardWeights:
        """What each part of the reward counts in that iteration."""
        weights, start = self.rewards.weights, self.length.start_iteration
        return replace(weights, length=weights.length + self.length.weight) if 0 < start <= iteration else weights

    def to_table(self) -> dict[str, Any]:
        """As `load` takes it, every key with its value."""
        table: dict[str, Any] = msgspec.to_builtins(self)
        return table

    def to_keep(self) -> dict[str, Any]:
        """The same for a run's directory: without a token in the daemon's address."""
        return replace(self, rewards=replace(self.rewards, address=shown_address(self.rewards.address))).to_table()


def flat(table: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted keys of a table with their values, as overrides take them."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def override(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` of a command line, the value as TOML or else as text; raises BadInput."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise BadInput("set", text, "expected KEY=VALUE, like update.learning_rate=1e-6")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def _set(table: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for name in parents:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise BadInput(key, value, f"{name!r} is no table")
    table[last] = copy.deepcopy(value)
