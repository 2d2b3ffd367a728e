"""Which nodes a caller knows of, as the roster and the nodes themselves say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

from ray.exceptions import ActorUnavailableError, RayError

from engine.client.member import Member, log_joined, log_state
from engine.client.ray import NotRunning, in_short, node_actor, roster_actor
from engine.errors import CannotStart
from engine.wire.cluster import Report

log = logging.getLogger("assay.cluster")
_FOLLOW_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0


class Membership:
    """Follows the roster; belongs to the event loop that opens it.

    stopped  there is no roster any more
    """

    def __init__(self) -> None:
        self.stopped = False
        self._heard = False
        self._members: dict[str, Member] = {}
        self._changed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._probing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Member]:
        """The nodes that there are."""
        return iter(self._members.values())

    @property
    def reports(self) -> list[Report]:
        """What each node said last."""
        return [member.report for member in self]

    async def follow(self) -> None:
        """Begin to; raises CannotStart without a cluster."""
        self._following = asyncio.create_task(self._follow(await roster_actor()))

    async def wait(self, ready: Callable[[list[Report]], bool], seconds: float) -> None:
        """Wait until `ready` says so of their reports, but at most so long; raises CannotStart if none has come."""
        try:
            async with asyncio.timeout(seconds):
                while not (self._heard and ready(self.reports)):
                    await self.next_change()
        except TimeoutError:
            if not self._heard:
                raise CannotStart(f"the cluster's roster has said nothing for {seconds:g} s") from None

    async def next_change(self) -> None:
        """Wait until something has been heard."""
        self._changed.clear()
        await self._changed.wait()

    async def close(self) -> None:
        """Follow no more."""
        tasks: list[asyncio.Task[Any]] = [*self._probing]
        tasks += [self._following] if self._following else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def suspect(self, member: Member, error: Exception) -> None:
        """A call of it failed: it gets none until it answers again."""
        if not member.suspect:
            log.warning("node %s failed: %s", member.name, in_short(error))
            member.suspect = True
            probe = asyncio.create_task(self._probe(member))
            self._probing.add(probe)
            probe.add_done_callback(self._probing.discard)

    async def _follow(self, roster: Any) -> None:
        pause = _FOLLOW_SECONDS
        while True:
            try:
                await self._take(await roster.reports.remote())
                pause = _FOLLOW_SECONDS
            except RayError as error:
                # It moves to another node; those that are known go on.
                log.warning("the roster does not answer: %s", in_short(error))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                roster = await self._found_again(roster)
            await asyncio.sleep(pause)

    async def _found_again(self, roster: Any) -> Any:
        """The roster, which may be another: the cluster has been stopped, and started anew."""
        try:
            found = await roster_actor()
        except NotRunning:
            self.stopped = True
            self._forget()
            return roster
        except CannotStart as error:
            log.warning("the roster cannot be found: %s", error)
            return roster
        if found != roster:
            self._forget()
        return found

    def _forget(self) -> None:
        # Under the same names there will be other actors.
        self._members.clear()
        self._changed.set()

    async def _take(self, reports: list[Report]) -> None:
        self.stopped = False
        for gone in self._members.keys() - {report.node for report in reports}:
            log.warning("node %s is gone", self._members.pop(gone).name)
        for report in reports:
            member = self._members.get(report.node)
            if member is None:
                if (actor := await node_actor(report.node)) is not None:
                    member = self._members[report.node] = Member(actor, report)
                    log_joined(member)
            # A roster that is new has not heard of a node yet what is known here.
            elif not member.suspect and report.state != "starting":
                if member.report.state != report.state:
                    log_state(member, report)
                member.reported(report)
        self._heard = True
        self._changed.set()

    async def _probe(self, member: Member) -> None:
        """Ask how it is, with growing pauses, until it answers or is gone."""
        pause = _FIRST_PAUSE_SECONDS
        node = member.report.node
        while self._members.get(node) is member:
            await asyncio.sleep(pause)
            try:
                member.reported(await member.actor.report.remote())
            except ActorUnavailableError:
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            except RayError:
                # Dead for good: the roster strikes it off, and knows when its machine is back; or has another actor.
                pause = _LONGEST_PAUSE_SECONDS
                member.actor = await node_actor(node) or member.actor
            else:
                member.suspect = False
                log.info("node %s answers again", member.name)
                break
        self._changed.set()
