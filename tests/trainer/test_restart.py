"""An engine that dies is started again once, from the trainer's weights, and the run has the numbers of one that did
not see it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.repeat import RepeatRules
from tests.trainer.test_resume import ITERATIONS, config_of, likes_letters, numbers, prompts, run
from trainer import Prompt, RolloutsFailed, Trainer, lead
from trainer.engines import new_engine
from trainer.repeats import RepeatWatch
from trainer.rollout_torch import TorchRollouts
from trainer.rollouts import Weights, Within, no_deadline
from trainer.types import Output, Rollout, Segment


class Mortal(TorchRollouts):
    """Dies at these of its calls of `step` and `load`, counted over all engines of a run."""

    dies: dict[str, set[int]]
    calls: dict[str, int]

    def step(self) -> list[Output]:
        self._counted("step")
        return super().step()

    def load(self, weights: Weights, version: int, within: Within = no_deadline) -> None:
        self._counted("load")
        super().load(weights, version, within)

    def _counted(self, call: str) -> None:
        self.calls[call] = self.calls.get(call, 0) + 1
        if self.calls[call] in self.dies.get(call, ()):
            raise RolloutsFailed(f"died at {call} {self.calls[call]}")


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Mortal]]:
    """Every engine from now on dies at these calls; they are in the list."""

    def at(**dies: set[int]) -> list[Mortal]:
        made: list[Mortal] = []
        calls: dict[str, int] = {}

        def new(*given: Any) -> Mortal:
            engine = new_engine(*given)
            assert isinstance(engine, TorchRollouts)
            engine.__class__ = Mortal
            assert isinstance(engine, Mortal)
            engine.dies, engine.calls = dies, calls
            made.append(engine)
            return engine

        monkeypatch.setattr(lead, "new_engine", new)
        return made

    return at


@pytest.fixture
def whole(tiny_model: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """The numbers of a run whose engine does not die."""
    run(config_of(tiny_model, tmp_path / "whole"))
    return numbers(tmp_path / "whole")


@pytest.mark.parametrize("dies", [{"step": {12}}, {"step": {20}}, {"step": {27}}, {"load": {2}}, {"step": {12, 60}}])
def test_a_run_whose_engine_died_has_the_numbers_of_one_whose_did_not(
    tiny_model: Path, tmp_path: Path, dying: Any, whole: Any, dies: dict[str, set[int]], caplog: Any
) -> None:
    made = dying(**dies)
    run(config_of(tiny_model, tmp_path / "died"))
    assert len(made) == 1 + sum(map(len, dies.values()))
    assert caplog.text.count("it is started again") == len(made) - 1
    assert numbers(tmp_path / "died") == whole


def test_in_an_evaluation_too(tiny_model: Path, tmp_path: Path, dying: Any) -> None:
    def evaluated(directory: Path) -> Any:
        config = config_of(tiny_model, directory, run__iterations=1)
        with Trainer(config, prompts=prompts(), held_out=prompts(), reward=likes_letters) as trainer:
            return trainer.evaluate()

    whole = evaluated(tmp_path / "whole")
    # The first steps are the probe's.
    made = dying(step={12})
    assert evaluated(tmp_path / "died") == whole
    assert len(made) == 2


@pytest.mark.parametrize("dies", [{"step": {27, 38}}, {"load": {1, 2}}, {"step": {27}, "load": {2}}])
def test_one_that_dies_again_before_the_next_sync_stops_the_run(
    tiny_model: Path, tmp_path: Path, dying: Any, dies: dict[str, set[int]]
) -> None:
    dying(**dies)
    with pytest.raises(RolloutsFailed, match="died at"):
        run(config_of(tiny_model, tmp_path))


def core(trainer: Trainer) -> int:
    engine: Any = trainer._first._engine
    return int(engine._llm.engine_core.resources.engine_manager.processes[0].pid)


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_process_of_vllm_that_is_killed_among_rollouts(tiny_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    own = {"rollouts__engine": "vllm-async", "rollouts__kv_cache_bytes": 32 << 20}
    run(config_of(tiny_model, tmp_path / "whole", **own))
    kills = [8]

    async def kills_it(prompt: Prompt, text: str) -> float:
        kills[0] -= 1
        if kills[0] == 0:
            os.kill(core(trainer), signal.SIGKILL)
        return await likes_letters(prompt, text)

    with Trainer(config_of(tiny_model, tmp_path / "killed", **own), prompts=prompts(), reward=kills_it) as trainer:
        while trainer.number < ITERATIONS:
            trainer.step()
        assert kills[0] < 0
        ours, theirs = numbers(tmp_path / "killed"), numbers(tmp_path / "whole")
        for our, their in zip(ours, theirs, strict=True):
            # The last bits depend on what was computed at once.
            for line in (our, their):
                for name in ("update", "probe_gap"):
                    line.pop(name)
        assert ours == theirs
        # In the middle of a call, which vLLM itself would leave waiting for ever.
        engine: Any = trainer._first._engine
        stopped = core(trainer)
        os.kill(stopped, signal.SIGSTOP)
        threading.Timer(1.0, os.kill, (stopped, signal.SIGKILL)).start()
        with pytest.raises(RolloutsFailed, match="EngineDeadError"):
            engine.load(trainer.policy.weights, 99)
        trainer._first._restarted = True
        with pytest.raises(RolloutsFailed, match="EngineDeadError"):
            trainer.rollout()


def test_what_begins_anew_is_not_read_twice() -> None:
    rules = RepeatRules(certain_tokens=10)
    watch, key = RepeatWatch(rules), "0.0"
    tokens = list(range(6))
    segment = Segment(policy_version=0, start=0, end=6, logprobs=np.zeros(6, np.float32))
    rollout = Rollout(id=key, prompt_id="", index=0, tokens=np.asarray(tokens, np.int32), segments=(segment,))
    assert not watch.repeating([Output(id=key, tokens=tokens, logprobs=[0.0] * 6)])
    watch.restore(rollout)
    assert not watch.repeating([Output(id=key, tokens=[6, 7, 8], logprobs=[0.0] * 3)])
    assert watch.repeating([Output(id=key, tokens=[9], logprobs=[0.0])]) == {key: 10}
