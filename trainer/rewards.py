"""Rewards while rollouts are still generated: from the daemon or a function of the user's, on a loop of their own."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import queue
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from typing import Any, Final, SupportsFloat

import msgspec

from engine.client.client import Client
from engine.client.loop_thread import LoopThread
from engine.errors import BadInput, Overloaded, SandboxError
from engine.wire.items import item_to_wire
from rewards import NotJudged, Reward
from rewards.adapters.samples import TOKEN
from rewards.kinds import ITEMS, reward_of
from trainer.errors import RewardsUnavailable
from trainer.progress import Say, silent
from trainer.tables import RewardsConfig
from trainer.types import Prompt

RewardFunction = Callable[[Prompt, str], Awaitable[SupportsFloat | Reward | NotJudged | None]]

_LOG: Final = logging.getLogger(__name__)
_FAULTS_OF_ONE: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5


def check_items(prompts: Iterable[Prompt]) -> None:
    """Parse each item as its scorer will; raises BadInput that names prompt and field.

    Kinds of somebody's own are the daemon's to check.
    """
    for prompt in prompts:
        kind = prompt.item.get("kind")
        if isinstance(kind, str) and kind in ITEMS:
            try:
                ITEMS[kind](item_to_wire(_item(prompt, ""), text_only=False))
            except BadInput as error:
                raise error.below(_place(prompt)) from None


def _item(prompt: Prompt, text: str) -> dict[str, Any]:
    return {**prompt.item, "completion": prompt.completion(text)}


def _place(prompt: Prompt) -> str:
    return f"prompt {prompt.id}.item"


class Scoring:
    """Takes rollouts the moment they end, gives their rewards in any order; the daemon's token is ASSAY_TOKEN's.

    A daemon that is gone or overloaded is waited for `patience_seconds`; an item that a daemon in good health fails on
    three times is NotJudged.
    """

    def __init__(self, config: RewardsConfig, function: RewardFunction | None = None, say: Say = silent) -> None:
        self._config = config
        self._function = function or self._ask
        self._say = say
        self._loop = LoopThread("assay-trainer-rewards")
        self._client = Client(config.address or None, token=os.environ.get(TOKEN, ""))
        self._turns = asyncio.Semaphore(config.in_flight)
        self._answers: queue.SimpleQueue[tuple[str, Future[Reward | NotJudged]]] = queue.SimpleQueue()
        self.outstanding = 0
        self._trouble = ""

    def submit(self, key: str, prompt: Prompt, text: str) -> None:
        """Ask for a reward; its answer will come under `key`."""
        self.outstanding += 1
        future = self._loop.submit(self._score(prompt, text))
        future.add_done_callback(lambda done: self._answers.put((key, done)))

    def finished(self, *, wait: bool) -> list[tuple[str, Reward | NotJudged]]:
        """Answers that are there; with `wait` and anything outstanding at least one.

        Raises RewardsUnavailable, BadInput for an item that the daemon refuses, and what the user's function raised.
        """
        answers: list[tuple[str, Reward | NotJudged]] = []
        while self.outstanding:
            block = wait and not answers
            if block:
                self._say("waiting for rewards", self._trouble or f"{self.outstanding} rollouts")
            try:
                key, done = self._answers.get(block, _LOOK_SECONDS)
            except queue.Empty:
                if block:
                    continue
                break
            self.outstanding -= 1
            answers.append((key, done.result()))
        return answers

    def close(self) -> None:
        """Cancel what is outstanding and end; idempotent."""
        if self._loop.running:
            self._loop.wait(self._ended())
            self._loop.stop()

    async def _ended(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    async def _score(self, prompt: Prompt, text: str) -> Reward | NotJudged:
        async with self._turns:
            answer = await self._function(prompt, text)
        return _judged(prompt, answer)

    async def _ask(self, prompt: Prompt, text: str) -> Reward | NotJudged:
        item = _item(prompt, text)
        clock = asyncio.get_running_loop().time
        until = clock() + self._config.patience_seconds
        pause, faults = _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                reward = reward_of(await self._client.score(item), item.get("kind"))
                self._trouble = ""
                return reward
            except BadInput as error:
                raise error.below(_place(prompt)) from None
            except (Overloaded, SandboxError) as error:
                if not self._trouble:
                    _LOG.warning("waiting for rewards, %g s at most: %s", self._config.patience_seconds, error)
                self._trouble = str(error)
                if isinstance(error, SandboxError) and await self._answers_at_all():
                    faults += 1
                if faults == _FAULTS_OF_ONE:
                    return NotJudged(str(error))
                if clock() > until:
                    raise RewardsUnavailable(
                        f"no reward for {self._config.patience_seconds:g} s (rewards.patience_seconds): {error}"
                    ) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _answers_at_all(self) -> bool:
        try:
            await self._client.stats()
        except SandboxError:
            return False
        return True


def _judged(prompt: Prompt, answer: object) -> Reward | NotJudged:
    """What a reward function gave, with a plain number; raises BadInput where there is none."""
    if answer is None:
        return NotJudged("the reward function gave None")
    if isinstance(answer, NotJudged):
        return answer
    given = answer.reward if isinstance(answer, Reward) else answer
    try:
        number = float(given) if isinstance(given, SupportsFloat) else math.nan
    except (TypeError, ValueError, RuntimeError, OverflowError):
        # An array or a tensor of several, or of no numbers.
        number = math.nan
    if not math.isfinite(number):
        message = f"of prompt {prompt.id}: expected a finite number, a Reward, NotJudged or None"
        raise BadInput("reward", given, message)
    return msgspec.structs.replace(answer, reward=number) if isinstance(answer, Reward) else Reward(reward=number)
