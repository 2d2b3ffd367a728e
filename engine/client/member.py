"""What one caller knows of one node."""

from __future__ import annotations

import logging
import time
from typing import Any

from engine.trace import Trace, tell
from engine.wire.cluster import Reply, Report

log = logging.getLogger("assay.cluster")


class Member:
    """A node: its last report, and what this caller has there.

    actor    Ray's handle of it
    own      requests of this caller that are there
    others   everybody else's, as of the last answer
    suspect  a call failed, and no report has come since
    heard_at when it last answered this caller, by the monotonic clock
    """

    __slots__ = ("actor", "heard_at", "others", "own", "report", "suspect")

    def __init__(self, actor: Any, report: Report) -> None:
        self.actor = actor
        self.report = report
        self.own = 0
        self.others = report.under_way
        self.suspect = False
        self.heard_at = 0.0

    @property
    def up(self) -> bool:
        """It may be asked."""
        return self.report.state == "ready" and not self.suspect

    @property
    def load(self) -> float:
        """Requests for each core."""
        return (self.own + self.others) / self.report.cores

    @property
    def full(self) -> bool:
        """It would refuse one more."""
        return self.own + self.others >= self.report.capacity

    def heard(self, under_way: int) -> None:
        """The node says how many requests are in, this caller's with them."""
        self.others = max(0, under_way - self.own)

    def reported(self, report: Report) -> None:
        """Take a new report."""
        self.report = report
        self.heard(report.under_way)

    def refused(self) -> None:
        """It is full, whatever was known of it."""
        self.others = max(self.others, self.report.capacity - self.own)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.report.host} ({self.report.node[:8]})"


def log_joined(member: Member) -> None:
    """Say that it is there, and whether it runs programs."""
    if member.report.problem:
        log.warning("node %s joins, and no program runs there: %s", member.name, member.report.problem)
    else:
        log.info("node %s is there: %s", member.name, member.report.state)


def log_state(member: Member, report: Report) -> None:
    """Say what became of it."""
    why = f": no program runs there: {report.problem}" if report.problem else ""
    log.log(logging.WARNING if why else logging.INFO, "node %s is %s%s", member.name, report.state, why)


def trace_call(trace: Trace, member: Member, began: float, reply: Reply | None) -> None:
    """Tell of a call that ends now, and of what the node did in it; None: it has not answered."""
    ended = time.monotonic()
    where = {"node": member.report.host}
    trace.add("node", began, ended, {**where, "answered": reply is not None})
    if reply is not None and reply.told is not None:
        # The clocks of two machines: as much of the rest is taken for the way there as for the way back.
        on_the_way = max(0.0, ended - began - reply.told.seconds)
        tell(trace, reply.told.parts, began + on_the_way / 2, where)
