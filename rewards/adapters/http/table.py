"""The paths that `assay serve` has for other trainers."""

from __future__ import annotations

from typing import Final

from engine.server.routes import Route, Routes
from rewards.adapters.http.openrlhf import get_reward
from rewards.adapters.http.slime import remote_rm

ROUTES: Final[Routes] = {
    "/get_reward": Route(get_reward),
    "/slime": Route(remote_rm),
}
