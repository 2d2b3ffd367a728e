"""The classic reward model: a classifier's one number for question, reference and answer; needs torch."""

from __future__ import annotations

import asyncio
import math
import threading
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.errors import BadInput, CannotStart
from rewards.judge.guards import one_line, refusal
from rewards.judge.item import JudgeItem
from rewards.judge.opinion import Case, NoOpinion, Opinion
from rewards.judge.reward import judged
from rewards.reward import NotJudged, Reward

_DEVICE: Final = "cpu"


class ScalarJudge:
    """A transformers sequence classifier as a judge (k1.5's classic reward model, 2.3.5).

    path        of the model, with one logit, or with two of which the second is "correct"
    threshold   from which logit on an answer is correct: a reward of 1 or 0; None: the reward is sigmoid(logit)
    device      torch's name of it
    max_tokens  a longer text is not judged, for to cut it could cut the answer; None means the model's own limit

    It reads `text_of`, which is what it has to have been trained on. Raises BadInput for a model of another shape,
    CannotStart without torch and transformers. Not judged only for a text that is too long, or a logit that is no
    number.
    """

    def __init__(
        self, path: str | Path, *, threshold: float | None = 0.0, device: str = _DEVICE, max_tokens: int | None = None
    ) -> None:
        try:
            import torch
            import transformers
        except ImportError:
            raise CannotStart("a classifier as a judge needs torch: pip install 'assay[trainer]'") from None
        self._torch = torch
        self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path)
        self._model: Any = transformers.AutoModelForSequenceClassification.from_pretrained(path).to(device).eval()
        if self._model.config.num_labels not in (1, 2):
            raise BadInput("path", str(path), f"expected one label or two, it has {self._model.config.num_labels}")
        limits = (max_tokens, self._tokenizer.model_max_length, self._model.config.max_position_embeddings)
        self._max_tokens = min(limit for limit in limits if limit)
        self._name = str(path)
        self._threshold = threshold
        self._one_at_a_time = threading.Lock()

    async def score(
        self, item: JudgeItem | dict[str, Any], *, deadline_seconds: float | None = None
    ) -> Reward | NotJudged:
        """The reward of an item of kind "judge"; raises BadInput for a wrong item."""
        return await judged(self, item, deadline_seconds)

    async def opinion(self, case: Case, *, deadline_seconds: float | None = None) -> Opinion | NoOpinion:
        """On one answer; the deadline has no meaning here."""
        case = msgspec.structs.replace(case, answer=one_line(case.answer))
        if refused := refusal(case.answer, case.reference):
            return Opinion(word="incorrect", words=refused)
        logit = await asyncio.to_thread(self.logit, case)
        if isinstance(logit, NoOpinion):
            return logit
        right = logit >= (0.0 if self._threshold is None else self._threshold)
        score = 1 / (1 + math.exp(-max(logit, -700.0))) if self._threshold is None else None
        return Opinion(word="correct" if right else "incorrect", model=self._name, score=score, logit=logit)

    def logit(self, case: Case) -> float | NoOpinion:
        """The model's number; of two labels the second's less the first's. Threads may share it."""
        tokens = self._tokenizer(text_of(case), return_tensors="pt")
        count = int(tokens["input_ids"].shape[1])
        if count > self._max_tokens:
            return NoOpinion(f"the judge reads {self._max_tokens} tokens, and this are {count}", fault=True)
        with self._one_at_a_time, self._torch.inference_mode():
            logits = self._model(**tokens.to(self._model.device)).logits[0].float().tolist()
        logit = float(logits[-1] - logits[0] if len(logits) == 2 else logits[0])
        return logit if math.isfinite(logit) else NoOpinion("the judge's logit is no number", fault=True)


def text_of(case: Case) -> str:
    """What a classifier reads, and has to have been trained on."""
    question = "" if case.question is None else f"Question:\n{case.question}\n\n"
    return f"{question}Reference:\n{case.reference}\n\nAnswer:\n{case.answer}"
