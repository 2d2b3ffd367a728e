"""What one caller knows of one node."""

from __future__ import annotations

from typing import Any

from engine.wire.cluster import Report


class Member:
    """A node: its last report, and what this caller has there.

    actor    Ray's handle of it
    own      requests of this caller that are there
    others   everybody else's, as of the last answer
    suspect  a call failed, and no report has come since
    """

    __slots__ = ("actor", "others", "own", "report", "suspect")

    def __init__(self, actor: Any, report: Report) -> None:
        self.actor = actor
        self.report = report
        self.own = 0
        self.others = report.under_way
        self.suspect = False

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
