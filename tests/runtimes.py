"""Both runtimes behind one interface: a test whose fixtures lead to `runtime` runs on each."""

from __future__ import annotations

from typing import Any, Protocol

from engine import Engine
from engine.config import Fresh, Runtime

RUNTIMES: tuple[Runtime, ...] = ("native", "crun")
# A container is used once: nothing is renewed, whatever is asked.
RENEWALS: dict[Runtime, tuple[Fresh, ...]] = {"native": ("proved", "always"), "crun": ("proved",)}


class NewEngine(Protocol):
    def __call__(self, *, slots: int, **config: Any) -> Engine:
        """An engine of the runtime under test; `config` are further fields of EngineConfig."""
