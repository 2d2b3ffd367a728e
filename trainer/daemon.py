"""Rewards from the daemon, which is waited for where it is gone."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from typing import Any, Final

from engine.client.client import Client
from engine.errors import BadInput, Overloaded, Refused, SandboxError
from engine.wire.address import shown_address
from engine.wire.items import item_to_wire
from rewards import NotJudged, Reward
from rewards.adapters.samples import TOKEN
from rewards.kinds import ITEMS, reward_of
from trainer.errors import RewardsUnavailable
from trainer.tables import RewardsConfig
from trainer.types import Prompt

_LOG: Final = logging.getLogger(__name__)
_FAULTS_OF_ONE: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_GREETING_SECONDS: Final = 10.0


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


class Daemon:
    """The daemon of a configuration, with the token in ASSAY_TOKEN; belongs to one event loop.

    One that is gone or overloaded is waited for `patience_seconds`; an item that a daemon in good health fails on three
    times is NotJudged.

    trouble  what it is waited for, "" while it answers
    """

    def __init__(self, config: RewardsConfig) -> None:
        self._config = config
        self._client = Client(config.address or None, token=os.environ.get(TOKEN, ""))
        self.trouble = ""

    async def greet(self, prompts: Iterable[Prompt]) -> None:
        """Ask it once, before anything depends on it; one that is not there yet is a warning.

        Raises BadInput for an address or a token that is not its, and for an item of a kind that it does not score.
        """
        try:
            async with asyncio.timeout(_GREETING_SECONDS):
                kinds = (await self._client.stats()).get("kinds")
        except Refused as error:
            raise BadInput(
                "rewards.address", shown_address(self._config.address), f"{error} (the token is {TOKEN})"
            ) from None
        except (Overloaded, SandboxError, TimeoutError) as error:
            why = str(error) or f"no answer for {_GREETING_SECONDS:g} s"
            _LOG.warning("no daemon for the rewards yet (rewards.address): %s", why)
            return
        for prompt in prompts:
            kind = prompt.item.get("kind")
            if kinds is not None and kind not in kinds:
                raise BadInput(f"{_place(prompt)}.kind", kind, f"the daemon scores {', '.join(kinds)}")

    async def score(self, prompt: Prompt, text: str) -> Reward | NotJudged:
        """The reward of a response; raises BadInput for an item that it refuses, RewardsUnavailable."""
        item = _item(prompt, text)
        clock = asyncio.get_running_loop().time
        until = clock() + self._config.patience_seconds
        pause, faults = _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                reward = reward_of(await self._client.score(item), item.get("kind"))
                self.trouble = ""
                return reward
            except BadInput as error:
                raise error.below(_place(prompt)) from None
            except (Overloaded, SandboxError) as error:
                if not self.trouble:
                    _LOG.warning("waiting for rewards, %g s at most: %s", self._config.patience_seconds, error)
                self.trouble = str(error)
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

    async def close(self) -> None:
        """Close the connection; what is in flight on it is killed."""
        await self._client.close()

    async def _answers_at_all(self) -> bool:
        try:
            await self._client.stats()
        except (Overloaded, SandboxError):
            return False
        return True


def _item(prompt: Prompt, text: str) -> dict[str, Any]:
    return {**prompt.item, "completion": prompt.completion(text)}


def _place(prompt: Prompt) -> str:
    return f"prompt {prompt.id}.item"
