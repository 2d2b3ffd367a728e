"""Both runtimes behind one interface: a test whose fixtures lead to `runtime` runs on each."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from engine import Engine
from engine.config.engine import Fresh, Runtime

RUNTIMES: tuple[Runtime, ...] = ("native", "crun")
# A container is used once: nothing is renewed, whatever is asked.
RENEWALS: dict[Runtime, tuple[Fresh, ...]] = {"native": ("proved", "always"), "crun": ("proved",)}
# What is refused, read, counted or written here is so before a slot has it, or after.
no_slot_in_it = pytest.mark.native_only("no slot has a part in it")


class NewEngine(Protocol):
    def __call__(self, *, slots: int, **config: Any) -> Engine:
        """An engine of the runtime under test; `config` are further fields of EngineConfig."""
