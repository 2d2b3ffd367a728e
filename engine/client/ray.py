"""What the callers of a cluster need of Ray; the one place where its absence is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from typing import Any, Final

from engine.errors import AssayError, CannotStart
from engine.wire.cluster import NAMESPACE, ROSTER, node_name

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
except ImportError:
    raise CannotStart("a cluster needs Ray: pip install 'assay[ray]'") from None


# Ray itself asks an address where nothing listens for many minutes.
_REACH_SECONDS: Final = 10.0


class NotRunning(CannotStart):
    """There is a Ray, and no Assay in it."""


def connect(address: str | None) -> None:
    """Make this process one of Ray's, unless it is already; raises CannotStart.

    address  what `ray.init` takes; None: RAY_ADDRESS, or the Ray that runs on this machine
    """
    if ray.is_initialized():
        return
    named = address or os.environ.get("RAY_ADDRESS", "")
    host, _, port = named.rpartition(":")
    try:
        if port.isdecimal() and "/" not in host:
            socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
        ray.init(address=address or "auto", namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, OverflowError, ValueError, RuntimeError) as error:
        where = f" at {named}" if named else " here"
        raise CannotStart(f"no Ray{where}: start it with `ray start --head` ({_first_line(error)})") from None


async def roster_actor() -> Any:
    """Ray's handle of the roster; raises NotRunning, and CannotStart where Ray does not answer."""
    try:
        return await _named(ROSTER)
    except ValueError:
        message = "no Assay in this Ray: start it with `assay serve --ray`, or by `async with Cluster()`"
        raise NotRunning(message) from None
    except RayError as error:
        raise CannotStart(f"Ray does not answer: {in_short(error)}") from None


async def node_actor(node: str) -> Any | None:
    """Ray's handle of a node's actor, None where there is none any more, or Ray does not answer."""
    try:
        return await _named(node_name(node))
    except (ValueError, RayError):
        return None


async def _named(name: str) -> Any:
    # Where its head is away Ray waits for it for a minute.
    return await asyncio.to_thread(ray.get_actor, name, namespace=NAMESPACE)


def own_name() -> str:
    """What this process is called in the nodes' queues."""
    name: str = ray.get_runtime_context().get_worker_id()
    return name


def cancel(call: Any) -> None:
    """Cancel a call of an actor."""
    with contextlib.suppress(ValueError):
        ray.cancel(call)


def in_short(error: Exception) -> str:
    """What an error of Ray's says, as one line."""
    if isinstance(error, RayTaskError):
        if isinstance(error.cause, AssayError):
            return str(error.cause)
        # Before it stands where that was.
        return str(error).strip().rpartition("\n")[2].strip()
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # Of what an actor's constructor raised, the last line says what it was.
    return lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1].strip()}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
