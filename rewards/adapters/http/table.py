"""The paths that `assay serve` has for other trainers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.server.routes import Route
from rewards.adapters.http.openrlhf import get_reward
from rewards.adapters.http.slime import remote_rm

_POST: Final = ("POST",)
ROUTES: Final[Mapping[str, Route]] = {
    "/get_reward": Route(_POST, get_reward),
    "/slime": Route(_POST, remote_rm),
}
