"""What only the engine on vLLM has."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from engine.errors import BadInput
from tests.support.rollouts import LONG_PROMPT, changed, request, sample
from tests.trainer.conftest import NewVLLM
from trainer.config import TrainerConfig
from trainer.errors import RolloutsFailed
from trainer.policy import Policy
from trainer.rollout_vllm import VLLMRollouts
from trainer.tables import ModelConfig


def test_without_vllm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install 'assay\[vllm\]'"):
        VLLMRollouts(TrainerConfig(model=ModelConfig(path=str(tiny_model))), [1])


def test_a_model_that_it_cannot_load_is_an_error_that_says_why(tmp_path: Path, new_vllm: NewVLLM) -> None:
    with pytest.raises(RolloutsFailed, match="does not start"):
        new_vllm(tmp_path)


def test_a_prompt_longer_than_the_context_is_refused_and_the_engine_goes_on(vllm_engine: VLLMRollouts) -> None:
    too_long = (LONG_PROMPT * 4)[: vllm_engine.context_tokens + 1]
    with pytest.raises(RolloutsFailed, match="refuses request long"):
        vllm_engine.submit(request("long", too_long))
    assert sample(vllm_engine, request())["only"].tokens


def test_an_engine_that_raises_is_an_error_of_ours(vllm_engine: VLLMRollouts, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies() -> None:
        raise AssertionError("no such block")

    vllm_engine.submit(request())
    with monkeypatch.context() as patch:
        patch.setattr(vllm_engine._engine, "step", dies)
        with pytest.raises(RolloutsFailed, match="AssertionError: no such block"):
            vllm_engine.step()
    vllm_engine.abort(["only"])


def test_more_prompts_than_one_step_computes_are_all_answered(vllm_engine: VLLMRollouts) -> None:
    most = vllm_engine._engine.vllm_config.scheduler_config.max_num_batched_tokens
    prompts = [[3 + (number * 7 + place) % 90 for place in range(150)] for number in range(most // 150 + 2)]
    responses = sample(vllm_engine, *(request(str(number), prompt, 2) for number, prompt in enumerate(prompts)))
    assert all(response.tokens for response in responses.values())


def test_its_size_is_what_the_model_and_the_cache_have_room_for(vllm_engine: VLLMRollouts) -> None:
    assert vllm_engine.context_tokens == 512
    assert vllm_engine.block_tokens > 1


def test_weights_do_not_change_under_a_request(vllm_engine: VLLMRollouts, policy: Policy) -> None:
    vllm_engine.submit(request())
    with pytest.raises(RolloutsFailed, match="under way"):
        vllm_engine.load(policy.weights, 1)
    vllm_engine.abort(["only"])


def test_it_says_the_version_that_it_samples_from(vllm_engine: VLLMRollouts, policy: Policy) -> None:
    vllm_engine.load(policy.weights, 7)
    assert vllm_engine._llm.get_weight_version() == "7"


def test_syncs_leave_nothing_behind(vllm_engine: VLLMRollouts, policy: Policy) -> None:
    def held() -> list[int]:
        return [len(list(Path(place).iterdir())) for place in ("/dev/shm", "/proc/self/fd", "/proc/self/task")]

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def syncs(number: int) -> None:
        for version in range(number):
            changed(policy, 1e-3, seed=version)
            vllm_engine.load(policy.weights, version)
            sample(vllm_engine, request(tokens=LONG_PROMPT, max_tokens=2))

    syncs(20)
    before, bytes_before = held(), resident()
    syncs(100)
    assert held() == before
    assert resident() - bytes_before < 8 << 20


def test_a_killed_run_leaves_no_weights_behind(vllm_engine: VLLMRollouts) -> None:
    maps = Path("/proc/self/maps").read_text()
    assert "memfd:assay-weights (deleted)" in maps, "memory without a name"
    open_files = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert not [file for file in open_files if "assay-weights" in file]
