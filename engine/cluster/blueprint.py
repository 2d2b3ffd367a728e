"""What every node of a cluster is made from; it goes to each of them by pickle."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from engine.config.engine import EngineConfig
from engine.config.server import ServerConfig
from engine.config.settings import Settings
from engine.server.routes import Served

Serving = Callable[[Settings], AbstractAsyncContextManager[Served]]
# Where these are left to the defaults, each node has its own: they depend on its user.
_OWN_PLACES: Final = ("state_dir", "image_store")
# Of a front's own table, what SandboxFusion's paths are answered by.
_OF_PATHS: Final = (
    "batch_bytes",
    "run_code_queue_seconds",
    "run_code_memory_bytes",
    "run_code_output_bytes",
    "run_jupyter_image",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blueprint:
    """The configuration of a cluster's nodes.

    settings   the tables [engine], [cluster] and [rewards], and of [server] what nodes answer by; the rest is each
               front's own
    serving    makes the scorers and routes, and closes what they hold: a function of a module that is on every node
    own        scorers of the user's, each "module:name"
    own_places names of `settings.engine` that are each node's own default
    """

    settings: Settings
    serving: Serving
    own: tuple[str, ...]
    own_places: tuple[str, ...]

    @staticmethod
    def of(settings: Settings, serving: Serving, own: Sequence[str] = ()) -> Blueprint:
        """The part of the settings that all nodes share."""
        defaults = EngineConfig()
        places = tuple(name for name in _OWN_PLACES if getattr(settings.engine, name) == getattr(defaults, name))
        server = dataclasses.replace(ServerConfig(), **{name: getattr(settings.server, name) for name in _OF_PATHS})
        shared = dataclasses.replace(settings, server=server)
        return Blueprint(settings=shared, serving=serving, own=tuple(own), own_places=places)

    def settings_here(self) -> Settings:
        """The settings, with this machine's own places."""
        places = {name: getattr(EngineConfig(), name) for name in self.own_places}
        return dataclasses.replace(self.settings, engine=dataclasses.replace(self.settings.engine, **places))

    @property
    def digest(self) -> str:
        """The same for two that make the same nodes."""
        engine = self.settings.engine
        names = (each.name for each in dataclasses.fields(engine) if each.name not in self.own_places)
        tables = (self.settings.server, self.settings.cluster, self.settings.rewards)
        shared = ({name: getattr(engine, name) for name in names}, *tables)
        serving = f"{self.serving.__module__}.{getattr(self.serving, '__qualname__', '')}"
        return hashlib.sha256(repr((shared, serving, self.own)).encode()).hexdigest()
