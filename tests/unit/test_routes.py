"""The paths that rewards adds to the daemon's own."""

from __future__ import annotations

from engine.server.http import OWN
from rewards.adapters.http.table import ROUTES


def test_no_route_takes_the_place_of_another() -> None:
    assert OWN.keys() & ROUTES.keys() == set()
