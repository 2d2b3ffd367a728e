"""Rewards on prompts that are not trained on."""

from __future__ import annotations

from collections.abc import Sequence

from rewards import NotJudged, Reward
from trainer.buffer import TextOf, seed_of
from trainer.metrics import mean
from trainer.rewards import Scoring
from trainer.rollouts import RolloutEngine, sampled
from trainer.types import HeldOut, Prompt, Request


def evaluate(
    prompts: Sequence[Prompt], engine: RolloutEngine, scoring: Scoring, text: TextOf, max_tokens: int, *, seed: int
) -> HeldOut:
    """One sampled and one greedy response to each prompt, with the same seeds at every evaluation.

    A response that is not judged leaves its prompt out.
    """
    asked = {f"{way}/{prompt.id}": prompt for prompt in prompts for way in ("sampled", "greedy")}
    requests = [
        Request(
            id=key,
            tokens=prompt.tokens,
            max_tokens=max_tokens,
            seed=seed_of(seed, key, 0),
            greedy=key.startswith("greedy/"),
        )
        for key, prompt in asked.items()
    ]
    for key, tokens, _ in sampled(engine, requests):
        scoring.submit(key, asked[key], text(tokens))
    answers: dict[str, Reward | NotJudged] = {}
    while scoring.outstanding:
        answers.update(scoring.finished(wait=True))
    by_prompt = {}
    for prompt in prompts:
        usual, greedy = answers[f"sampled/{prompt.id}"], answers[f"greedy/{prompt.id}"]
        if isinstance(usual, Reward) and isinstance(greedy, Reward):
            by_prompt[prompt.id] = (usual.reward, greedy.reward)
    return HeldOut(
        sampled=mean([pair[0] for pair in by_prompt.values()]) if by_prompt else None,
        greedy=mean([pair[1] for pair in by_prompt.values()]) if by_prompt else None,
        by_prompt=by_prompt,
    )
