"""Rewards from a daemon: `RewardClient` for asyncio, `RewardClient.sync()` for plain scripts and notebooks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar

import msgspec

from engine.client.client import Client
from engine.client.loop_thread import LoopThread
from engine.errors import BadInput, Overloaded, SandboxError
from rewards.kinds import reward_of
from rewards.reward import NotJudged, Reward

_T = TypeVar("_T")
_IN_FLIGHT: Final = 64
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 2.0
# Sent where nothing is left: no deadline is 0.
_LEAST_SECONDS: Final = 0.001


class WrongItem(BadInput):
    """A wrong item among many, by its index; `rewards` holds, by index too, those that were known before it."""

    def __init__(self, error: BadInput, rewards: dict[int, Reward | NotJudged]) -> None:
        super().__init__(error.field, error.value, error.message)
        self.rewards = rewards

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is made anew of its `args`, which are those of BadInput.
        return type(self), (BadInput(self.field, self.value, self.message), self.rewards)


class RewardClient:
    """A daemon's rewards, from asyncio.

    address             "unix:///path", "http://host:port" or None: the default socket of this user; "ray://": a cluster
    token               the daemon's, where it has one
    patience_seconds    how long an item that an overloaded daemon refuses is sent again, with growing pauses
    deadline_seconds    per item: what has not begun by then is not judged; None means no deadline

    Rewards come as `Reward | NotJudged`: an overloaded daemon and a fault of the sandbox are NotJudged, a wrong item
    raises BadInput. Cancelling kills what runs. One client belongs to one event loop.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        token: str = "",
        patience_seconds: float = 60.0,
        deadline_seconds: float | None = None,
    ) -> None:
        self._client = _PatientClient(address, token=token)
        self._client.patience_seconds = patience_seconds
        self._deadline_seconds = deadline_seconds

    @staticmethod
    def sync(
        address: str | None = None,
        *,
        token: str = "",
        patience_seconds: float = 60.0,
        deadline_seconds: float | None = None,
    ) -> SyncRewardClient:
        """The same without await."""
        return SyncRewardClient(
            address, token=token, patience_seconds=patience_seconds, deadline_seconds=deadline_seconds
        )

    async def __aenter__(self) -> RewardClient:
        """The client itself; it connects at the first item."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; what is in flight on it is killed."""
        await self._client.close()

    async def score(self, item: dict[str, Any]) -> Reward | NotJudged:
        """One item's reward; raises BadInput, also for a value that no wire can carry."""
        try:
            return _reward(await self._client.score(item, deadline_seconds=self._deadline_seconds), item.get("kind"))
        except (Overloaded, SandboxError) as error:
            return NotJudged(str(error))

    async def score_many(
        self, items: Iterable[dict[str, Any]], *, in_flight: int = _IN_FLIGHT
    ) -> list[Reward | NotJudged]:
        """The items' rewards, in order; raises WrongItem, whose field begins with the index, like `[3].tests`."""
        rewards: dict[int, Reward | NotJudged] = {}
        try:
            async for index, reward in self.stream(items, in_flight=in_flight):
                rewards[index] = reward  # noqa: PERF403 (they are kept if the next item is wrong)
        except BadInput as error:
            if not error.field.startswith("["):
                raise
            raise WrongItem(error, rewards) from None
        return [rewards[index] for index in range(len(rewards))]

    async def score_batch(self, items: Sequence[dict[str, Any]]) -> list[Reward | NotJudged]:
        """As `score_many`, in one request: for many small items over HTTP.

        A wrong item, or more of them than the daemon takes in one batch, raises WrongItem before anything is run. By
        ray:// each item is a request of its own, any number of them, and a wrong one ends the rest.
        """
        rewards: dict[int, Reward | NotJudged] = {}
        began = asyncio.get_running_loop().time()
        try:
            answers = self._client.score_batch(items, deadline_seconds=self._deadline_seconds)
            async with contextlib.aclosing(answers):
                async for index, answer in answers:
                    if not isinstance(answer, Overloaded):
                        rewards[index] = _reward(answer, items[index].get("kind"))
        except BadInput as error:
            raise WrongItem(error, rewards) from None
        except SandboxError as error:
            return [rewards.get(index, NotJudged(str(error))) for index in range(len(items))]
        except Overloaded:
            pass
        # Those that were turned away, each by itself, with patience.
        missing = [index for index in range(len(items)) if index not in rewards]
        try:
            left = _left(self._deadline_seconds, began)
            async for place, reward in self._stream([items[index] for index in missing], _IN_FLIGHT, left):
                rewards[missing[place]] = reward
        except BadInput as error:
            place_text, _, field = error.field.removeprefix("[").partition("]")
            moved = BadInput(f"[{missing[int(place_text)]}]{field}", error.value, error.message)
            raise WrongItem(moved, rewards) from None
        return [rewards[index] for index in range(len(items))]

    async def stream(
        self, items: Iterable[dict[str, Any]], *, in_flight: int = _IN_FLIGHT
    ) -> AsyncGenerator[tuple[int, Reward | NotJudged], None]:
        """(index, reward) as they come, `in_flight` at a time; leaving the loop kills what is in flight.

        Raises BadInput as `score_many`, after the rewards that are there.
        """
        async with contextlib.aclosing(self._stream(items, in_flight, self._deadline_seconds)) as rewards:
            async for numbered in rewards:
                yield numbered

    async def _stream(
        self, items: Iterable[dict[str, Any]], in_flight: int, deadline_seconds: float | None
    ) -> AsyncGenerator[tuple[int, Reward | NotJudged], None]:
        asked: dict[int, dict[str, Any]] = {}

        def numbered() -> Iterator[dict[str, Any]]:
            for index, item in enumerate(items):
                asked[index] = item
                yield item

        answers = self._client.stream(numbered(), in_flight=in_flight, deadline_seconds=deadline_seconds)
        async with contextlib.aclosing(answers):
            async for index, answer in answers:
                yield index, _reward(answer, asked.pop(index).get("kind"))


class SyncRewardClient:
    """`RewardClient` without await; threads may share one."""

    def __init__(
        self,
        address: str | None = None,
        *,
        token: str = "",
        patience_seconds: float = 60.0,
        deadline_seconds: float | None = None,
    ) -> None:
        self._loop = LoopThread("assay-rewards")

        async def made() -> RewardClient:
            # On its own loop: what it holds belongs there.
            return RewardClient(
                address, token=token, patience_seconds=patience_seconds, deadline_seconds=deadline_seconds
            )

        try:
            self._client = self._loop.wait(made())
        except (BadInput, SandboxError):
            self._loop.stop()
            raise

    def __enter__(self) -> SyncRewardClient:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connection; idempotent."""
        if self._loop.running:
            self._loop.wait(self._client.close())
            self._loop.stop()

    def score(self, item: dict[str, Any]) -> Reward | NotJudged:
        """As `RewardClient.score`."""
        return self._loop.wait(self._client.score(item))

    def score_many(self, items: Iterable[dict[str, Any]], *, in_flight: int = _IN_FLIGHT) -> list[Reward | NotJudged]:
        """As `RewardClient.score_many`."""
        return self._loop.wait(self._client.score_many(items, in_flight=in_flight))

    def score_batch(self, items: Sequence[dict[str, Any]]) -> list[Reward | NotJudged]:
        """As `RewardClient.score_batch`."""
        return self._loop.wait(self._client.score_batch(items))

    def stream(
        self, items: Iterable[dict[str, Any]], *, in_flight: int = _IN_FLIGHT
    ) -> Iterator[tuple[int, Reward | NotJudged]]:
        """As `RewardClient.stream`."""
        yield from self._loop.stream(self._client.stream(items, in_flight=in_flight))


class _PatientClient(Client):
    """Sends an item again that was refused, so that many trainers can share one daemon without losing rewards."""

    patience_seconds = 60.0

    async def score(self, item: dict[str, Any], *, deadline_seconds: float | None = None) -> dict[str, Any]:
        clock = asyncio.get_running_loop().time
        began = clock()
        until = began + min(self.patience_seconds, deadline_seconds or self.patience_seconds)
        pause, left = _FIRST_PAUSE_SECONDS, deadline_seconds
        while True:
            try:
                return await super().score(item, deadline_seconds=left)
            except Overloaded as error:
                pause = max(pause, error.retry_seconds or 0.0)
                if clock() + pause > until:
                    raise
            await asyncio.sleep(pause)
            left = _left(deadline_seconds, began)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _left(deadline_seconds: float | None, began: float) -> float | None:
    if deadline_seconds is None:
        return None
    return max(began + deadline_seconds - asyncio.get_running_loop().time(), _LEAST_SECONDS)


def _reward(answer: dict[str, Any] | Overloaded | SandboxError, kind: object) -> Reward | NotJudged:
    if isinstance(answer, Overloaded | SandboxError):
        return NotJudged(str(answer))
    try:
        return reward_of(answer, kind)
    except msgspec.ValidationError as error:
        return NotJudged(f"the daemon sent something that is not a reward: {error}")
