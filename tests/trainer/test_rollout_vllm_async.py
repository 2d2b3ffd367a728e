"""What only the engine on AsyncLLM has, which is a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.rollouts import LONG_PROMPT, PROMPT, changed, request, sample
from trainer import rollout_vllm_async
from trainer.errors import RolloutsFailed, StaleWeights
from trainer.policy import Policy
from trainer.rollout_vllm_async import AsyncVLLMRollouts
from trainer.weights import WeightSync

np = pytest.importorskip("numpy")

# The engine's start counts for the first test that asks for it.
pytestmark = pytest.mark.timeout(400)


def test_its_size_and_its_version_are_what_its_process_says(async_engine: AsyncVLLMRollouts, policy: Policy) -> None:
    assert async_engine.context_tokens == 512
    assert async_engine.block_tokens > 1
    async_engine.load(policy.weights, 7)
    assert async_engine._loop.wait(async_engine._llm.get_weight_version()) == "7"


def test_a_prompt_longer_than_the_context_is_refused_and_the_engine_goes_on(async_engine: AsyncVLLMRollouts) -> None:
    async_engine.submit(request("long", (LONG_PROMPT * 4)[: async_engine.context_tokens + 1]))
    with pytest.raises(RolloutsFailed, match="maximum context length is 512 tokens"):
        async_engine.step()
    async_engine.abort(["long"])
    assert sample(async_engine, request())["only"].tokens


def test_what_an_aborted_request_still_says_is_not_taken_for_the_next_ones(async_engine: AsyncVLLMRollouts) -> None:
    alone = sample(async_engine, request(seed=5))["only"]
    async_engine.submit(request(max_tokens=200, seed=3))
    async_engine.step()
    async_engine.abort(["only"])
    assert sample(async_engine, request(seed=5))["only"] == alone


def test_what_waits_for_a_trainer_that_is_behind_is_one_output(async_engine: AsyncVLLMRollouts) -> None:
    alone = sample(async_engine, request(max_tokens=40, seed=5))["only"]
    async_engine.submit(request(max_tokens=40, seed=5))
    until = time.monotonic() + 30
    while async_engine._answers.qsize() < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    (output,) = async_engine.step()
    assert output.tokens == alone.tokens[: len(output.tokens)]
    assert len(output.logprobs) == len(output.tokens) > 1
    async_engine.abort(["only"])


def test_weights_do_not_change_under_a_request(async_engine: AsyncVLLMRollouts, policy: Policy) -> None:
    async_engine.submit(request())
    with pytest.raises(RolloutsFailed, match="under way"):
        async_engine.load(policy.weights, 1)
    async_engine.abort(["only"])


def test_an_engine_that_says_nothing_is_given_up(
    async_engine: AsyncVLLMRollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async_engine._pause()
    async_engine.submit(request())
    monkeypatch.setattr(rollout_vllm_async, "_SILENCE_SECONDS", 0.2)
    with pytest.raises(RolloutsFailed, match=r"said nothing for 0\.2 s, with 1 requests under way"):
        async_engine.step()
    async_engine.abort(["only"])
    async_engine._resume()


def test_a_cache_that_is_not_emptied_is_seen(
    async_engine: AsyncVLLMRollouts, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def left_as_it_is() -> bool:
        return True

    prompt = np.asarray(PROMPT, np.int32)
    sync = WeightSync(async_engine, policy.weights, policy.response_distributions, prompt, deadline_seconds=60)
    sync.probe(0)
    changed(policy, 0.05, only="embed_tokens")
    with monkeypatch.context() as patch:
        patch.setattr(async_engine._llm, "reset_prefix_cache", left_as_it_is)
        patch.setattr(async_engine, "_pause", lambda: None)
        with pytest.raises(StaleWeights, match="does not sample from version 1"):
            sync.sync(1)
    assert sync.sync(1) < 1e-4
    sync.close()


KILLED = """
import os, signal, sys
from trainer import TrainerConfig
from trainer.rollout_vllm_async import AsyncVLLMRollouts
from trainer.tables import ModelConfig, RolloutsConfig
if __name__ == "__main__":
    rollouts = RolloutsConfig(engine="vllm-async", kv_cache_bytes=32 << 20)
    engine = AsyncVLLMRollouts(TrainerConfig(model=ModelConfig(path=sys.argv[1]), rollouts=rollouts), [1])
    print(engine._llm.engine_core.resources.engine_manager.processes[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.thorough
def test_a_killed_trainer_leaves_no_engine_behind(tiny_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{KILLED}")
    with (tmp_path / "out").open("w+") as out:
        subprocess.run([sys.executable, str(script), str(tiny_model)], stdout=out, stderr=out, timeout=300)
    said = (tmp_path / "out").read_text()
    process = Path("/proc", next(line for line in said.splitlines() if line.isdigit()), "stat")
    until = time.monotonic() + 10
    while process.exists() and " Z " not in process.read_text():
        assert time.monotonic() < until, "the engine goes on"
        time.sleep(0.1)
