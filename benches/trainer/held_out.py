"""Rewards on held-out prompts by one sampler for all peers; what it takes is on nobody's clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benches.trainer.models import score
from trainer.buffer import seed_of
from trainer.config import TrainerConfig
from trainer.prompts import load_tokenizer, read_prompts, stop_tokens
from trainer.rollout_torch import TorchRollouts
from trainer.tables import ModelConfig
from trainer.types import Request

if TYPE_CHECKING:
    from torch import Tensor

_SAMPLES: Final = 2


class HeldOut:
    """Two samples at temperature 1 of each of a task's held-out prompts, with the same seeds every time."""

    def __init__(self, model: str, task: str, max_tokens: int) -> None:
        self._tokenizer = load_tokenizer(model)
        self._stop = stop_tokens(model, self._tokenizer)
        self._prompts = read_prompts(Path(task) / "held-out.jsonl", self._tokenizer)
        config = TrainerConfig(model=ModelConfig(path=model))
        self._engine = TorchRollouts(config, self._stop, most_rows=2 * len(self._prompts))
        self._max_tokens = max_tokens

    def reward(self, model: Any) -> float:
        """The mean under a transformers model's weights."""

        def weights() -> Iterator[tuple[str, Tensor]]:
            for name, parameter in model.named_parameters():
                yield name, parameter.detach()

        self._engine.load(weights, 0)
        responses: dict[str, list[int]] = {}
        items: dict[str, dict[str, Any]] = {}
        for prompt in self._prompts:
            for number in range(_SAMPLES):
                key = f"{prompt.id}/{number}"
                responses[key], items[key] = [], prompt.item
                request = Request(id=key, tokens=prompt.tokens, max_tokens=self._max_tokens, seed=seed_of(0, key, 0))
                self._engine.submit(request)
        while outputs := self._engine.step():
            for output in outputs:
                responses[output.id] += [token for token in output.tokens if token not in self._stop]
        texts = {key: self._tokenizer.decode(tokens) for key, tokens in responses.items()}
        return sum(score(items[key], str(text)) for key, text in texts.items()) / len(texts)
