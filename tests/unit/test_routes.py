"""A bug of ours is told as the clients of a path understand a fault."""

from __future__ import annotations

from typing import cast

import pytest

from engine.server.answers import Answer
from engine.server.request import HttpRequest
from engine.server.routes import Route, answered
from engine.server.run_code import ROUTES
from engine.server.run_result import told
from engine.server.service import Service


async def breaks(service: Service, request: HttpRequest) -> Answer:
    raise KeyError("a bug")


async def test_a_bug_is_told_as_the_path_tells_faults() -> None:
    """504 is the only status at which verl asks again."""
    service, request = cast("Service", None), HttpRequest("a client")
    answer = await answered(Route(("POST",), breaks, told), service, request)
    assert (answer.status, b"the daemon failed: KeyError" in answer.body) == (504, True)
    with pytest.raises(KeyError):
        await answered(Route(("POST",), breaks), service, request)
    assert all(route.told is told for route in ROUTES.values())
