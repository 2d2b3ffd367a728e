"""New weights to the engine, as a process: our sync, and what goes through a directory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benches.trainer.worker import Turns
from trainer.config import TrainerConfig
from trainer.policy import Policy
from trainer.prompts import load_tokenizer, stop_tokens
from trainer.rollout_vllm import VLLMRollouts
from trainer.tables import ModelConfig, RolloutsConfig
from trainer.weights import WeightSync

OURS: Final = "sync and its probe"
UNPROVED: Final = "sync alone"
RELOAD: Final = "save, reload_weights"
ENGINE: Final = "save, another engine"
WAYS: Final = (OURS, UNPROVED, RELOAD, ENGINE)
_PROMPT_TOKENS: Final = 128
_CHANGE: Final = 1e-3
_CACHE_BYTES: Final = 256 << 20


def run(specification: Mapping[str, Any], turns: Turns) -> None:
    """Weights that have changed to the engine each turn; afterwards it has to sample from them."""
    model = ModelConfig(path=specification["model"])
    policy = Policy(model)
    stop = stop_tokens(model.path, load_tokenizer(model.path))
    rollouts = RolloutsConfig(kv_cache_bytes=_CACHE_BYTES)
    # None is given back: with one of them ends what vLLM keeps for the whole process.
    engines = [VLLMRollouts(TrainerConfig(model=model, rollouts=rollouts), stop)]
    prompt = np.resize(np.arange(10, 60, dtype=np.int32), _PROMPT_TOKENS)
    version = 0

    with tempfile.TemporaryDirectory(prefix="assay-bench-") as directory:
        place = Path(directory)

        def reload() -> None:
            policy.save(place)
            llm = engines[-1]._llm
            llm.collective_rpc("reload_weights", kwargs={"weights_path": str(place)})
            llm.reset_prefix_cache()

        def another() -> None:
            policy.save(place)
            load_tokenizer(model.path).save_pretrained(place)
            engines.append(VLLMRollouts(TrainerConfig(model=ModelConfig(path=str(place)), rollouts=rollouts), stop))

        def ours() -> None:
            new_sync().sync(version)

        def unproved() -> None:
            engines[-1].load(policy.weights, version)

        def new_sync() -> WeightSync:
            return WeightSync(engines[-1], policy.weights, policy.response_distributions, prompt)

        ways: dict[str, Callable[[], None]] = {OURS: ours, UNPROVED: unproved, RELOAD: reload, ENGINE: another}
        way = ways[specification["way"]]
        turns({"gap": new_sync().probe(version)})
        while True:
            version += 1
            for parameter in policy.parameters():
                parameter.data.mul_(1 + _CHANGE)
            began, cpu_began = time.perf_counter(), time.process_time()
            way()
            answer = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu_began}
            turns(answer | {"gap": new_sync().probe(version)})
