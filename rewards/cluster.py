"""`Cluster` with the scorers of this package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.cluster import cluster
from engine.config.settings import Settings
from rewards.serving import serving


class Cluster(cluster.Cluster):
    """An engine on every node of a Ray cluster, from asyncio: `async with Cluster() as cluster: ...`.

    settings  what every node runs with: a TOML file's path, or as it is read; None: the defaults
    address   what `ray.init` takes, where this process is none of Ray's yet; None: the Ray that runs on this machine
    scorers   of the user's, each "module:name", installed on every node

    Entering makes the nodes that are not there yet, and returns when each has started or says why it cannot: see
    `stats`. They outlive the process, as others may use them: `stop` ends them. Entering raises CannotStart.
    """

    def __init__(
        self,
        settings: Settings | str | Path | None = None,
        *,
        address: str | None = None,
        scorers: Sequence[str] = (),
    ) -> None:
        super().__init__(settings, address=address, scorers=scorers, serving=serving)
