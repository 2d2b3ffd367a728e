"""Runs untrusted programs and tells what they did.

`Engine` needs Linux and the native module, `RepeatDetector` the native module; everything else here imports anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import AssayError, BadInput, CannotStart, Overloaded, SandboxError
from engine.harness.kinds import (
    AssertsTest,
    CallTest,
    Dialogue,
    DialogueTest,
    Notebook,
    NotebookCell,
    NotebookRun,
    StdinTest,
    Test,
    TestRun,
)
from engine.program import Limits, Outcome, Program, Verdict
from engine.repeat import Repeat, RepeatDetector, RepeatRules, repeats_in_text

if TYPE_CHECKING:
    from engine.client.client import Client, SyncClient
    from engine.config.engine import EngineConfig
    from engine.engine import Engine

__all__ = [
    "AssayError",
    "AssertsTest",
    "BadInput",
    "CallTest",
    "CannotStart",
    "Client",
    "Dialogue",
    "DialogueTest",
    "Engine",
    "EngineConfig",
    "Limits",
    "Notebook",
    "NotebookCell",
    "NotebookRun",
    "Outcome",
    "Overloaded",
    "Program",
    "Repeat",
    "RepeatDetector",
    "RepeatRules",
    "SandboxError",
    "StdinTest",
    "SyncClient",
    "Test",
    "TestRun",
    "Verdict",
    "repeats_in_text",
]


# Imported at first use: a client must not pay for the engine, nor the engine for a client.
def __getattr__(name: str) -> Any:
    if name == "Engine":
        from engine.engine import Engine

        return Engine
    if name == "EngineConfig":
        from engine.config.engine import EngineConfig

        return EngineConfig
    if name in ("Client", "SyncClient"):
        from engine.client import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
