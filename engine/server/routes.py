"""The seam for HTTP interfaces that others define: a path, and what answers it with the daemon's service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from engine.server.answers import Answer
from engine.server.request import HttpRequest
from engine.server.service import Service

GET: Final = ("GET", "HEAD")
POST: Final = ("POST",)


class Route(NamedTuple):
    """What stands behind a path.

    answer   called for a request that was let in, with its whole body; what it raises is answered as everywhere: 422
             for BadInput, 504 for Overloaded, 503 for SandboxError and for a bug
    methods  others are answered with 405
    """

    answer: Callable[[Service, HttpRequest], Awaitable[Answer]]
    methods: tuple[str, ...] = POST


Routes = Mapping[str, Route]
