"""What every rollout engine keeps to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.rollouts import LONG_PROMPT, PROMPT, changed, greedy, request, rest, sample
from tests.trainer.conftest import STOP, NewVLLM
from trainer.config import TrainerConfig
from trainer.errors import StaleWeights
from trainer.policy import Policy
from trainer.rollout_torch import TorchRollouts
from trainer.rollouts import RolloutEngine
from trainer.tables import ModelConfig, RolloutsConfig
from trainer.types import End, Request

SAME = 1e-5
FLOAT32_GAP = 1e-4


def many() -> list[Request]:
    return [
        request(f"{name}{seed}", tokens, max_tokens=6 + 3 * seed, seed=seed)
        for name, tokens in (("short", PROMPT[:3]), ("middle", PROMPT), ("long", LONG_PROMPT))
        for seed in range(5)
    ]


def test_a_request_is_answered_alike_alone_in_a_batch_and_in_another_order(engine: RolloutEngine) -> None:
    batch = sample(engine, *many())
    reversed_batch = sample(engine, *reversed(many()))
    for one in many():
        alone = sample(engine, one)[one.id]
        for other in (batch[one.id], reversed_batch[one.id]):
            assert other.tokens == alone.tokens
            assert other.end == alone.end
            np.testing.assert_allclose(other.logprobs, alone.logprobs, atol=SAME)


def test_another_seed_gives_another_response(engine: RolloutEngine) -> None:
    responses = sample(engine, *(request(str(seed), seed=seed) for seed in range(4)))
    assert len({tuple(response.tokens) for response in responses.values()}) == 4


@pytest.mark.parametrize("one", [request(), request(tokens=LONG_PROMPT), request(tokens=PROMPT[:1])])
def test_logprobs_are_the_trainers(engine: RolloutEngine, policy: Policy, one: Request) -> None:
    response = sample(engine, one)[one.id]
    ours = policy.response_logprobs(one.tokens.tolist(), response.tokens)
    np.testing.assert_allclose(response.logprobs, ours, atol=FLOAT32_GAP)


@pytest.mark.parametrize("kind", ["vllm", "torch"])
def test_logprobs_are_those_of_the_temperature_that_it_samples_at(
    kind: str, tiny_model: Path, new_vllm: NewVLLM
) -> None:
    model = ModelConfig(path=str(tiny_model))
    config = TrainerConfig(model=model, rollouts=RolloutsConfig(temperature=0.5))
    cold = new_vllm(tiny_model, temperature=0.5) if kind == "vllm" else TorchRollouts(config, [STOP])
    policy = Policy(model, temperature=0.5)
    response = sample(cold, request())["only"]
    np.testing.assert_allclose(response.logprobs, policy.response_logprobs(PROMPT, response.tokens), atol=FLOAT32_GAP)


@pytest.mark.parametrize("prompt", [PROMPT, LONG_PROMPT], ids=["short", "long"])
def test_a_greedy_response_takes_the_likeliest_tokens(engine: RolloutEngine, policy: Policy, prompt: list[int]) -> None:
    response = sample(engine, greedy(prompt))["greedy"]
    (distributions,) = policy.response_distributions(prompt, [response.tokens])
    assert response.tokens == distributions.argmax(1).tolist()


@pytest.mark.parametrize("prompt", [PROMPT, LONG_PROMPT], ids=["short", "long"])
@pytest.mark.parametrize("cut", [1, 7])
def test_a_cut_response_goes_on_as_if_it_had_not_been_cut(engine: RolloutEngine, prompt: list[int], cut: int) -> None:
    whole = sample(engine, greedy(prompt))["greedy"]
    first = sample(engine, greedy(prompt, cut))["greedy"]
    assert first.end is End.LENGTH
    second = sample(engine, greedy(prompt + first.tokens, 16 - cut))["greedy"]
    assert first.tokens + second.tokens == whole.tokens
    np.testing.assert_allclose(first.logprobs + second.logprobs, whole.logprobs, atol=SAME)


def test_max_tokens_is_kept_to(engine: RolloutEngine) -> None:
    lengths = (1, 2, 20)
    responses = sample(
        engine, *(request(f"{length}/{seed}", max_tokens=length, seed=seed) for length in lengths for seed in range(4))
    )
    for length in lengths:
        ends = set()
        for seed in range(4):
            response = responses[f"{length}/{seed}"]
            ends.add(response.end)
            assert len(response.tokens) <= length
            assert response.end is End.STOP or len(response.tokens) == length
        assert End.LENGTH in ends


def test_a_stop_token_ends_a_response_and_is_its_last(engine: RolloutEngine) -> None:
    responses = sample(engine, *(request(str(seed), max_tokens=40, seed=seed) for seed in range(24)))
    assert {response.end for response in responses.values()} == {End.STOP, End.LENGTH}
    for response in responses.values():
        assert (response.tokens[-1] == STOP) is (response.end is End.STOP)
        assert STOP not in response.tokens[:-1]


def test_an_aborted_request_brings_nothing_more_and_its_neighbours_go_on(engine: RolloutEngine) -> None:
    alone = sample(engine, request("kept", seed=2))["kept"]
    for one in (request("kept", seed=2), request("gone", seed=3), request("gone too", seed=4)):
        engine.submit(one)
    begun = engine.step()
    engine.abort(["gone", "gone too", "never there"])
    after = rest(engine, ["kept"])["kept"]
    before = [token for output in begun if output.id == "kept" for token in output.tokens]
    assert before + after.tokens == alone.tokens
    assert engine.step() == []


def test_with_everything_aborted_there_is_nothing_to_wait_for(engine: RolloutEngine) -> None:
    engine.submit(request("a"))
    engine.submit(request("b"))
    engine.abort(["a"])
    engine.step()
    engine.abort(["b"])
    assert engine.step() == []
    assert sample(engine, request("a"))["a"].end is not None


def test_it_waits_for_nothing_when_nothing_is_asked_for(engine: RolloutEngine) -> None:
    assert engine.step() == []


def test_after_new_weights_logprobs_are_the_new_trainers(engine: RolloutEngine, policy: Policy) -> None:
    old = sample(engine, request(tokens=LONG_PROMPT))["only"]
    changed(policy, 0.05)
    engine.load(policy.weights, 1)
    new = sample(engine, request(tokens=LONG_PROMPT))["only"]
    ours = policy.response_logprobs(LONG_PROMPT, new.tokens)
    np.testing.assert_allclose(new.logprobs, ours, atol=FLOAT32_GAP)
    assert new.tokens != old.tokens


def test_weights_of_another_model_are_refused_and_the_engine_stays_as_it_was(
    engine: RolloutEngine, policy: Policy
) -> None:
    before = sample(engine, request())["only"]
    right = dict(policy.weights())
    name = "model.layers.1.mlp.up_proj.weight"
    wrong = {
        "missing": {key: tensor for key, tensor in right.items() if key != name},
        "added": right | {"model.layers.2.mlp.up_proj.weight": right[name]},
        "transposed": right | {name: right[name].T},
        "integers": right | {name: right[name].int()},
    }
    for tensors in wrong.values():
        with pytest.raises(StaleWeights, match=r"model\.layers\..\.mlp\.up_proj\.weight"):
            engine.load(lambda tensors=tensors: iter(tensors.items()), 1)
    after = sample(engine, request())["only"]
    assert after == before
