"""Which transfer is chosen, and what of the ones for GPUs can be seen without a GPU."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm")

from engine.errors import BadInput
from tests.support.rollouts import LONG_PROMPT, changed, request, sample
from tests.trainer.conftest import STOP
from trainer.config import TrainerConfig
from trainer.errors import StaleWeights
from trainer.policy import Policy
from trainer.rollout_vllm import VLLMRollouts, prepared
from trainer.rollouts import no_deadline
from trainer.tables import ModelConfig, WeightsConfig

prepared()
from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerWeightTransferEngine  # noqa: E402

from trainer.transfer_vllm import Client, Transfer, ipc_init, kind_of, nccl_init  # noqa: E402


@pytest.mark.parametrize(
    ("asked", "engine", "device", "backend", "kind"),
    [
        ("auto", "vllm", "cpu", None, "shared-memory"),
        ("auto", "vllm", "cuda", None, "direct"),
        ("auto", "vllm-async", "cpu", None, "shared-memory"),
        ("auto", "vllm-async", "cuda", None, "ipc"),
        ("direct", "vllm", "cpu", None, "direct"),
        ("shared-memory", "vllm-async", "cuda", None, "shared-memory"),
        ("auto", "vllm-served", "cuda", "nccl", "nccl"),
        ("ipc", "vllm-served", "cuda", "ipc", "ipc"),
        ("auto", "vllm-served", "cpu", "assay-shared-memory", "shared-memory"),
    ],
)
def test_the_transfer_suits_engine_and_device(
    asked: str, engine: str, device: str, backend: str | None, kind: str
) -> None:
    assert kind_of(asked, engine, device, backend) == kind


@pytest.mark.parametrize(
    ("asked", "engine", "device", "backend", "message"),
    [
        ("ipc", "vllm-async", "cpu", None, "weights.transfer 'ipc': needs a GPU"),
        ("auto", "vllm-served", "cpu", "nccl", "weights.transfer 'nccl': needs a GPU"),
        ("ipc", "vllm", "cuda", None, "weights.transfer 'ipc': engine 'vllm' has direct, shared-memory"),
        ("nccl", "vllm-async", "cuda", None, "weights.transfer 'nccl': engine 'vllm-async' has shared-memory, ipc"),
        ("direct", "vllm-async", "cpu", None, "weights.transfer 'direct': engine 'vllm-async' has shared-memory, ipc"),
        (
            "ipc",
            "vllm-served",
            "cuda",
            "nccl",
            "weights.transfer 'ipc': the server was started with the backend 'nccl'",
        ),
        ("auto", "vllm-served", "cuda", "sharded_rdt", "the server was started with the backend 'sharded_rdt'"),
    ],
)
def test_one_that_does_not_is_refused_by_key_and_value(
    asked: str, engine: str, device: str, backend: str | None, message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        kind_of(asked, engine, device, backend)
    assert message in str(caught.value)


@pytest.mark.parametrize("transfer", ["ipc", "nccl"])
def test_an_engine_is_not_even_started_with_it(tiny_model: Path, transfer: Any) -> None:
    with pytest.raises(BadInput, match=rf"^weights\.transfer '{transfer}'"):
        VLLMRollouts(
            TrainerConfig(model=ModelConfig(path=str(tiny_model)), weights=WeightsConfig(transfer=transfer)), [STOP]
        )


def test_nccl_meets_at_this_machines_address_on_the_way_to_the_server() -> None:
    init = nccl_init("http://127.0.0.1:8000", 4)
    assert (init.backend, init.rank, init.world_size, init.packed) == ("nccl", 0, 5, True)
    assert init.master_address == "127.0.0.1"
    with socket.socket() as free:
        free.bind((init.master_address, init.master_port))


def test_ipc_sends_buffers_of_bounded_size() -> None:
    init = ipc_init()
    assert (init.backend, init.rank, init.packed) == ("ipc", 0, True)


class Calls:
    """An engine's own calls, written down."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        self.made.append("init")

    def start_weight_update(self) -> None:
        self.made.append("start")

    def update_weights(self, update_info: Any) -> None:
        self.made.append("update")

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        self.made.append(f"finish {weight_version}")


def test_a_broadcast_is_one_step_with_a_deadline_and_the_other_calls_are_one_each() -> None:
    class Broadcast(NCCLTrainerWeightTransferEngine):
        def __init__(self, client: Client) -> None:
            self.client = client

        def send_weights(self) -> None:
            self.client.start_weight_update()
            self.client.finish_weight_update()

    waited: list[str] = []

    def within(what: str, step: Any) -> Any:
        waited.append(what)
        return step()

    calls = Calls()
    client = Client(calls)
    transfer = Transfer.__new__(Transfer)
    transfer._client, transfer._theirs = client, Broadcast(client)
    transfer.send(3, within)
    assert waited == ["the weights to be broadcast"]
    client.within = within
    client.start_weight_update()
    client.finish_weight_update()
    assert waited[1:] == ["vLLM to begin an update", "vLLM to finish the update"]
    assert calls.made == ["start", "finish 3", "start", "finish 3"]


def test_directly_the_engine_loads_the_trainers_own_tensors(tiny_model: Path, policy: Policy, new_vllm: Any) -> None:
    engine = new_vllm(tiny_model, transfer="direct")
    assert engine._llm.collective_rpc("assay_facts")[0]["backend"] == "assay-direct"
    changed(policy, 0.05)
    engine.load(policy.weights, 1, no_deadline)
    response = sample(engine, request(tokens=LONG_PROMPT))["only"]
    ours = policy.response_logprobs(LONG_PROMPT, response.tokens)
    assert response.logprobs == pytest.approx(ours, abs=1e-4)
    # The engine has its own copy.
    changed(policy, 0.5)
    assert sample(engine, request(tokens=LONG_PROMPT))["only"] == response
    with pytest.raises(StaleWeights, match="is missing"):
        engine.load(lambda: iter(()), 3)


def test_memory_of_another_machine_is_refused(tmp_path: Path) -> None:
    from trainer.weights_vllm import _Init, _SharedMemoryWorker

    file = tmp_path / "of somebody else"
    file.write_bytes(b"kept")
    (link := tmp_path / "1").symlink_to(file)
    worker = _SharedMemoryWorker.__new__(_SharedMemoryWorker)
    with pytest.raises(ValueError, match="the engine is on another machine"):
        worker.init_transfer_engine(_Init(path=str(link), names=["a"], shapes=[[9]], dtype="float32"))
    assert file.read_bytes() == b"kept"
