"""The whole configuration file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config.cluster import ClusterConfig
from engine.config.engine import EngineConfig
from engine.config.server import ServerConfig
from engine.config.toml import load
from engine.errors import BadInput


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration file: one table for each part.

    `rewards` is as it stands in the file: what it means is known where rewards are.
    """

    engine: EngineConfig = dataclasses.field(default_factory=EngineConfig)
    server: ServerConfig = dataclasses.field(default_factory=ServerConfig)
    cluster: ClusterConfig = dataclasses.field(default_factory=ClusterConfig)
    rewards: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def load_settings(path: str | Path | None) -> Settings:
    """What a TOML file says, or the defaults; raises BadInput naming the key."""
    if path is None:
        return Settings()
    try:
        return load(Path(path), Settings)
    except OSError as error:
        raise BadInput("config", str(path), error.strerror or "cannot be read") from None
