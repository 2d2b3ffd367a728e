"""Where the judge model is, and how it is asked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from engine.errors import BadInput

_PATH: Final = "/chat/completions"
_OURS: Final = frozenset({"model", "messages", "stream", "n"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """The table `[rewards.judge]` of the configuration file; without `base_url` there is no judge.

    base_url          OpenAI-compatible endpoint, like http://127.0.0.1:8000/v1
    model             the model's name there
    api_key_env       the environment variable with the key; None means none is sent
    concurrency       requests under way at once; the rest waits its turn
    deadline_seconds  for a whole judgement once its turn has come, every request and pause; past it, it is not judged
    retries           how often one request is sent again after 429, 5xx or a broken connection
    votes             how many times the model is asked for one judgement, an odd number; the majority decides
    temperature       of the sampling
    max_tokens        of a reply; a judge that thinks needs thousands
    cache_entries     opinions that are kept, by question, reference and answer
    extra_body        further fields of every request, like chat_template_kwargs
    """

    base_url: str | None = None
    model: str = ""
    api_key_env: str | None = None
    concurrency: int = 32
    deadline_seconds: float = 120.0
    retries: int = 5
    votes: int = 1
    temperature: float = 0.0
    max_tokens: int = 2048
    cache_entries: int = 100_000
    extra_body: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.base_url is not None:
            parts = _parts_of(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise BadInput("base_url", self.base_url, "expected http://HOST:PORT/v1 or https://HOST/v1")
            if parts.username or parts.password or parts.query or parts.fragment:
                raise BadInput("base_url", parts.hostname, "expected an address alone; a key belongs into api_key_env")
            if not self.model:
                raise BadInput("model", self.model, "expected the name of a model at base_url")
        for name, least in (("concurrency", 1), ("retries", 0), ("max_tokens", 1), ("cache_entries", 0)):
            if getattr(self, name) < least:
                raise BadInput(name, getattr(self, name), f"expected at least {least}")
        if not 0 < self.deadline_seconds < float("inf"):
            raise BadInput("deadline_seconds", self.deadline_seconds, "expected a number of seconds above 0")
        if not 0 <= self.temperature <= 2:
            raise BadInput("temperature", self.temperature, "expected 0 to 2")
        if self.votes < 1 or self.votes % 2 == 0:
            raise BadInput("votes", self.votes, "expected an odd number")
        if taken := sorted(_OURS & self.extra_body.keys()):
            raise BadInput(f"extra_body.{taken[0]}", self.extra_body[taken[0]], "this field is the judge's own")

    @property
    def judgements(self) -> int:
        """How many may be under way at once."""
        return max(1, self.concurrency // self.votes)

    @property
    def url(self) -> str:
        """Where the requests go; raises BadInput without `base_url`."""
        if self.base_url is None:
            raise BadInput("base_url", None, "expected http://HOST:PORT/v1 or https://HOST/v1")
        base = self.base_url.rstrip("/")
        if base.endswith(_PATH):
            return base
        return f"{base}{_PATH}" if _parts_of(base).path else f"{base}/v1{_PATH}"

    def key(self) -> str:
        """The key, or "" where none is sent; raises BadInput if the environment lacks it."""
        if self.api_key_env is None:
            return ""
        key = os.environ.get(self.api_key_env, "").strip()
        if not (key and key.isascii() and key.isprintable()):
            raise BadInput("api_key_env", self.api_key_env, "expected an environment variable with a key in it")
        return key


def _parts_of(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BadInput("base_url", url, f"expected http://HOST:PORT/v1: {error}") from None
    return parts
