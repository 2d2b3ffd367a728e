"""Rewards while rollouts are still generated: from the daemon or a function of the user's, on a loop of their own."""

from __future__ import annotations

import asyncio
import inspect
import math
import queue
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from typing import Final, SupportsFloat

import msgspec

from engine.client.loop_thread import LoopThread
from engine.errors import BadInput
from rewards import NotJudged, Reward
from trainer.daemon import Daemon
from trainer.progress import Say, silent
from trainer.tables import RewardsConfig
from trainer.types import Prompt

_Answer = SupportsFloat | Reward | NotJudged | None
# A plain one is called on the rewards' thread, one call at a time.
RewardFunction = Callable[[Prompt, str], Awaitable[_Answer] | _Answer]

_LOOK_SECONDS: Final = 0.5


class Scoring:
    """Takes rollouts the moment they end, gives their rewards in any order: a function's, or else the daemon's."""

    def __init__(self, config: RewardsConfig, function: RewardFunction | None = None, say: Say = silent) -> None:
        self._daemon: Daemon | None = None
        if function is None:
            self._daemon = Daemon(config)
            function = self._daemon.score
        self._function = function
        self._say = say
        self._loop = LoopThread("assay-trainer-rewards")
        self._turns = asyncio.Semaphore(config.in_flight)
        self._answers: queue.SimpleQueue[tuple[str, Future[Reward | NotJudged]]] = queue.SimpleQueue()
        self.outstanding = 0

    def greet(self, prompts: Iterable[Prompt]) -> None:
        """See `Daemon.greet`; without a daemon nothing."""
        if self._daemon is not None:
            self._loop.wait(self._daemon.greet(prompts))

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
                trouble = "" if self._daemon is None else self._daemon.trouble
                self._say("waiting for rewards", trouble or f"{self.outstanding} rollouts")
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
        if self._daemon is not None:
            await self._daemon.close()

    async def _score(self, prompt: Prompt, text: str) -> Reward | NotJudged:
        async with self._turns:
            answer = self._function(prompt, text)
            if inspect.isawaitable(answer):
                answer = await answer
        return _judged(prompt, answer)


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
