"""Rollouts by vLLM, in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from engine.errors import BadInput
from trainer.errors import RolloutsFailed, TrainerError
from trainer.rollouts import Weights, Within, no_deadline
from trainer.tables import ModelConfig, RolloutsConfig
from trainer.types import End, Output, Request

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput
    from vllm.logprobs import Logprob

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


class VLLMRollouts:
    """A `RolloutEngine` on a vLLM that runs in this process, on the policy's own device.

    stop_tokens  token ids that end a response

    Raises BadInput without vLLM or a checkpoint that it can be updated by, RolloutsFailed where it does not start.
    """

    def __init__(self, model: ModelConfig, rollouts: RolloutsConfig, *, stop_tokens: Sequence[int]) -> None:
        if importlib.util.find_spec("vllm") is None:
            raise BadInput("rollouts.engine", "vllm", "needs vllm: pip install 'assay[vllm]'")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        for name, value in (_ENVIRONMENT | (_CPU_ENVIRONMENT if device == "cpu" else {})).items():
            os.environ.setdefault(name, value)
        # Only now: vLLM reads the environment when it is imported.
        from trainer import weights_vllm

        self._temperature = rollouts.temperature
        self._stop = list(stop_tokens)
        with _failures("does not start"):
            self._llm = _llm(model, rollouts, device, weights_vllm.backend_of(device))
            self._engine = self._llm.llm_engine
            config = self._llm.model_config
            shapes = weights_vllm.checkpoint_shapes(model.path, tied=config.hf_text_config.tie_word_embeddings)
            self._source = weights_vllm.Source(shapes, getattr(torch, model.dtype))
            self._client = weights_vllm.Client(self._llm)
            self._transfer = weights_vllm.trainer_side(device, client=self._client, source=self._source)
        self._open = True

    @property
    def context_tokens(self) -> int:
        """See `RolloutEngine`."""
        return int(self._llm.model_config.max_model_len)

    @property
    def block_tokens(self) -> int:
        """See `RolloutEngine`."""
        return int(self._engine.vllm_config.cache_config.block_size)

    def submit(self, request: Request) -> None:
        """See `RolloutEngine`."""
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        with _failures(f"refuses request {request.id}"):
            self._engine.add_request(
                request.id,
                TokensPrompt(prompt_token_ids=request.tokens.tolist()),
                SamplingParams(
                    temperature=0.0 if request.greedy else self._temperature,
                    seed=request.seed,
                    max_tokens=request.max_tokens,
                    logprobs=0,
                    # Ours alone: vLLM knows fewer and more from the model's files.
                    stop_token_ids=self._stop,
                    ignore_eos=True,
                    detokenize=False,
                    output_kind=RequestOutputKind.DELTA,
                ),
            )

    def step(self) -> list[Output]:
        """See `RolloutEngine`."""
        while self._engine.has_unfinished_requests():
            with _failures("failed"):
                outputs = [_output(output) for output in cast("list[RequestOutput]", self._engine.step())]
            if outputs:
                return outputs
        return []

    def abort(self, ids: Iterable[str]) -> None:
        """See `RolloutEngine`."""
        with _failures("failed"):
            self._engine.abort_request(list(ids))

    def load(self, weights: Weights, version: int, within: Within = no_deadline) -> None:
        """See `RolloutEngine`."""
        if self._engine.has_unfinished_requests():
            raise RolloutsFailed(f"version {version} comes while requests are under way")
        self._source.take(weights, version)
        self._client.version, self._client.within = version, within
        try:
            with _failures(f"did not take on version {version}"):
                self._transfer.send_weights()
                if not within("vLLM to empty its prefix cache", self._engine.reset_prefix_cache):
                    raise RolloutsFailed(f"vLLM keeps what it cached before version {version}")
        finally:
            self._source.release()

    def close(self) -> None:
        """See `RolloutEngine`."""
        if self._open:
            self._open = False
            self._transfer.shutdown()
            self._engine.engine_core.shutdown()


def _llm(model: ModelConfig, rollouts: RolloutsConfig, device: str, backend: str) -> LLM:
    from vllm import LLM
    from vllm.config import WeightTransferConfig

    cpu = device == "cpu"
    cache: dict[str, Any] = {}
    if size := rollouts.kv_cache_bytes or (_CPU_CACHE_BYTES if cpu else 0):
        # The share is then no more than what has to be free at the start, and the trainer's weights are there already.
        cache = {"kv_cache_memory_bytes": size, "gpu_memory_utilization": 0.01}
    return LLM(
        model.path,
        dtype=model.dtype,
        # As long as the cache has room for: the trainer compares its prompts with what it came to.
        max_model_len=-1,
        max_num_seqs=min(rollouts.groups_per_iteration * rollouts.rollouts_per_group, _MOST_SEQUENCES),
        enforce_eager=cpu,
        distributed_executor_backend="uni",
        skip_tokenizer_init=True,
        use_tqdm_on_load=False,
        # The loss divides the logits by the temperature too.
        logprobs_mode="raw_logprobs" if rollouts.temperature == 1.0 else "processed_logprobs",
        worker_extension_cls="trainer.weights_vllm.Extension",
        weight_transfer_config=WeightTransferConfig(backend=backend),
        **cache,
    )


def _output(output: RequestOutput) -> Output:
    (completion,) = output.outputs
    reason = completion.finish_reason
    if reason is not None and reason not in _ENDS:
        raise RolloutsFailed(f"vLLM ended request {output.request_id} with {reason!r}")
    tokens = list(completion.token_ids)
    places = cast("list[dict[int, Logprob]]", completion.logprobs or [])
    return Output(
        id=output.request_id,
        tokens=tokens,
        logprobs=[place[token].logprob for token, place in zip(tokens, places, strict=True)],
        end=None if reason is None else _ENDS[reason],
    )


@contextlib.contextmanager
def _failures(what: str) -> Iterator[None]:
    """Whatever vLLM raises is RolloutsFailed."""
    try:
        yield
    except (TrainerError, BadInput):
        raise
    except Exception as error:
        raise RolloutsFailed(f"vLLM {what}: {type(error).__name__}: {error}") from error
