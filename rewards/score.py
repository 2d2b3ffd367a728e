"""The scorers that the daemon serves, by an item's `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.scorer import Scorer
from rewards.code import CodeReward
from rewards.math import MathReward
from rewards.schema import code_item, math_item

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
