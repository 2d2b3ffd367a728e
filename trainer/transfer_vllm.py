"""The trainer's end of vLLM's weight transfer: which backend, and each step of an update within its deadline."""

from __future__ import annotations

import base64
import pickle
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import torch
from vllm.distributed.weight_transfer.base import (
    VLLMWeightSyncClient,
    WeightTransferInitRequest,
    WeightTransferUpdatePayload,
    WeightTransferUpdateRequest,
)
from vllm.distributed.weight_transfer.ipc_engine import IPCTrainerInitInfo, IPCTrainerWeightTransferEngine
from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo, NCCLTrainerWeightTransferEngine

from engine.errors import BadInput
from trainer.rollouts import Within, no_deadline
from trainer.weights_vllm import DIRECT, SHARED_MEMORY, SharedMemory, Source

if TYPE_CHECKING:
    from vllm import LLM
    from vllm.v1.engine.async_llm import AsyncLLM

Kind = Literal["direct", "shared-memory", "ipc", "nccl"]

# As vLLM's configuration calls them.
BACKENDS: Final[dict[Kind, str]] = {"direct": DIRECT, "shared-memory": SHARED_MEMORY, "ipc": "ipc", "nccl": "nccl"}

# vLLM's own memory for CUDA IPC cannot be opened by the process that it belongs to, and NCCL wants a GPU for each rank.
_FOR_ENGINE: Final[dict[str, tuple[Kind, ...]]] = {
    "vllm": ("direct", "shared-memory"),
    "vllm-async": ("shared-memory", "ipc"),
    "vllm-served": ("shared-memory", "ipc", "nccl"),
}
_ON_GPU: Final[dict[str, Kind]] = {"vllm": "direct", "vllm-async": "ipc"}


def kind_of(asked: str, engine: str, device: str, backend: str | None = None) -> Kind:
    """The transfer for `weights.transfer`; raises BadInput for one that engine or device do not have.

    backend  that a server was started with
    """
    if backend is not None:
        kind = next((kind for kind, name in BACKENDS.items() if name == backend), None)
        if kind is None or asked not in ("auto", kind):
            raise BadInput("weights.transfer", asked, f"the server was started with the backend {backend!r}")
    elif asked == "auto":
        kind = "shared-memory" if device == "cpu" else _ON_GPU[engine]
    else:
        kind = next(name for name in BACKENDS if name == asked)
    if kind not in _FOR_ENGINE[engine]:
        raise BadInput("weights.transfer", kind, f"engine {engine!r} has {', '.join(_FOR_ENGINE[engine])}")
    if kind in ("ipc", "nccl") and device == "cpu":
        raise BadInput("weights.transfer", kind, "needs a GPU, and the trainer has none")
    return kind


class Calls(VLLMWeightSyncClient):
    """An LLM's or AsyncLLM's own calls.

    answer  gives what a call of theirs comes to: an AsyncLLM's are coroutines
    """

    def __init__(self, llm: LLM | AsyncLLM, answer: Callable[[Any], object]) -> None:
        self._llm, self._answer = llm, answer

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        """Connect the workers."""
        self._answer(self._llm.init_weight_transfer_engine(WeightTransferInitRequest(init_info)))

    def start_weight_update(self) -> None:
        """Take the layers apart."""
        self._answer(self._llm.start_weight_update())

    def update_weights(self, update_info: WeightTransferUpdatePayload) -> None:
        """Load what was sent."""
        if isinstance(update_info, dict) and "ipc_handles" in update_info:
            handles = base64.b64encode(pickle.dumps(update_info["ipc_handles"])).decode()
            update_info = update_info | {"ipc_handles": None, "ipc_handles_pickled": handles}
        self._answer(self._llm.update_weights(WeightTransferUpdateRequest(update_info)))

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """Put the layers together again, as that version."""
        self._answer(self._llm.finish_weight_update(weight_version))


class Client(VLLMWeightSyncClient):
    """How the trainer's end speaks to an engine: the engine's own calls, each a step with a deadline."""

    def __init__(self, calls: VLLMWeightSyncClient) -> None:
        self._calls = calls
        self.version = 0
        self.within: Within = no_deadline

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        """Connect the workers."""
        self._calls.init_weight_transfer_engine(init_info)

    def start_weight_update(self) -> None:
        """Take the layers apart."""
        self.within("vLLM to begin an update", self._calls.start_weight_update)

    def update_weights(self, update_info: WeightTransferUpdatePayload) -> None:
        """Load what was sent."""
        self.within("vLLM to load the weights", lambda: self._calls.update_weights(update_info))

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """Put the layers together again, as `version`."""
        version = weight_version or str(self.version)
        self.within("vLLM to finish the update", lambda: self._calls.finish_weight_update(version))


class Transfer:
    """Connected with an engine's workers; the weights come whole, from the first rank alone.

    url      of a served engine
    workers  that a served engine has
    """

    def __init__(
        self, kind: Kind, calls: VLLMWeightSyncClient, source: Source, *, url: str = "", workers: int = 1
    ) -> None:
        self._source = source
        self._client = Client(calls)
        self._memory: SharedMemory | None = None
        self._theirs: IPCTrainerWeightTransferEngine | NCCLTrainerWeightTransferEngine | None = None
        match kind:
            case "direct":
                self._client.init_weight_transfer_engine({"weights": source})
            case "shared-memory":
                self._memory = SharedMemory(source)
                try:
                    self._client.init_weight_transfer_engine(self._memory.init_info)
                finally:
                    self._memory.connected()
            case "ipc":
                self._theirs = _OneRankIPC.trainer_init(ipc_init(), client=self._client, source=source)
            case "nccl":
                self._theirs = NCCLTrainerWeightTransferEngine.trainer_init(
                    nccl_init(url, workers), client=self._client, source=source
                )

    def send(self, version: int, within: Within) -> None:
        """Have the engine load what the source holds, as that version."""
        self._client.version, self._client.within = version, within
        match self._theirs:
            case None:
                if self._memory:
                    # Before the engine takes its layers apart: what fails here leaves it as it was.
                    memory = self._memory
                    within("the weights to be written", lambda: memory.write(self._source))
                self._client.start_weight_update()
                self._client.update_weights({})
                self._client.finish_weight_update()
            case NCCLTrainerWeightTransferEngine() as nccl:
                # A broadcast has no deadline of its own and goes on beside the engine's calls: one step, all of it.
                self._client.within = no_deadline
                within("the weights to be broadcast", nccl.send_weights)
            case ipc:
                ipc.send_weights()

    def close(self) -> None:
        """Give back its memory."""
        self._memory = None
        if self._theirs is not None:
            self._theirs.shutdown()


class _OneRankIPC(IPCTrainerWeightTransferEngine):
    """The first rank's alone: the others, who have no part in a sync, would never answer vLLM's collectives."""

    def _all_gather_and_merge_handles(self, handles: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return handles

    @staticmethod
    def _post_send_sync() -> None:
        torch.cuda.ipc_collect()


def ipc_init() -> IPCTrainerInitInfo:
    """A buffer of bounded size, again and again."""
    return IPCTrainerInitInfo(rank=0, packed=True)


def nccl_init(url: str, workers: int) -> NCCLTrainerInitInfo:
    """A rendezvous at this machine's address on the way to the server; the trainer is rank 0 of it."""
    where = urlsplit(url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards, socket.socket() as free:
        towards.connect((where.hostname, where.port or 80))
        address = towards.getsockname()[0]
        free.bind((address, 0))
        port = free.getsockname()[1]
    return NCCLTrainerInitInfo(rank=0, master_address=address, master_port=port, world_size=1 + workers)
