"""What a client takes with `await` its twin takes without, in the same words."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from engine import Client, SyncClient
from rewards import RewardClient
from rewards.client import SyncRewardClient

TWINS = [(Client, SyncClient), (RewardClient, SyncRewardClient)]


def methods(client: type[Any]) -> dict[str, tuple[list[inspect.Parameter], str]]:
    """The parameters and the result of everything public, and of the making."""
    found = {}
    for name, method in inspect.getmembers(client, inspect.isfunction):
        is_static = isinstance(inspect.getattr_static(client, name), staticmethod)
        if name == "__init__" or not (name.startswith("_") or is_static):
            signature = inspect.signature(method)
            result = re.sub(r"^AsyncGenerator\[(.*), None\]$", r"Iterator[\1]", str(signature.return_annotation))
            found[name] = (list(signature.parameters.values()), result)
    return found


@pytest.mark.parametrize(("client", "twin"), TWINS, ids=lambda client: client.__name__)
def test_both_take_and_give_the_same(client: type[Any], twin: type[Any]) -> None:
    assert {"__init__", "score", "stream", "close"} <= methods(client).keys()
    assert methods(twin) == methods(client)


@pytest.mark.parametrize(("client", "twin"), TWINS, ids=lambda client: client.__name__)
def test_both_are_closed_by_with(client: type[Any], twin: type[Any]) -> None:
    for waits, plain in (("__aenter__", "__enter__"), ("__aexit__", "__exit__")):
        of_client, of_twin = inspect.signature(getattr(client, waits)), inspect.signature(getattr(twin, plain))
        assert list(of_twin.parameters.values()) == list(of_client.parameters.values())


def test_the_short_way_to_a_twin_takes_what_the_twin_takes() -> None:
    (_, *made), _ = methods(SyncRewardClient)["__init__"]
    assert list(inspect.signature(RewardClient.sync).parameters.values()) == made
