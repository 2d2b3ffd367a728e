"""Every verdict that is given, and every answer without one, counted where people and machines look."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

from engine.log import fields
from engine.server.metrics import Metrics
from engine.server.minutes import Minutes
from engine.trace import JUDGED, TRACE
from engine.wire.cluster import Judged

log = logging.getLogger("assay.server")
_FAULT: Final = "a fault of the sandbox"
_NOTED: Final[ContextVar[list[Judged] | None]] = ContextVar("noted", default=None)


class Verdicts:
    """Counts in a daemon's metrics and by the minute, and tells log and trace."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._minutes = Minutes()

    def count(self, judged: Judged) -> None:
        """One more."""
        op, verdict, why = judged.op, judged.verdict, judged.why
        if (noted := _NOTED.get()) is not None:
            noted.append(judged)
        self._minutes.count(verdict, _FAULT if judged.fault else why.partition(":")[0])
        self._metrics.shares.count(judged.program, judged=verdict is not None)
        if (trace := TRACE.get()) is not None:
            trace.note(JUDGED, {"op": op, "program": judged.program, "verdict": verdict or "", "why": why})
        if verdict is not None:
            self._metrics.verdicts.add(op, verdict)
            return
        self._metrics.not_judged.add(op)
        told = fields(op=op, program=judged.program)
        if judged.fault:
            log.warning("not judged: %s: %s", _FAULT, why, extra=told)
        else:
            log.info("not judged: %s", why, extra=told)

    def minutes(self) -> list[dict[str, Any]]:
        """See `Minutes.told`."""
        return self._minutes.told()


@contextlib.contextmanager
def noted() -> Iterator[list[Judged]]:
    """The verdicts that are counted in it, for a front that counts them as its own."""
    judged: list[Judged] = []
    outer = _NOTED.set(judged)
    try:
        yield judged
    finally:
        _NOTED.reset(outer)
