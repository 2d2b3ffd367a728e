"""Rollouts by vLLM: what its engines share, and the one in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import torch

from engine.errors import BadInput
from trainer.config import TrainerConfig
from trainer.errors import RolloutsFailed, TrainerError
from trainer.rollouts import Weights, Within, no_deadline
from trainer.types import End, Output, Request

if TYPE_CHECKING:
    from vllm import RequestOutput, SamplingParams, TokensPrompt
    from vllm.distributed.weight_transfer.base import VLLMWeightSyncClient
    from vllm.logprobs import Logprob

    from trainer.transfer_vllm import Transfer
    from trainer.weights_vllm import Facts, Source

_ENDS: Final = {"stop": End.STOP, "length": End.LENGTH, "repetition": End.REPEAT}
_MOST_SEQUENCES: Final = 1024
_CPU_CACHE_BYTES: Final = 1 << 30

# What the user has set stays. In this process a request, its weights and its errors need no second one.
_ENVIRONMENT: Final = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
# There compiling takes longer than it saves, and the trainer computes with the same threads.
_CPU_ENVIRONMENT: Final = {"TORCHDYNAMO_DISABLE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


class VLLMEngine(ABC):
    """What the engines on vLLM share: how they sample, and how they are updated.

    stop_tokens  token ids that end a response
    """

    context_tokens: int
    block_tokens: int
    _source: Source
    _transfer: Transfer

    def __init__(self, config: TrainerConfig, stop_tokens: Sequence[int]) -> None:
        self._config = config
        self._stop = list(stop_tokens)
        self._device = prepared()
        self._open = True

    def _connect(self, calls: VLLMWeightSyncClient, facts: Facts, **server: Any) -> None:
        from trainer.transfer_vllm import Transfer, kind_of
        from trainer.weights_vllm import Source, checkpoint_shapes

        self.context_tokens, self.block_tokens = facts.context_tokens, facts.block_tokens
        model = self._config.model
        kind = kind_of(self._config.weights.transfer, self._config.rollouts.engine, self._device, facts.backend)
        self._source = Source(checkpoint_shapes(model.path, tied=facts.tied), getattr(torch, model.dtype))
        self._transfer = Transfer(kind, calls, self._source, **server)

    def sampling(self, request: Request) -> dict[str, Any]:
        """The arguments of its SamplingParams."""
        return {
            "temperature": 0.0 if request.greedy else self._config.rollouts.temperature,
            "seed": request.seed,
            "max_tokens": request.max_tokens,
            "logprobs": 0,
            # Ours alone: vLLM knows fewer and more from the model's files.
            "stop_token_ids": self._stop,
            "ignore_eos": True,
            "detokenize": False,
        }

    def _prompted(self, request: Request) -> tuple[TokensPrompt, SamplingParams]:
        """The request in vLLM's words."""
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        prompt = TokensPrompt(prompt_token_ids=request.tokens.tolist())
        return prompt, SamplingParams(**self.sampling(request), output_kind=RequestOutputKind.DELTA)

    def load(self, weights: Weights, version: int, within: Within = no_deadline) -> None:
        """See `RolloutEngine`."""
        if self._busy:
            raise RolloutsFailed(f"version {version} comes while requests are under way")
        with self._source.holding(weights, version), failures(f"did not take on version {version}"):
            within("vLLM to pause", self._pause)
            self._transfer.send(version, within)
            if not within("vLLM to empty its prefix cache", self._empty_cache):
                raise RolloutsFailed(f"vLLM keeps what it cached before version {version}")
            within("vLLM to go on", self._resume)

    def close(self) -> None:
        """See `RolloutEngine`."""
        if self._open:
            self._open = False
            self._transfer.close()
            self._shut_down()

    @property
    @abstractmethod
    def _busy(self) -> bool:
        """Whether requests are under way."""

    @abstractmethod
    def _pause(self) -> None: ...

    @abstractmethod
    def _empty_cache(self) -> bool: ...

    @abstractmethod
    def _resume(self) -> None: ...

    @abstractmethod
    def _shut_down(self) -> None: ...


class VLLMRollouts(VLLMEngine):
    """A `RolloutEngine` on a vLLM that runs in this process, on the policy's own device.

    Raises BadInput without vLLM or a checkpoint that it can be updated by, RolloutsFailed where it does not start.
    """

    def __init__(self, config: TrainerConfig, stop_tokens: Sequence[int]) -> None:
        super().__init__(config, stop_tokens)
        from vllm import LLM

        from trainer.transfer_vllm import Calls

        with failures("does not start"):
            self._llm = LLM(**arguments(config, self._device))
            self._engine = self._llm.llm_engine
            self._connect(Calls(self._llm, lambda said: said), facts_of(self._llm.collective_rpc("assay_facts")))

    def submit(self, request: Request) -> None:
        """See `RolloutEngine`."""
        with failures(f"refuses request {request.id}"):
            self._engine.add_request(request.id, *self._prompted(request))

    def step(self) -> list[Output]:
        """See `RolloutEngine`."""
        while self._engine.has_unfinished_requests():
            with failures("failed"):
                outputs = [taken(output) for output in cast("list[RequestOutput]", self._engine.step())]
            if outputs:
                return outputs
        return []

    def abort(self, ids: Iterable[str]) -> None:
        """See `RolloutEngine`."""
        with failures("failed"):
            self._engine.abort_request(list(ids))

    @property
    def _busy(self) -> bool:
        return self._engine.has_unfinished_requests()

    def _pause(self) -> None:
        """Nothing runs between two steps."""

    def _empty_cache(self) -> bool:
        return self._engine.reset_prefix_cache()

    def _resume(self) -> None:
        """The next step does."""

    def _shut_down(self) -> None:
        self._engine.engine_core.shutdown()


def prepared() -> str:
    """The type of the device, once the environment is what vLLM is to find when it is imported; raises BadInput."""
    if importlib.util.find_spec("vllm") is None:
        raise BadInput("rollouts.engine", "vllm", "needs vllm: pip install 'assay[vllm]'")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name, value in (_ENVIRONMENT | (_CPU_ENVIRONMENT if device == "cpu" else {})).items():
        os.environ.setdefault(name, value)
    return device


def arguments(config: TrainerConfig, device: str) -> dict[str, Any]:
    """Of vLLM's engines on this machine; raises BadInput for a transfer that they do not have."""
    from vllm.config import WeightTransferConfig

    from trainer.transfer_vllm import BACKENDS, kind_of

    model, rollouts, cpu = config.model, config.rollouts, device == "cpu"
    kind = kind_of(config.weights.transfer, rollouts.engine, device)
    cache: dict[str, Any] = {}
    if size := rollouts.kv_cache_bytes or (_CPU_CACHE_BYTES if cpu else 0):
        # The share is then no more than what has to be free at the start, and the trainer's weights are there already.
        cache = {"kv_cache_memory_bytes": size, "gpu_memory_utilization": 0.01}
    return {
        "model": model.path,
        "dtype": model.dtype,
        # As long as the cache has room for: the trainer compares its prompts with what it came to.
        "max_model_len": -1,
        "max_num_seqs": min(rollouts.groups_per_iteration * rollouts.rollouts_per_group, _MOST_SEQUENCES),
        "enforce_eager": cpu,
        # On the CPU vLLM 0.32 dies of a prompt that it computes in parts for a request with a seed.
        "enable_chunked_prefill": not cpu,
        "distributed_executor_backend": "uni",
        "skip_tokenizer_init": True,
        "use_tqdm_on_load": False,
        "disable_log_stats": True,
        # The loss divides the logits by the temperature too.
        "logprobs_mode": "raw_logprobs" if rollouts.temperature == 1.0 else "processed_logprobs",
        "worker_extension_cls": "trainer.weights_vllm.Extension",
        "weight_transfer_config": WeightTransferConfig(backend=BACKENDS[kind]),
        **cache,
    }


def facts_of(workers: Sequence[dict[str, Any]]) -> Facts:
    """The first worker's, whose answers to `assay_facts` these are."""
    from trainer.weights_vllm import Facts

    return msgspec.convert(workers[0], Facts)


def taken(output: RequestOutput) -> Output:
    """What vLLM says of a request, in our words."""
    (completion,) = output.outputs
    tokens = list(completion.token_ids)
    places = cast("list[dict[int, Logprob]]", completion.logprobs or [])
    logprobs = [place[token].logprob for token, place in zip(tokens, places, strict=True)]
    return Output(
        id=output.request_id, tokens=tokens, logprobs=logprobs, end=end_of(output.request_id, completion.finish_reason)
    )


def end_of(request_id: str, reason: str | None) -> End | None:
    """Why a response is over, None while it is not; raises RolloutsFailed for a reason that is none of ours."""
    if reason is not None and reason not in _ENDS:
        raise RolloutsFailed(f"vLLM ended request {request_id} with {reason!r}")
    return None if reason is None else _ENDS[reason]


@contextlib.contextmanager
def failures(what: str) -> Iterator[None]:
    """Whatever vLLM raises is RolloutsFailed."""
    try:
        yield
    except (TrainerError, BadInput):
        raise
    except Exception as error:
        raise RolloutsFailed(f"vLLM {what}: {type(error).__name__}: {error}") from error
