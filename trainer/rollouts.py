"""What a rollout engine is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from trainer.errors import StaleWeights
from trainer.types import Output, Request

if TYPE_CHECKING:
    from torch import Tensor


_T = TypeVar("_T")


class Weights(Protocol):
    """Weights on their way to an engine: names as the checkpoint has them."""

    def __call__(self) -> Iterator[tuple[str, Tensor]]: ...


class Within(Protocol):
    """Does a step that could hang and gives its result; `what` completes "waited for" where it took too long."""

    def __call__(self, what: str, step: Callable[[], _T], /) -> _T: ...


def fitting(weights: Weights, shapes: Mapping[str, Sequence[int]], version: int) -> dict[str, Tensor]:
    """The weights by name; raises StaleWeights where they are not of the model that has these shapes."""
    tensors = dict(weights())
    wrong = [f"{name} is missing" for name in shapes.keys() - tensors.keys()]
    wrong += [f"{name} is not in its checkpoint" for name in tensors.keys() - shapes.keys()]
    for name in shapes.keys() & tensors.keys():
        tensor, shape = tensors[name], shapes[name]
        if tuple(tensor.shape) != tuple(shape):
            wrong.append(f"{name} is {list(tensor.shape)} and not {list(shape)}")
        elif not tensor.is_floating_point():
            wrong.append(f"{name} is {tensor.dtype} and not a floating type")
    if wrong:
        raise StaleWeights(f"version {version} does not suit the engine's model: {'; '.join(sorted(wrong)[:5])}")
    return tensors


def no_deadline(_what: str, step: Callable[[], _T]) -> _T:
    """A `Within` that waits for ever."""
    return step()


class RolloutEngine(Protocol):
    """Generates token by token; everything is asked for and taken on one thread.

    context_tokens  of a prompt and its response together, at most
    block_tokens    a prompt is taken from the prefix cache in whole blocks of so many; 0 without such a cache
    """

    @property
    def context_tokens(self) -> int: ...

    @property
    def block_tokens(self) -> int: ...

    def submit(self, request: Request) -> None:
        """Begin to generate."""

    def step(self) -> list[Output]:
        """What came since the last step, of each request at most one; blocks until there is something.

        [] only where nothing is under way. Raises RolloutsFailed.
        """

    def abort(self, ids: Iterable[str]) -> None:
        """Stop generating for these requests: no more output of them will come."""

    def load(self, weights: Weights, version: int, within: Within = no_deadline) -> None:
        """Take on new weights, and forget what the old ones computed. Nothing may be under way.

        Raises StaleWeights for weights of another model, before anything is changed; RolloutsFailed.
        """

    def close(self) -> None:
        """Give back what it holds; idempotent."""


def sampled(engine: RolloutEngine, requests: Sequence[Request]) -> Iterator[tuple[str, list[int], list[float]]]:
    """Each request's id, tokens and logprobs as it ends; nothing else may be under way."""
    going: dict[str, tuple[list[int], list[float]]] = {}
    for request in requests:
        going[request.id] = ([], [])
        engine.submit(request)
    while outputs := engine.step():
        for output in outputs:
            tokens, logprobs = going[output.id]
            tokens += output.tokens
            logprobs += output.logprobs
            if output.end is not None:
                yield output.id, tokens, logprobs
