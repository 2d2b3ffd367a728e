"""The nodes of a cluster, as one caller asks them: chosen by load, asked again elsewhere when one fails.

A request that a failing node had begun may have begun twice, but is answered once: what comes late has nobody waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from ray.exceptions import RayError, RayTaskError

from engine.client.choice import less_loaded_of_two
from engine.client.member import Member, trace_call
from engine.client.membership import Membership
from engine.client.ray import NotRunning, cancel, in_short, roster_actor
from engine.client.watch import StuckError, Watch
from engine.errors import BadInput, CannotStart, Overloaded, SandboxError
from engine.pace import Pace
from engine.trace import TRACE
from engine.wire.cluster import HTTP, Reply, Report
from engine.wire.messages import error_from_wire

# A request that takes its node down with it must not go round the cluster.
_TRIES: Final = 3
# Nodes that refuse a request as overloaded before its client is told.
_REFUSALS: Final = 2
# A node that is full says so at once; an HTTP request that is refused later has waited too long there.
_AT_ONCE_SECONDS: Final = 1.0
_LEAST_HINT_SECONDS: Final = 0.1
_MOST_HINT_SECONDS: Final = 30.0
_STUCK: Final = 2  # each has cost it 20 s
_BROKEN: Final = 2  # it may be the request at which they break
# Come again when so much of what is under way has been answered.
_ROOM_SHARE: Final = 8


class Nodes:
    """Belongs to the event loop that opens it.

    patience_seconds  how long a request waits for a node while there is none, as after a loss
    """

    def __init__(self, *, patience_seconds: float = 60.0) -> None:
        self._patience_seconds = patience_seconds
        self._members = Membership()
        self._watch = Watch()
        self._random = random.Random()
        self._pace = Pace()
        self._under_way = 0

    async def open(self, ready: Callable[[list[Report]], bool], *, seconds: float = 120.0) -> None:
        """Follow the nodes, and wait until `ready` says so of their reports, but at most so long.

        Raises CannotStart without a cluster, and where its roster has said nothing until then.
        """
        await self.follow()
        try:
            await self.wait(ready, seconds=seconds)
        except (asyncio.CancelledError, CannotStart):
            await self.close()
            raise

    async def follow(self) -> None:
        """As `open`, without the wait: who asks waits for a node."""
        await self._members.follow()

    async def wait(self, ready: Callable[[list[Report]], bool], *, seconds: float) -> None:
        """The rest of `open`."""
        await self._members.wait(ready, seconds)

    async def close(self) -> None:
        """Follow no more; what is under way is the caller's to cancel."""
        await self._watch.close()
        await self._members.close()

    @property
    def reports(self) -> list[Report]:
        """What each node said last."""
        return self._members.reports

    async def ask(
        self, op: str, fields: dict[str, Any], *, client: str = "", takes: Callable[[Report], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The answer of a node that `takes` it; raises BadInput, Overloaded, SandboxError. Cancelling kills the run.

        client  whose turn in a node's queue the request takes
        """
        began = time.monotonic()
        deadline = fields.get("deadline_seconds")
        failed: set[str] = set()
        faults: list[Exception] = []
        refusals = 0
        while True:
            member = await self._chosen(takes, failed, deadline, began)
            if deadline is not None:
                fields = {**fields, "deadline_seconds": _left(deadline, began)}
            sent = time.monotonic()
            try:
                reply = await self._asked(member, op, fields, client)
            except (RayError, StuckError) as error:
                faults.append(error)
                failed.add(member.report.node)
                self._members.suspect(member, error)
                if why := _why_no_more(faults):
                    raise SandboxError(f"{why}, the last is {member.name}") from None
                continue
            if reply.leaving:
                member.report = msgspec.structs.replace(member.report, state="draining")
                continue
            error_there = None if reply.error is None else error_from_wire(reply.error)
            if isinstance(error_there, Overloaded):
                refusals += 1
                # With a deadline it may be that which has passed there; of an HTTP request only the node knows it.
                at_once = op != HTTP or time.monotonic() - sent < _AT_ONCE_SECONDS
                if refusals == _REFUSALS or deadline is not None or not at_once:
                    raise Overloaded(str(error_there), retry_seconds=self._hint())
                if op == HTTP:
                    failed.add(member.report.node)
                else:
                    member.refused()
                continue
            if error_there is not None:
                raise error_there
            return _answer(reply.answer)

    async def drain(self, name: str) -> Report:
        """Let a node take nothing new, and wait until nothing is under way there; raises BadInput for no such node."""
        report: Report = await (await roster_actor()).drain.remote(self.named(name).node)
        return report

    def named(self, name: str) -> Report:
        """The node with that address, or whose id begins so; raises BadInput."""
        found = [each for each in self.reports if name and (each.host == name or each.node.startswith(name))]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{each.host} {each.node[:8]}" for each in self.reports)
        raise BadInput("node", name, f"expected an address or the beginning of an id that only one has, of {known}")

    async def _asked(self, member: Member, op: str, fields: dict[str, Any], client: str) -> Reply:
        try:
            body = msgspec.msgpack.encode(fields)
        except OverflowError:
            raise BadInput("request", op, "holds an integer of more than 64 bits") from None
        trace, began = TRACE.get(), time.monotonic()
        try:
            call = member.actor.ask.remote(op, body, client, trace is not None)
        except RayError as error:
            # It has not left this process: its object store is full, or it is none of Ray's any more.
            raise SandboxError(f"the request cannot be sent: {in_short(error)}") from None
        reply = None
        member.own += 1
        self._under_way += 1
        try:
            reply = await self._watch.answered(member, call)
        except (asyncio.CancelledError, StuckError):
            cancel(call)
            raise
        finally:
            member.own -= 1
            self._under_way -= 1
            if reply is not None:
                # It was counted there while it answered.
                member.heard(reply.under_way - 1)
            if trace is not None:
                trace_call(trace, member, began, reply)
            if self._under_way:
                self._pace.freed(time.monotonic())
            else:
                self._pace.forget()
        return reply

    async def _chosen(
        self, takes: Callable[[Report], bool], failed: Iterable[str], deadline: float | None, began: float
    ) -> Member:
        until = time.monotonic() + self._patience_seconds
        while True:
            able = [member for member in self._members if takes(member.report)]
            up = [member for member in able if member.up]
            if chosen := less_loaded_of_two([each for each in up if each.report.node not in failed], self._random):
                return chosen
            if chosen := less_loaded_of_two(up, self._random):
                return chosen
            if up:
                count = sum(member.own + member.others for member in up)
                raise Overloaded(f"the cluster is full: {count} requests are in", retry_seconds=self._hint())
            await self._refuse_after_a_stop()
            self._refuse_the_impossible(able)
            patience = until - time.monotonic()
            if patience <= 0:
                raise SandboxError(f"no node of the cluster was ready for {self._patience_seconds:g} s")
            if deadline is not None:
                patience = min(patience, _left(deadline, began))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._members.next_change()

    async def _refuse_after_a_stop(self) -> None:
        """Nobody brings a node any more; but it may have been started anew since that was seen."""
        if self._members.stopped:
            try:
                await roster_actor()
            except NotRunning as error:
                raise SandboxError(f"the cluster has been stopped: {error}") from None

    def _refuse_the_impossible(self, able: list[Member]) -> None:
        """No node can take this, and none is on its way to be one that can."""
        problems = {f"{member.name}: {member.report.problem}" for member in self._members if member.up}
        if not able and problems:
            raise SandboxError(f"no node of the cluster can run this: {'; '.join(sorted(problems))}")

    def _hint(self) -> float:
        seconds = self._pace.seconds(time.monotonic(), self._under_way // _ROOM_SHARE + 1)
        return min(max(seconds, _LEAST_HINT_SECONDS), _MOST_HINT_SECONDS)


def _left(deadline: float, began: float) -> float:
    """Raises Overloaded where there is nothing left."""
    left = deadline - (time.monotonic() - began)
    if left <= 0:
        raise Overloaded(f"deadline of {deadline:g} s passed before a node took the request")
    return left


def _answer(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.msgpack.decode(body)
    return answer


def _why_no_more(faults: list[Exception]) -> str:
    """Why a request that has met these is asked nowhere else; "" where it is."""
    stuck = sum(isinstance(fault, StuckError) for fault in faults)
    broken = sum(isinstance(fault, RayTaskError) for fault in faults)
    if stuck == _STUCK:
        return f"{stuck} nodes in turn said nothing"
    if broken == _BROKEN:
        return f"{broken} nodes broke in turn, see their logs: {in_short(faults[-1])}"
    return f"{len(faults)} nodes failed in turn" if len(faults) == _TRIES else ""
