"""The processes of a run: torchrun's, one for each device, or this one alone.

Rollouts, rewards and files are the first rank's; the update is everybody's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from engine.errors import AssayError

_T = TypeVar("_T")

# The others wait as long as the first rank's rollouts and rewards take.
_PATIENCE: Final = timedelta(days=7)


class Ranks:
    """Joins torchrun's group where the environment names one."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = _device()
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        # Objects go over sockets, whatever the tensors go over.
        self._control = dist.new_group(backend="gloo", timeout=_PATIENCE) if self.size > 1 else None

    def on_first(self, work: Callable[[], _T], help_with: Callable[[Any], object]) -> _T:
        """What `work` gives on the first rank, or raises there, on every rank.

        help_with  is called on the others with what the first rank asks for meanwhile by `ask`
        """
        if self.size == 1:
            return work()
        if self.rank == 0:
            try:
                result: _T | AssayError = work()
            except AssayError as error:
                result = error
            self._broadcast(("over", result))
        else:
            while (said := self._broadcast(None))[0] == "ask":
                help_with(said[1])
            result = said[1]
        if isinstance(result, AssayError):
            raise result
        return result

    def ask(self, request: object) -> None:
        """Have the others help within `on_first`."""
        if self.size > 1:
            self._broadcast(("ask", request))

    def sum(self, numbers: Tensor) -> Tensor:
        """Over all ranks, in place."""
        if self.size > 1:
            dist.all_reduce(numbers)
        return numbers

    def gathered(self, value: _T) -> list[_T]:
        """Every rank's, on every rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=self._control)
        return values

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _broadcast(self, value: Any) -> Any:
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self._control)
        return box[0]


def _device() -> str:
    if not torch.cuda.is_available():
        return "cpu"
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    torch.cuda.set_device(device)
    return device
