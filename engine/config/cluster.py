"""The table `[cluster]` of the configuration file."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """Which nodes of Ray take part.

    resource  Only nodes that have this resource of Ray's (`ray start --resources '{"NAME": 1}'`); None: all.
    """

    resource: str | None = None
