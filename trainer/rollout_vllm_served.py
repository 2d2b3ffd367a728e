"""Rollouts by a vLLM server, on this machine or others."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import aiohttp
import msgspec

from engine.errors import BadInput
from trainer.config import TrainerConfig
from trainer.errors import RolloutsFailed
from trainer.rollout_vllm import end_of, facts_of, failures
from trainer.rollout_vllm_async import StreamedRollouts
from trainer.types import Output, Request

_LOG: Final = logging.getLogger(__name__)

# A server takes so long to start, or to be started again.
_PATIENCE_SECONDS: Final = 180.0
_PAUSE_SECONDS: Final = 1.0
_DATA: Final = b"data: "


class _Place(msgspec.Struct):
    logprob: float


class _Logprobs(msgspec.Struct):
    content: list[_Place]


class _Choice(msgspec.Struct):
    token_ids: list[int]
    logprobs: _Logprobs
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    """A line of the stream; where the server failed on the request it has an error and no choices."""

    choices: list[_Choice] = []
    error: dict[str, Any] = {}


class _Refused(Exception):
    """An answer that is no success."""

    def __init__(self, path: str, status: int, said: str) -> None:
        super().__init__(f"{path} answers {status}: {said[:500]}")
        self.status = status


class ServedVLLMRollouts(StreamedRollouts):
    """A `RolloutEngine` on a vLLM server at `rollouts.url`, which is updated through its development routes.

    A server that is not there is waited for some minutes.

    Raises BadInput without vLLM (for the transfer) or for a server that does not suit, RolloutsFailed without one.
    """

    def __init__(self, config: TrainerConfig, stop_tokens: Sequence[int]) -> None:
        super().__init__(config, stop_tokens)
        self._url = config.rollouts.url.rstrip("/")
        with ExitStack() as undone, failures(f"at {self._url} cannot be used"):
            undone.callback(self._loop.stop)
            self._session = self._loop.wait(_session())
            undone.callback(lambda: self._loop.wait(self._session.close()))
            from vllm.distributed.weight_transfer.clients import HTTPVLLMWeightSyncClient

            facts = facts_of(self._asked_for_facts())
            self._check_serves()
            if facts.dtype != config.model.dtype:
                why = f"the server at {self._url} computes in {facts.dtype}"
                raise BadInput("model.dtype", config.model.dtype, why)
            if config.rollouts.temperature != 1.0 and facts.logprobs_mode != "processed_logprobs":
                raise BadInput(
                    "rollouts.temperature",
                    config.rollouts.temperature,
                    "the server's logprobs are of temperature 1: start it with --logprobs-mode processed_logprobs",
                )
            workers = self._loop.wait(self._asked("GET", "/get_world_size"))["world_size"]
            calls = HTTPVLLMWeightSyncClient(self._url, timeout=config.weights.deadline_seconds)
            self._connect(calls, facts, url=self._url, workers=workers)
            undone.pop_all()

    async def _generate(self, request: Request) -> AsyncGenerator[Output, None]:
        path = "/inference/v1/generate"
        body = {"token_ids": request.tokens.tolist(), "sampling_params": self.sampling(request), "stream": True}
        async with self._session.post(self._url + path, json=body) as response:
            if response.status != 200:
                raise _Refused(path, response.status, await response.text())
            async for line in response.content:
                if not line.startswith(_DATA) or line.startswith(b"data: [DONE]"):
                    continue
                chunk = msgspec.json.decode(line[len(_DATA) :], type=_Chunk)
                if chunk.error:
                    raise RolloutsFailed(f"vLLM failed on request {request.id}: {chunk.error.get('message')}")
                for choice in chunk.choices:
                    yield Output(
                        id=request.id,
                        tokens=choice.token_ids,
                        logprobs=[place.logprob for place in choice.logprobs.content],
                        end=end_of(request.id, choice.finish_reason),
                    )

    def _pause(self) -> None:
        self._loop.wait(self._asked("POST", "/pause?mode=abort"))

    def _empty_cache(self) -> bool:
        return bool(self._loop.wait(self._asked("POST", "/reset_prefix_cache"))["success"])

    def _resume(self) -> None:
        self._loop.wait(self._asked("POST", "/resume"))

    def _shut_down(self) -> None:
        self.abort(list(self._streams))
        self._loop.wait(self._session.close())
        super()._shut_down()

    async def _asked(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, self._url + path, json=body) as response:
            said = await response.text()
            if response.status != 200:
                raise _Refused(path, response.status, said)
            return json.loads(said) if said else None

    async def _asked_until_there(self, path: str, body: object) -> Any:
        until = time.monotonic() + _PATIENCE_SECONDS
        said = False
        while True:
            try:
                return await self._asked("POST", path, body)
            except aiohttp.ClientConnectionError as error:
                if time.monotonic() > until:
                    raise
                if not said:
                    _LOG.warning("waiting for vLLM at %s (rollouts.url): %s", self._url, error)
                said = True
            await asyncio.sleep(_PAUSE_SECONDS)

    def _asked_for_facts(self) -> list[dict[str, Any]]:
        try:
            answer = self._loop.wait(self._asked_until_there("/collective_rpc", {"method": "assay_facts"}))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise BadInput("rollouts.url", self._url, "expected a server's address, like http://host:8000") from None
        except _Refused as refused:
            needs = (
                "VLLM_SERVER_DEV_MODE=1"
                if refused.status in (404, 405)
                else f"--worker-extension-cls trainer.weights_vllm.Extension ({refused})"
            )
            raise BadInput("rollouts.url", self._url, f"the server cannot be updated: start it with {needs}") from None
        results: list[dict[str, Any]] = answer["results"]
        return results

    def _check_serves(self) -> None:
        """The route behind `_generate` is there with its neighbour."""
        try:
            self._loop.wait(self._asked("POST", "/inference/v1/abort_requests", {"request_ids": []}))
        except _Refused as refused:
            raise BadInput(
                "rollouts.url", self._url, f"the server takes no tokens: start it with --tokens-only ({refused})"
            ) from None


async def _session() -> aiohttp.ClientSession:
    """On the loop that it belongs to: as many streams as there are requests, each as long as it takes."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None, sock_connect=30)
    )
