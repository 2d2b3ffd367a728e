"""Backends of ours for vLLM's weight transfer, which every worker imports: what it is given and loads.

`DIRECT` hands over the trainer's tensors where both are one process. `SHARED_MEMORY` is for workers of the same
machine: the trainer writes the weights in the engine's dtype into memory that they have mapped. Each worker loads them
into its model as if they came from a checkpoint, which redoes the packing of the CPU's kernels.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import torch
from safetensors import safe_open
from torch import Tensor
from vllm.distributed.weight_transfer.base import (
    ParamMeta,
    TInitInfo,
    WeightSource,
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
    materialize_full_tensor,
)
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead, UnquantizedEmbeddingMethod
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload

from engine.errors import BadInput
from trainer.rollouts import Weights, fitting

if TYPE_CHECKING:
    from vllm.config import VllmConfig

DIRECT: Final = "assay-direct"
SHARED_MEMORY: Final = "assay-shared-memory"
_MEMORY: Final = "assay-weights"
_ALIGNMENT: Final = 64


class Facts(msgspec.Struct, frozen=True):
    """What a worker knows of itself.

    context_tokens  of a prompt and its response together
    block_tokens    in a block of its prefix cache
    backend         of its weight transfer
    tied            whether its head is its embedding
    """

    context_tokens: int
    block_tokens: int
    dtype: str
    logprobs_mode: str
    backend: str
    tied: bool


class Extension:
    """What a worker has from us; to import it is what registers this module's backends there."""

    vllm_config: VllmConfig

    def assay_facts(self) -> dict[str, Any]:
        """The worker's Facts."""
        model, transfer = self.vllm_config.model_config, self.vllm_config.weight_transfer_config
        facts = Facts(
            context_tokens=model.max_model_len,
            block_tokens=self.vllm_config.cache_config.block_size,
            dtype=str(model.dtype).removeprefix("torch."),
            logprobs_mode=str(model.logprobs_mode),
            backend=transfer.backend if transfer else "",
            tied=bool(model.hf_text_config.tie_word_embeddings),
        )
        return cast("dict[str, Any]", msgspec.to_builtins(facts))

    def assay_end_with_trainer(self) -> None:
        """Have this process, whose parent is the trainer, end with it, though the trainer be killed."""
        if (trainer := multiprocessing.parent_process()) is not None:
            threading.Thread(target=_exit_after, args=(trainer.sentinel,), name="assay-trainer", daemon=True).start()


def _exit_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


class Source(WeightSource):
    """The trainer's weights as the engine takes them: in the order of its checkpoint, cast to its dtype."""

    def __init__(self, checkpoint: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> None:
        self._shapes = checkpoint
        self._dtype = dtype
        self._tensors: dict[str, Tensor] = {}

    @contextlib.contextmanager
    def holding(self, weights: Weights, version: int) -> Iterator[None]:
        """Only meanwhile it holds on to them; raises StaleWeights where they are not of the engine's model."""
        self._tensors = fitting(weights, self._shapes, version)
        try:
            yield
        finally:
            self._tensors = {}

    def metadata(self) -> list[ParamMeta]:
        """What an iteration gives."""
        return [ParamMeta(name, self._dtype, shape) for name, shape in self._shapes.items()]

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Each tensor whole, in the engine's dtype."""
        for name in self._shapes:
            yield name, materialize_full_tensor(self._tensors[name]).to(self._dtype)


def checkpoint_shapes(path: str | Path, *, tied: bool) -> dict[str, tuple[int, ...]]:
    """Shapes by name of a directory's *.safetensors; raises BadInput where there are none.

    tied  the head is the embedding, and no weight of its own even where the checkpoint has it
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted(Path(path).glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (no mapping)
                shapes[name] = tuple(opened.get_slice(name).get_shape())
    if not shapes:
        raise BadInput("model.path", str(path), "there are no *.safetensors in it")
    if tied:
        shapes.pop("lm_head.weight", None)
    return shapes


@dataclass
class _Init(WeightTransferInitInfo):
    """Where the weights are: tensors one behind the other, each at a multiple of `_ALIGNMENT` bytes."""

    path: str
    names: list[str]
    shapes: list[list[int]]
    dtype: str


@dataclass
class _Update(WeightTransferUpdateInfo):
    """All weights are new."""


@dataclass
class _DirectInit(WeightTransferInitInfo):
    """The trainer's own, for the same process."""

    weights: Source


class _Worker(WeightTransferEngine[TInitInfo, _Update]):
    """Loads what it was connected with as if it came from a checkpoint."""

    update_info_cls = _Update
    _weights: Iterable[tuple[str, Tensor]]

    def receive_weights(self, update_info: _Update) -> None:
        cast("Any", self.model).load_weights(iter(self._weights))

    def shutdown(self) -> None:
        self._weights = ()

    def start_weight_update(self) -> None:
        initialize_layerwise_reload(self.model)

    def finish_weight_update(self) -> None:
        finalize_layerwise_reload(self.model, self.model_config)  # type: ignore[no-untyped-call]
        # A head that is the embedding is none of the layers that were loaded: its packed copy is still of the old one.
        if self.model_config.hf_text_config.tie_word_embeddings:
            for layer in self.model.modules():
                if isinstance(layer, ParallelLMHead) and isinstance(layer.quant_method, UnquantizedEmbeddingMethod):
                    layer.quant_method.process_weights_after_loading(layer)


class _DirectWorker(_Worker[_DirectInit]):
    init_info_cls = _DirectInit

    def init_transfer_engine(self, init_info: _DirectInit) -> None:
        self._weights = init_info.weights


class _SharedMemoryWorker(_Worker[_Init]):
    init_info_cls = _Init

    def init_transfer_engine(self, init_info: _Init) -> None:
        # On another machine the same path may be anything.
        if _MEMORY not in str(Path(init_info.path).readlink()):
            raise ValueError(f"{init_info.path} is not the trainer's memory: the engine is on another machine")
        self._weights = _mapped(init_info).items()


class SharedMemory:
    """The trainer's weights where the workers of this machine have them mapped; `init_info` is for them."""

    def __init__(self, source: Source) -> None:
        metadata = source.metadata()
        # It has no name, so that a killed run leaves nothing, and no container's limit for /dev/shm counts.
        self._file = os.memfd_create(_MEMORY)
        where = _Init(
            path=f"/proc/{os.getpid()}/fd/{self._file}",
            names=[meta.name for meta in metadata],
            shapes=[list(meta.shape) for meta in metadata],
            dtype=str(metadata[0].dtype).removeprefix("torch."),
        )
        self._views = _mapped(where)
        self.init_info = asdict(where)

    def connected(self) -> None:
        """The workers have it mapped."""
        os.close(self._file)

    def write(self, source: Source) -> None:
        """What the next update loads."""
        for name, tensor in source:
            self._views[name].copy_(tensor)


def _mapped(where: _Init) -> dict[str, Tensor]:
    """Views of the tensors by name; the first to map it gives it its size."""
    dtype: torch.dtype = getattr(torch, where.dtype)
    lengths = [torch.Size(shape).numel() * dtype.itemsize for shape in where.shapes]
    *starts, size = accumulate((-(-length // _ALIGNMENT) * _ALIGNMENT for length in lengths), initial=0)
    memory = torch.from_file(where.path, shared=True, size=size, dtype=torch.uint8)
    return {
        name: memory[start : start + length].view(dtype).view(shape)
        for name, shape, start, length in zip(where.names, where.shapes, starts, lengths, strict=True)
    }


# At every update it warns of layers without weights in a checkpoint, which is what they are.
logging.getLogger("vllm.model_executor.model_loader.reload.layerwise").setLevel(logging.ERROR)

WeightTransferEngineFactory.register_engine(DIRECT, _DirectWorker)
WeightTransferEngineFactory.register_engine(SHARED_MEMORY, _SharedMemoryWorker)
