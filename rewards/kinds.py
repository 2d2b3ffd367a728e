"""The scorers that the daemon serves, by an item's `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BadInput
from engine.scorer import Scorer
from rewards.code.item import code_item
from rewards.code.reward import CodeReward
from rewards.math.item import math_item
from rewards.math.reward import MathReward

if TYPE_CHECKING:
    from engine.engine import Engine


class CodeScorer:
    """Items of kind "code"."""

    def check(self, item: dict[str, Any]) -> None:
        """Raises BadInput; whether its image has its language shows when it is run."""
        code_item(item)

    async def score(
        self, item: dict[str, Any], engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """See `CodeReward.score`."""
        reward = CodeReward(engine, client=client, deadline_seconds=deadline_seconds)
        return (await reward.score(item)).to_wire()


class MathScorer:
    """Items of kind "math"; no program runs."""

    def check(self, item: dict[str, Any]) -> None:
        """Raises BadInput."""
        math_item(item)

    async def score(
        self, item: dict[str, Any], engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """See `MathReward.score`."""
        return (await MathReward().score(item)).to_wire()


SCORERS: Final[Mapping[str, Scorer]] = {"code": CodeScorer(), "math": MathScorer()}


def check_item(item: object) -> dict[str, Any]:
    """Any kind of item, checked; raises BadInput."""
    if not isinstance(item, dict):
        raise BadInput("item", item, "expected a map")
    kind = item.get("kind")
    if kind == "code":
        code_item(item)
    elif kind == "math":
        math_item(item)
    else:
        raise BadInput("kind", kind, "expected one of code, math")
    return item
