"""The seam through which others stand behind HTTP paths, as scorers do behind kinds of items."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from engine.scorer import Scorers
from engine.server.answers import Answer
from engine.server.request import HttpRequest
from engine.server.service import Service


class Route(NamedTuple):
    """What stands behind one path: its methods, and what answers; that may raise every error of Assay's."""

    methods: tuple[str, ...]
    answer: Callable[[Service, HttpRequest], Awaitable[Answer]]


class Served(NamedTuple):
    """What a daemon has beside its engine: scorers by kind, and routes by path."""

    scorers: Scorers
    routes: Mapping[str, Route]
