"""The seam to rewards: the server takes a mapping from an item's `kind` to one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.engine import Engine


class Scorer(Protocol):
    """Turns items of one kind into answers; items and answers are plain maps that fit MessagePack."""

    def check(self, item: dict[str, Any]) -> None:
        """Refuse a wrong item before anything runs; raises BadInput naming the field and the value."""

    async def score(
        self, item: dict[str, Any], engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """The item's reward with its evidence, or `reward: None` and `not_judged`.

        client            whose turn in the queue the runs take
        deadline_seconds  the client's own; what has not begun by then is not judged
        Raises BadInput; Overloaded and SandboxError where nothing can be said. Cancelling kills what runs.
        """
        ...
