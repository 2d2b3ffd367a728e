"""vLLM's weight transfer, both sides of it, over memory that the trainer and the workers have mapped.

It is the backend for workers without a GPU. The trainer writes the weights in the engine's dtype, each worker loads
them into its model as if they came from a checkpoint, which redoes the packing of its kernels.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import torch
from safetensors import safe_open
from torch import Tensor
from vllm.distributed.weight_transfer.base import (
    ParamMeta,
    TrainerInitInfo,
    TrainerWeightTransferEngine,
    VLLMWeightSyncClient,
    WeightSource,
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
    WeightTransferUpdatePayload,
    materialize_full_tensor,
)
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory, WeightTransferTrainerFactory
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead, UnquantizedEmbeddingMethod
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload

from engine.errors import BadInput
from trainer.errors import StaleWeights
from trainer.rollouts import Weights, Within, no_deadline

if TYPE_CHECKING:
    from vllm import LLM

_SHARED_MEMORY: Final = "assay-shared-memory"
_ALIGNMENT: Final = 64


class Extension:
    """Nothing for the worker to call: to import it is what registers this module's backend there."""


class Client(VLLMWeightSyncClient):
    """How the trainer's side speaks to an engine of this process: each call is a step with a deadline."""

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self.version = 0
        self.within: Within = no_deadline

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        """Connect the workers."""
        self._llm.init_weight_transfer_engine({"init_info": init_info})

    def start_weight_update(self) -> None:
        """Take the layers apart."""
        self.within("vLLM to begin an update", self._llm.start_weight_update)

    def update_weights(self, update_info: WeightTransferUpdatePayload) -> None:
        """Load what was sent."""
        self.within("vLLM to load the weights", lambda: self._llm.update_weights({"update_info": update_info}))

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """Put the layers together again, as `version`."""
        version = weight_version or str(self.version)
        self.within("vLLM to finish the update", lambda: self._llm.finish_weight_update(version))


class Source(WeightSource):
    """The trainer's weights as the engine takes them: in the order of its checkpoint, cast to its dtype."""

    def __init__(self, checkpoint: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> None:
        self._shapes = checkpoint
        self._dtype = dtype
        self._tensors: dict[str, Tensor] = {}

    def take(self, weights: Weights, version: int) -> None:
        """What the next iteration gives; raises StaleWeights where it is not of the model that the engine has."""
        tensors = dict(weights())
        wrong = [f"{name} is missing" for name in self._shapes.keys() - tensors.keys()]
        wrong += [f"{name} is not in its checkpoint" for name in tensors.keys() - self._shapes.keys()]
        for name in self._shapes.keys() & tensors.keys():
            tensor, shape = tensors[name], self._shapes[name]
            if tuple(tensor.shape) != shape:
                wrong.append(f"{name} is {list(tensor.shape)} and not {list(shape)}")
            elif not tensor.is_floating_point():
                wrong.append(f"{name} is {tensor.dtype} and not a floating type")
        if wrong:
            raise StaleWeights(f"version {version} does not suit the engine's model: {'; '.join(sorted(wrong)[:5])}")
        self._tensors = tensors

    def release(self) -> None:
        """Hold no weights until the next sync."""
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
    """The whole memory is new."""


@dataclass
class _TrainerInit(TrainerInitInfo):
    backend: ClassVar[str] = _SHARED_MEMORY


class _WorkerSide(WeightTransferEngine[_Init, _Update]):
    init_info_cls = _Init
    update_info_cls = _Update
    _views: dict[str, Tensor]

    def init_transfer_engine(self, init_info: _Init) -> None:
        self._views = _mapped(init_info)

    def start_weight_update(self) -> None:
        initialize_layerwise_reload(self.model)

    def receive_weights(self, update_info: _Update) -> None:
        cast("Any", self.model).load_weights(iter(self._views.items()))

    def finish_weight_update(self) -> None:
        finalize_layerwise_reload(self.model, self.model_config)  # type: ignore[no-untyped-call]
        # A head that is the embedding is none of the layers that were loaded: its packed copy is still of the old one.
        if self.model_config.hf_text_config.tie_word_embeddings:
            for layer in self.model.modules():
                if isinstance(layer, ParallelLMHead) and isinstance(layer.quant_method, UnquantizedEmbeddingMethod):
                    layer.quant_method.process_weights_after_loading(layer)

    def shutdown(self) -> None:
        self._views = {}


class _TrainerSide(TrainerWeightTransferEngine[_TrainerInit]):
    init_info_cls = _TrainerInit
    client: Client
    source: Source
    _views: dict[str, Tensor]

    @classmethod
    def trainer_init(
        cls, init_info: _TrainerInit, *, client: VLLMWeightSyncClient, source: WeightSource | None = None
    ) -> _TrainerSide:
        assert source is not None
        side = cls(client=client, source=source, is_sender=init_info.is_sender)
        metadata = source.metadata()
        # It has no name, so that a killed run leaves nothing, and no container's limit for /dev/shm counts.
        memory = os.memfd_create("assay-weights")
        try:
            where = _Init(
                path=f"/proc/{os.getpid()}/fd/{memory}",
                names=[meta.name for meta in metadata],
                shapes=[list(meta.shape) for meta in metadata],
                dtype=str(metadata[0].dtype).removeprefix("torch."),
            )
            side._views = _mapped(where)
            client.init_weight_transfer_engine(asdict(where))
        finally:
            os.close(memory)
        return side

    def send_weights(self) -> None:
        # All of it is written before the engine takes its layers apart: what fails here leaves it as it was.
        self.client.within("the weights to be written", self._write)
        self.client.start_weight_update()
        self.client.update_weights({})
        self.client.finish_weight_update()

    def _write(self) -> None:
        for name, tensor in self.source:
            self._views[name].copy_(tensor)

    def shutdown(self) -> None:
        self._views = {}


def _mapped(where: _Init) -> dict[str, Tensor]:
    """Views of the tensors by name; the first to map it gives it its size."""
    dtype: torch.dtype = getattr(torch, where.dtype)
    places, end = [], 0
    for shape in where.shapes:
        length = torch.Size(shape).numel() * dtype.itemsize
        places.append((end, end + length))
        end += -(-length // _ALIGNMENT) * _ALIGNMENT
    memory = torch.from_file(where.path, shared=True, size=end, dtype=torch.uint8)
    return {
        name: memory[start:stop].view(dtype).view(shape)
        for name, shape, (start, stop) in zip(where.names, where.shapes, places, strict=True)
    }


# At every update it warns of layers without weights in a checkpoint, which is what they are.
logging.getLogger("vllm.model_executor.model_loader.reload.layerwise").setLevel(logging.ERROR)

WeightTransferEngineFactory.register_engine(_SHARED_MEMORY, _WorkerSide)
WeightTransferTrainerFactory.register_engine(_SHARED_MEMORY, _TrainerSide)

# By the workers' device; to a GPU it goes through host memory. vLLM's own backends "ipc" (the trainer's GPU) and "nccl"
# (other GPUs) come in here, by their TrainerInitInfo: they take the same source and client.
_TRANSFERS: Final[dict[str, TrainerInitInfo]] = {"cpu": _TrainerInit(rank=0), "cuda": _TrainerInit(rank=0)}


def backend_of(device: str) -> str:
    """The transfer's name in vLLM's configuration, for workers on this type of device."""
    return _TRANSFERS[device].backend


def trainer_side(device: str, *, client: Client, source: Source) -> TrainerWeightTransferEngine[Any]:
    """The trainer's end of the transfer, connected with the workers'."""
    return WeightTransferTrainerFactory.trainer_init(_TRANSFERS[device], client=client, source=source)
