"""Which prompts come next, and that a resumed sampler goes on where it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import BadInput
from rewards import Reward
from trainer import Group, Prompt
from trainer.sampling import Sampler
from trainer.tables import SamplingConfig
from trainer.types import Rollout

PROMPTS = [
    Prompt(id=str(number), tokens=np.arange(3, dtype=np.int32), item={}, difficulty=float(number % 5))
    for number in range(20)
]


def sampler(order: str, **state: object) -> Sampler:
    return Sampler(SamplingConfig(order=order), PROMPTS, seed=3, **state)  # type: ignore[arg-type]


def group(prompt: Prompt, *correct: float) -> Group:
    rollouts = tuple(
        Rollout(
            id=str(index),
            prompt_id=prompt.id,
            index=index,
            tokens=np.zeros(1, np.int32),
            reward=Reward(reward=number),
            parts={"correct": number},
        )
        for index, number in enumerate(correct)
    )
    return Group(prompt=prompt, rollouts=rollouts, opened_at=1)


def ids(prompts: list[Prompt]) -> list[str]:
    return [prompt.id for prompt in prompts]


def test_uniform_gives_each_prompt_once_an_epoch() -> None:
    uniform = sampler("uniform")
    epochs = [ids(uniform.take(7) + uniform.take(13)) for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(ids(PROMPTS))
    assert epochs[0] != epochs[1]


def test_a_curriculum_goes_from_easy_to_hard_and_then_by_failure() -> None:
    curriculum = sampler("curriculum")
    first = curriculum.take(20)
    assert sorted(ids(first)) == sorted(ids(PROMPTS))
    difficulties = [prompt.difficulty or 0.0 for prompt in first]
    assert difficulties == sorted(difficulties)
    curriculum.observe(group(prompt, 1.0, 1.0) for prompt in PROMPTS[:19])
    later = ids([prompt for _ in range(40) for prompt in curriculum.take(1)])
    assert Counter(later).most_common(1)[0][0] == "19"


def test_a_curriculum_needs_difficulties() -> None:
    with pytest.raises(BadInput, match=r"sampling.order 'curriculum': prompt 0 has no difficulty"):
        Sampler(SamplingConfig(order="curriculum"), [replace(PROMPTS[0], difficulty=None)], seed=0)


def test_by_failure_is_in_proportion_to_1_minus_s_with_a_floor() -> None:
    failure = sampler("failure")
    failure.observe([group(PROMPTS[0], 1.0, 1.0), group(PROMPTS[1], 0.0, 1.0)])
    drawn = Counter(ids([failure.take(1)[0] for _ in range(6000)]))
    counts = 18 + 0.5 + 0.05
    assert drawn["0"] == pytest.approx(6000 * 0.05 / counts, rel=0.5)
    assert drawn["1"] == pytest.approx(6000 * 0.5 / counts, rel=0.25)
    assert drawn["2"] == pytest.approx(6000 / counts, rel=0.25)


def test_newer_rates_count_more() -> None:
    failure = sampler("failure")
    for rate in (0.0, 1.0, 1.0):
        failure.observe([group(PROMPTS[0], rate)])
    assert failure.success == {"0": 0.75}


@pytest.mark.parametrize("order", ["uniform", "curriculum", "failure"])
def test_none_comes_twice_in_one_draw_as_long_as_there_are_enough(order: str) -> None:
    taking = sampler(order)
    assert all(len(set(ids(taking.take(count)))) == count for count in (13, 14, 20, 17))
    assert len(sampler(order).take(50)) == 50


def test_across_the_end_of_an_epoch_each_prompt_still_comes_once_in_each() -> None:
    uniform = sampler("uniform")
    taken = [name for _ in range(40) for name in ids(uniform.take(13))]
    for epoch in range(26):
        assert sorted(taken[20 * epoch : 20 * epoch + 20]) == sorted(ids(PROMPTS))


@pytest.mark.parametrize("order", ["uniform", "curriculum", "failure"])
def test_it_goes_on_where_it_was(order: str) -> None:
    whole = sampler(order)
    whole.take(17)
    whole.observe([group(PROMPTS[4], 1.0)])
    for count in (15, 5, 20):
        again = sampler(order, drawn=whole.drawn, left=whole.left, success=dict(whole.success))
        assert ids(again.take(count)) == ids(whole.take(count))


def test_it_ends_where_prompts_have_gone_since_the_checkpoint() -> None:
    for seed in range(50):
        left = [PROMPTS[1].id, "gone"]
        drawn = len(PROMPTS) + 2
        sampler = Sampler(SamplingConfig(order="uniform"), PROMPTS, seed=seed, drawn=drawn, left=left)
        taken = [prompt.id for prompt in sampler.take(len(PROMPTS) - 1)]
        assert len(set(taken)) == len(PROMPTS) - 1
