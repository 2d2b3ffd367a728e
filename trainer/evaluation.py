"""Rewards on prompts that are not trained on."""

from __future__ import annotations

from collections.abc import Sequence

from rewards import NotJudged, Reward
from trainer.buffer import TextOf, seed_of
from trainer.metrics import mean
from trainer.rewards import Scoring
from trainer.rollouts import RolloutEngine
from trainer.types import HeldOut, Prompt, Request


def evaluate(
    prompts: Sequence[Prompt], engine: RolloutEngine, scoring: Scoring, text: TextOf, max_tokens: int, *, seed: int
) -> HeldOut:
    """One sampled and one greedy response to each prompt, with the same seeds at every evaluation.

    A response that is not judged leaves its prompt out.
    """
    tokens: dict[str, list[int]] = {}
    of: dict[str, Prompt] = {}
    for prompt in prompts:
        for way in ("sampled", "greedy"):
            key = f"{way}/{prompt.id}"
            tokens[key], of[key] = [], prompt
            engine.submit(
                Request(
                    id=key,
                    tokens=prompt.tokens,
                    max_tokens=max_tokens,
                    seed=seed_of(seed, key, 0),
                    greedy=way == "greedy",
                )
            )
    while outputs := engine.step():
        for output in outputs:
            tokens[output.id] += output.tokens
            if output.end is not None:
                scoring.submit(output.id, of[output.id], text(tokens[output.id]))
    answers: dict[str, Reward | NotJudged] = {}
    while scoring.outstanding:
        answers.update(scoring.finished(wait=True))
    by_prompt = {}
    for prompt in prompts:
        sampled, greedy = answers[f"sampled/{prompt.id}"], answers[f"greedy/{prompt.id}"]
        if isinstance(sampled, Reward) and isinstance(greedy, Reward):
            by_prompt[prompt.id] = (sampled.reward, greedy.reward)
    return HeldOut(
        sampled=mean([pair[0] for pair in by_prompt.values()]),
        greedy=mean([pair[1] for pair in by_prompt.values()]),
        by_prompt=by_prompt,
    )
