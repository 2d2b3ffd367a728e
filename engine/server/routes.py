"""The seam through which others stand behind HTTP paths, as scorers do behind kinds of items."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from engine.errors import AssayError
from engine.scorer import Scorers
from engine.server.answers import Answer, daemon_failed
from engine.server.request import HttpRequest
from engine.server.service import Service

log = logging.getLogger("assay.server")


class Route(NamedTuple):
    """What stands behind one path.

    methods    that it knows
    answer     what answers; it may raise every error of Assay's
    told       how its errors are told; None: as everywhere
    engine_op  what it is counted as, where it needs an engine: before a cluster a node answers it, by path and body
               alone
    """

    methods: tuple[str, ...]
    answer: Callable[[Service, HttpRequest], Awaitable[Answer]]
    told: Callable[[AssayError], Answer] | None = None
    engine_op: str | None = None


class Served(NamedTuple):
    """What a daemon has beside its engine: scorers by kind, and routes by path."""

    scorers: Scorers
    routes: Mapping[str, Route]


async def answered(route: Route, service: Service, request: HttpRequest) -> Answer:
    """The answer to a request of that path; raises what the route leaves to others to tell."""
    try:
        if route.engine_op is None:
            return await route.answer(service, request)
        return await service.answered(route.engine_op, request, route.answer)
    except AssayError as error:
        if route.told is None:
            raise
        return route.told(error)
    except Exception as error:  # as in HttpFace, but told as this path's client understands it
        if route.told is None:
            raise
        log.exception("failed in the daemon")
        return route.told(daemon_failed(error))
