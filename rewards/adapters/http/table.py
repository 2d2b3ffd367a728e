"""The paths that `assay serve` has for other trainers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from engine.server.routes import Route
from rewards.adapters.http.code_judge import many, one
from rewards.adapters.http.nemo_gym import seed_session, verify
from rewards.adapters.http.open_instruct import test_program, test_program_stdio
from rewards.adapters.http.openrlhf import get_reward
from rewards.adapters.http.slime import remote_rm

_POST: Final = ("POST",)
ROUTES: Final[Mapping[str, Route]] = {
    # OpenRLHF
    "/get_reward": Route(_POST, get_reward),
    # slime
    "/slime": Route(_POST, remote_rm),
    # NeMo-Gym
    "/seed_session": Route(_POST, seed_session),
    "/verify": Route(_POST, verify),
    # open-instruct
    "/test_program": Route(_POST, test_program),
    "/test_program_stdio": Route(_POST, test_program_stdio),
    # code-judge
    "/run": Route(_POST, partial(one, shown=True)),
    "/run/batch": Route(_POST, partial(many, shown=True, queue="batch")),
    "/run/long-batch": Route(_POST, partial(many, shown=True, queue="long-batch")),
    "/judge": Route(_POST, partial(one, shown=False)),
    "/judge/batch": Route(_POST, partial(many, shown=False, queue="batch")),
    "/judge/long-batch": Route(_POST, partial(many, shown=False, queue="long-batch")),
}
