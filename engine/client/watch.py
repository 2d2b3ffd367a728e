"""Whether a node that has not answered yet still does anything."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from ray.exceptions import RayError

from engine.client.member import Member
from engine.wire.cluster import Reply

# A node that has answered nobody for so long is asked whether it is there; one that then says nothing is stuck.
_LOOK_SECONDS: Final = 10.0
_SILENT_SECONDS: Final = 10.0


class StuckError(Exception):
    """A node's process lives and says nothing."""


class Watch:
    """Over a caller's nodes; belongs to one event loop."""

    def __init__(self) -> None:
        self._looking: dict[str, asyncio.Task[bool]] = {}

    async def close(self) -> None:
        """Look no more."""
        tasks = list(self._looking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def answered(self, member: Member, call: Any) -> Reply:
        """The answer, however long its runs take; raises StuckError where the node is, and as the call."""
        waiting: asyncio.Future[Reply] = asyncio.ensure_future(call)
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=_LOOK_SECONDS)
                if done:
                    reply = waiting.result()
                    member.heard_at = time.monotonic()
                    return reply
                if time.monotonic() - member.heard_at > _LOOK_SECONDS and not await self._is_there(member):
                    raise StuckError(f"it said nothing for {_SILENT_SECONDS:g} s")
        finally:
            waiting.cancel()

    async def _is_there(self, member: Member) -> bool:
        """Asked once for all who wait for the node."""
        node = member.report.node
        if node not in self._looking:
            self._looking[node] = asyncio.create_task(_looked(member))
            self._looking[node].add_done_callback(lambda _: self._looking.pop(node, None))
        return await asyncio.shield(self._looking[node])


async def _looked(member: Member) -> bool:
    try:
        async with asyncio.timeout(_SILENT_SECONDS):
            await member.actor.here.remote()
    except TimeoutError:
        return False
    except RayError:
        # Whoever waits for its answer is told the same.
        return True
    member.heard_at = time.monotonic()
    return True
