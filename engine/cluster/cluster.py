"""`Cluster`: the client that also starts what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from engine.client.client import Client
from engine.client.ray import connect
from engine.client.ray_transport import SCHEME
from engine.cluster.blueprint import Blueprint, Serving
from engine.cluster.start import start, stop
from engine.config.settings import Settings, load_settings


class Cluster(Client):
    """An engine on every node of a Ray cluster, from asyncio: `async with Cluster() as cluster: ...`.

    settings  what every node runs with: a TOML file's path, or as it is read; None: the defaults
    address   what `ray.init` takes, where this process is none of Ray's yet; None: the Ray that runs on this machine
    scorers   of the user's, each "module:name", installed on every node
    serving   makes the other scorers: where rewards are, `assay.Cluster` has them

    Entering makes the nodes that are not there yet, and returns when each has started or says why it cannot: see
    `stats`. They outlive the process, as others may use them: `stop` ends them. Entering raises CannotStart.
    """

    def __init__(
        self,
        settings: Settings | str | Path | None = None,
        *,
        address: str | None = None,
        scorers: Sequence[str] = (),
        serving: Serving,
    ) -> None:
        settings = settings if isinstance(settings, Settings) else load_settings(settings)
        self._blueprint = Blueprint.of(settings, serving, scorers)
        connect(address)
        super().__init__(SCHEME)

    async def __aenter__(self) -> Self:
        """The cluster, started."""
        nodes = await start(self._blueprint)
        await nodes.close()
        return self

    async def stop(self) -> None:
        """End every node's engine, for everybody; what runs there is killed."""
        await stop()
