"""A small rollout engine of our own: a transformers model, its KV cache, finished rows dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, DynamicCache

from trainer.config import TrainerConfig
from trainer.rollouts import Weights, Within, fitting, no_deadline
from trainer.types import End, Output, Request

# Rows that are over stay in the batch until they are this share of it: to drop them copies the cache.
_WASTE: Final = 0.25


@dataclass(slots=True)
class _Row:
    """One request under way, and the random numbers that decide it: one for each token."""

    request: Request
    numbers: np.random.Generator
    generated: int = 0
    over: bool = False


@dataclass(slots=True)
class _Wave:
    """Requests that generate in step: one more token of each with every forward."""

    rows: list[_Row]
    cache: DynamicCache
    mask: Tensor
    logits: Tensor


class TorchRollouts:
    """Rollouts by transformers on the policy's own device; good enough to train with where there is no vLLM.

    stop_tokens  token ids that end a response
    most_rows    requests that generate at once; the rest waits
    """

    block_tokens: Final = 0

    def __init__(self, config: TrainerConfig, stop_tokens: Sequence[int], *, most_rows: int = 256) -> None:
        model: Any = AutoModelForCausalLM.from_pretrained(config.model.path, dtype=getattr(torch, config.model.dtype))
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.to(self._device).eval()
        self.context_tokens = int(model.config.max_position_embeddings)
        self._stop = frozenset(stop_tokens)
        self._temperature = config.rollouts.temperature
        self._most_rows = most_rows
        self._waiting: list[Request] = []
        self._wave: _Wave | None = None

    def submit(self, request: Request) -> None:
        """See `RolloutEngine`."""
        self._waiting.append(request)

    @torch.inference_mode()
    def step(self) -> list[Output]:
        """See `RolloutEngine`: one token of every row."""
        if self._wave is None:
            if not self._waiting:
                return []
            requests, self._waiting = self._waiting[: self._most_rows], self._waiting[self._most_rows :]
            self._wave = self._begin(requests)
        outputs, chosen = self._sample(self._wave)
        self._advance(self._wave, chosen)
        return outputs

    def abort(self, ids: Iterable[str]) -> None:
        """See `RolloutEngine`."""
        gone = frozenset(ids)
        self._waiting = [request for request in self._waiting if request.id not in gone]
        for row in self._wave.rows if self._wave else ():
            row.over = row.over or row.request.id in gone
        if self._wave and all(row.over for row in self._wave.rows):
            self._wave = None

    def load(self, weights: Weights, version: int, within: Within = no_deadline) -> None:
        """See `RolloutEngine`."""
        ours = dict(self._model.named_parameters())
        theirs = fitting(weights, {name: parameter.shape for name, parameter in ours.items()}, version)
        with torch.no_grad():
            for name, parameter in ours.items():
                parameter.copy_(theirs[name])

    def close(self) -> None:
        """See `RolloutEngine`."""
        self._wave = None
        self._waiting = []

    def _begin(self, requests: list[Request]) -> _Wave:
        # The siblings' one prompt is computed once.
        prompts: dict[bytes, int] = {}
        which = [prompts.setdefault(request.tokens.tobytes(), len(prompts)) for request in requests]
        texts = [torch.from_numpy(np.frombuffer(prompt, np.int32).astype(np.int64)) for prompt in prompts]
        tokens, mask = (
            pad_sequence(each, batch_first=True, padding_side="left").to(self._device)
            for each in (texts, [torch.ones_like(text) for text in texts])
        )
        cache = DynamicCache(config=self._model.config)
        logits = self._forward(tokens, mask, cache)
        rows = torch.tensor(which, device=self._device)
        cache.batch_select_indices(rows)
        return _Wave(
            rows=[_Row(request, np.random.Generator(np.random.Philox(request.seed))) for request in requests],
            cache=cache,
            mask=mask[rows],
            logits=logits[rows],
        )

    def _forward(self, tokens: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
        """Logits [rows, vocabulary] after `tokens` [rows, new], float32."""
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        answer: Any = self._model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cast("Tensor", answer.logits[:, -1]).float()

    def _sample(self, wave: _Wave) -> tuple[list[Output], Tensor]:
        logprobs = (wave.logits / self._temperature).log_softmax(1)
        numbers = torch.tensor([row.numbers.random() for row in wave.rows], dtype=torch.float64, device=self._device)
        cumulative = logprobs.double().exp().cumsum(1)
        chosen = torch.searchsorted(cumulative, (numbers * cumulative[:, -1])[:, None], right=True).squeeze(1)
        chosen.clamp_(max=logprobs.shape[1] - 1)
        greedy = torch.tensor([row.request.greedy for row in wave.rows], device=self._device)
        chosen = torch.where(greedy, logprobs.argmax(1), chosen)
        taken = logprobs.gather(1, chosen[:, None]).squeeze(1).tolist()
        outputs = []
        for row, token, logprob in zip(wave.rows, chosen.tolist(), taken, strict=True):
            if row.over:
                continue
            row.generated += 1
            end = End.STOP if token in self._stop else End.LENGTH if row.generated == row.request.max_tokens else None
            row.over = end is not None
            outputs.append(Output(id=row.request.id, tokens=[token], logprobs=[logprob], end=end))
        return outputs, chosen

    def _advance(self, wave: _Wave, chosen: Tensor) -> None:
        going = [index for index, row in enumerate(wave.rows) if not row.over]
        if not going:
            self._wave = None
            return
        if len(going) <= (1 - _WASTE) * len(wave.rows):
            kept = torch.tensor(going, device=self._device)
            wave.rows = [wave.rows[index] for index in going]
            wave.cache.batch_select_indices(kept)
            wave.mask, chosen = wave.mask[kept], chosen[kept]
        wave.mask = torch.cat((wave.mask, wave.mask.new_ones(len(wave.mask), 1)), dim=1)
        wave.logits = self._forward(chosen[:, None], wave.mask, wave.cache)
