"""The lines of metrics.jsonl for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class EventFile:
    """A file of events in a run's directory, begun with the first line.

    first  the iteration that the run goes on with; what older files have from there on is not shown
    """

    def __init__(self, directory: Path, first: int) -> None:
        self._directory = directory
        self._first = first
        self._writer: SummaryWriter | None = None

    def write(self, line: object) -> None:
        """A point for each number of a line."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._directory, purge_step=self._first)
        numbers: dict[str, Any] = msgspec.to_builtins(line)
        step = numbers.pop("number")
        for name, number in _scalars(numbers):
            self._writer.add_scalar(name, number, step)
        # Read while the run goes on, and whole if it is killed.
        self._writer.flush()

    def close(self) -> None:
        """End the file; idempotent."""
        if self._writer is not None:
            self._writer.close()


def _scalars(table: dict[str, Any], place: str = "") -> Iterator[tuple[str, float]]:
    for name, value in table.items():
        match name, value:
            case "not_judged", dict():
                # Reasons are anybody's text.
                yield f"{place}{name}", sum(value.values())
            case _, dict() if name != "by_prompt":
                yield from _scalars(value, f"{place}{name}/")
            case _, list() | tuple():
                yield from _scalars({str(step): each for step, each in enumerate(value, 1)}, f"{place}{name}/")
            case _, int() | float():
                yield f"{place}{name}", value
            case _:
                pass
