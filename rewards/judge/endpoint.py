"""Requests to an OpenAI-compatible `/v1/chat/completions`; needs httpx."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.errors import CannotStart
from rewards.judge.config import JudgeConfig

_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 20.0
_MOST_REPLY_BYTES: Final = 4 << 20
_SHOWN_CHARS: Final = 200


class EndpointFailed(Exception):
    """No reply: a fault of the endpoint, which says nothing about any answer."""


class _Passing(EndpointFailed):
    """A fault that may be over at the next try; `pause_seconds` is what the server asks for."""

    def __init__(self, message: str, pause_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.pause_seconds = pause_seconds


class Reply(msgspec.Struct, frozen=True):
    """What the model wrote, and why it ended."""

    text: str
    finish_reason: str | None


@dataclass
class Usage:
    """What has been asked so far; `retries` are among the requests."""

    requests: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Tokens(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Tokens | None = None


_decoder: Final = msgspec.json.Decoder(_Completion)


class Endpoint:
    """One pool of kept-alive connections, at most `concurrency` requests at once; belongs to one event loop.

    Raises BadInput for a key that is not there, CannotStart without httpx.
    """

    def __init__(self, config: JudgeConfig) -> None:
        try:
            import httpx
        except ImportError:
            raise CannotStart("a judge model needs httpx: pip install 'assay[judge]'") from None
        self.usage = Usage()
        self._config = config
        self._url = config.url
        self._key = config.key()
        self._free = asyncio.Semaphore(config.concurrency)
        self._broken: type[httpx.HTTPError] = httpx.TransportError
        self._faults: type[httpx.HTTPError] = httpx.HTTPError
        key = {"authorization": f"Bearer {self._key}"} if self._key else {}
        self._http = httpx.AsyncClient(
            headers={"content-type": "application/json", **key},
            # The judgement has a deadline, whatever its requests are doing.
            timeout=httpx.Timeout(None, connect=10.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=config.concurrency),
        )

    async def reply(self, prompt: str) -> Reply:
        """The model's reply to one message; raises EndpointFailed when nothing more is to be tried."""
        sampling = {"temperature": self._config.temperature, "max_tokens": self._config.max_tokens}
        own = {"model": self._config.model, "messages": [{"role": "user", "content": prompt}]}
        body = msgspec.json.encode({**sampling, **self._config.extra_body, **own})
        for attempt in range(self._config.retries + 1):
            try:
                async with self._free:
                    return await self._asked(body)
            except _Passing as fault:
                if attempt == self._config.retries:
                    raise
                longest = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
                pause = max(fault.pause_seconds, random.uniform(longest / 2, longest))
            await asyncio.sleep(pause)
            self.usage.retries += 1
        raise AssertionError("unreachable")

    async def _asked(self, body: bytes) -> Reply:
        self.usage.requests += 1
        got = bytearray()
        try:
            async with self._http.stream("POST", self._url, content=body) as response:
                async for piece in response.aiter_bytes():
                    got += piece
                    if len(got) > _MOST_REPLY_BYTES:
                        raise EndpointFailed(f"{self._url}: a reply of more than {_MOST_REPLY_BYTES >> 20} MiB")
        except self._broken as error:
            raise _Passing(f"{self._url}: {str(error) or type(error).__name__}") from None
        except self._faults as error:
            raise EndpointFailed(f"{self._url}: {str(error) or type(error).__name__}") from None
        if response.status_code == 200:
            return self._read(bytes(got))
        message = f"{self._url}: HTTP {response.status_code}: {self._shown(bytes(got))}"
        if response.status_code == 429 or response.status_code >= 500:
            raise _Passing(message, _seconds(response.headers.get("retry-after", "")))
        raise EndpointFailed(message)

    def _read(self, got: bytes) -> Reply:
        try:
            completion = _decoder.decode(got)
        except msgspec.ValidationError as error:
            raise EndpointFailed(f"{self._url}: no chat completion came back: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            # As a connection that broke: half of an answer.
            raise _Passing(f"{self._url}: what came back is not whole: {self._shown(got)}") from None
        if completion.usage is not None:
            self.usage.prompt_tokens += completion.usage.prompt_tokens or 0
            self.usage.completion_tokens += completion.usage.completion_tokens or 0
        if not completion.choices:
            raise EndpointFailed(f"{self._url}: a chat completion without choices came back")
        choice = completion.choices[0]
        return Reply(choice.message.content or "", choice.finish_reason)

    def _shown(self, got: bytes) -> str:
        text = got[: 4 * _SHOWN_CHARS].decode("utf-8", "replace")
        # Some servers repeat what they refuse.
        text = text.replace(self._key, "***") if self._key else text
        return " ".join(text.split())[:_SHOWN_CHARS]

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _seconds(retry_after: str) -> float:
    # It may also be a date, which nobody's clock agrees with.
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
