"""The engine on a vLLM server: what it wants of one, seen at a stand-in, and (thorough) a real one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("vllm")

from aiohttp import web

from engine.client.loop_thread import LoopThread
from engine.errors import BadInput
from tests.support.rollouts import LONG_PROMPT, PROMPT, changed, greedy, request, sample
from tests.trainer.conftest import STOP
from tests.trainer.test_resume import config_of, likes_letters, numbers, prompts, run
from trainer import Prompt, Trainer, TrainerConfig, rollout_vllm_served
from trainer.errors import RolloutsFailed
from trainer.policy import Policy
from trainer.rollout_vllm_served import ServedVLLMRollouts
from trainer.tables import ModelConfig, RolloutsConfig
from trainer.types import End
from trainer.weights import WeightSync

FACTS = {
    "context_tokens": 512,
    "block_tokens": 128,
    "dtype": "float32",
    "logprobs_mode": "raw_logprobs",
    "backend": "assay-shared-memory",
    "tied": True,
}
Answers = dict[str, Any]
StandIn = Callable[[Answers], str]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A server that answers by path: an int is a status, bytes a stream, else JSON; the rest is 404. Its address."""
    loop = LoopThread("stand-in")
    runners: list[web.AppRunner] = []

    def start(answers: Answers) -> str:
        async def answer(got: web.Request) -> web.StreamResponse:
            match answers.get(got.path, 404):
                case int(status):
                    return web.Response(status=status, text=f"no, {status}")
                case bytes(stream):
                    return web.Response(body=stream)
                case other:
                    return web.json_response(other)

        async def listen() -> str:
            app = web.Application()
            app.router.add_route("*", "/{any:.*}", answer)
            runner = web.AppRunner(app)
            await runner.setup()
            runners.append(runner)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        return loop.wait(listen())

    yield start
    for runner in runners:
        loop.wait(runner.cleanup())
    loop.stop()


def answers(**facts: Any) -> Answers:
    return {
        "/collective_rpc": {"results": [FACTS | facts]},
        "/inference/v1/abort_requests": {},
        "/get_world_size": {"world_size": 1},
        "/init_weight_transfer_engine": {},
    }


def served(model: Path, url: str, temperature: float = 1.0) -> ServedVLLMRollouts:
    rollouts = RolloutsConfig(engine="vllm-served", url=url, temperature=temperature)
    return ServedVLLMRollouts(TrainerConfig(model=ModelConfig(path=str(model)), rollouts=rollouts), [STOP])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"/collective_rpc": 404}, "the server cannot be updated: start it with VLLM_SERVER_DEV_MODE=1"),
        ({"/collective_rpc": 500}, "start it with --worker-extension-cls trainer.weights_vllm.Extension"),
        ({"/inference/v1/abort_requests": 403}, "the server takes no tokens: start it with --tokens-only"),
        (answers(dtype="bfloat16"), "model.dtype 'float32': the server at http://127.0.0.1"),
        (answers(backend=""), "weights.transfer 'auto': the server was started with"),
        (answers(backend="nccl"), "weights.transfer 'nccl': needs a GPU"),
    ],
)
def test_a_server_that_does_not_suit_is_refused_with_what_to_do(
    stand_in: StandIn, tiny_model: Path, overrides: Answers, message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        served(tiny_model, stand_in(answers() | overrides))
    assert message in str(caught.value)


def test_logprobs_of_another_temperature_are_refused(stand_in: StandIn, tiny_model: Path) -> None:
    with pytest.raises(BadInput, match="--logprobs-mode processed_logprobs"):
        served(tiny_model, stand_in(answers()), temperature=0.5)
    served(tiny_model, stand_in(answers(logprobs_mode="processed_logprobs")), temperature=0.5).close()


def test_an_address_that_is_none_is_refused(tiny_model: Path) -> None:
    with pytest.raises(BadInput, match=r"rollouts\.url 'localhost:8000'"):
        served(tiny_model, "localhost:8000")


def test_a_server_that_is_not_there_is_waited_for_and_given_up(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rollout_vllm_served, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(rollout_vllm_served, "_PAUSE_SECONDS", 0.05)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RolloutsFailed, match=f"vLLM at {url} cannot be used: ClientConnectorError"):
            served(tiny_model, url)
    assert f"waiting for vLLM at {url} (rollouts.url)" in caplog.text


def chunk(tokens: list[int], end: str = "null") -> bytes:
    logprobs = ",".join('{"logprob": -1.5}' for _ in tokens)
    return (
        f'data: {{"choices": [{{"index": 0, "token_ids": {tokens}, "finish_reason": {end}, '
        f'"logprobs": {{"content": [{logprobs}]}}}}]}}\n\n'
    ).encode()


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (503, "/inference/v1/generate answers 503: no, 503"),
        (b'data: {"error": {"message": "EngineCore encountered an issue"}}\n\n', "EngineCore encountered an issue"),
        (chunk([5]), "vLLM said no end to request only"),
        (chunk([5], '"abort"'), "vLLM ended request only with 'abort'"),
        (b"data: nonsense\n\n", "DecodeError"),
    ],
)
def test_a_stream_without_its_end_is_a_failure(
    stand_in: StandIn, tiny_model: Path, stream: bytes | int, message: str
) -> None:
    engine = served(tiny_model, stand_in(answers() | {"/inference/v1/generate": stream}))
    engine.submit(request())

    def until_it_fails() -> None:
        while engine.step():
            pass

    with pytest.raises(RolloutsFailed) as caught:
        until_it_fails()
    assert message in str(caught.value)
    engine.close()


def test_a_stream_gives_tokens_and_their_logprobs(stand_in: StandIn, tiny_model: Path) -> None:
    stream = chunk([5, 6]) + chunk([1], '"stop"') + b"data: [DONE]\n\n"
    engine = served(tiny_model, stand_in(answers() | {"/inference/v1/generate": stream}))
    response = sample(engine, request())["only"]
    assert (response.tokens, response.logprobs, response.end) == ([5, 6, 1], [-1.5] * 3, End.STOP)
    engine.close()


class Server:
    """A real one, started as the documentation says; the first of a machine takes half a minute."""

    def __init__(self, model: Path, log: Path) -> None:
        self.log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._model = model
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = f"""
            --model {self._model} --host 127.0.0.1 --port {self.port} --tokens-only
            --worker-extension-cls trainer.weights_vllm.Extension
            --dtype float32 --enforce-eager --no-enable-chunked-prefill
            --kv-cache-memory-bytes {32 << 20} --gpu-memory-utilization 0.01
        """.split()
        backend = ["--weight-transfer-config", '{"backend": "assay-shared-memory"}']
        own = {
            "VLLM_SERVER_DEV_MODE": "1",
            "TORCHDYNAMO_DISABLE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        with self.log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *words, *backend],
                env=os.environ | own,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tiny_model, tmp_path_factory.mktemp("server") / "log")
    server.start()
    yield server
    server.kill()


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_real_server_samples_and_is_updated(server: Server, tiny_model: Path, policy: Policy, one_vllm: Any) -> None:
    engine = served(tiny_model, server.url)
    asked = [request(str(seed), PROMPT if seed % 2 else LONG_PROMPT, 30, seed) for seed in range(12)]
    ours, theirs = sample(engine, *asked, greedy()), sample(one_vllm, *asked, greedy())
    for key, response in theirs.items():
        assert ours[key].tokens == response.tokens
        assert ours[key].end == response.end
        np.testing.assert_allclose(ours[key].logprobs, response.logprobs, atol=1e-5)
    prompt = np.asarray(PROMPT, np.int32)
    sync = WeightSync(engine, policy.weights, policy.response_distributions, prompt, deadline_seconds=60)
    assert sync.probe(0) < 1e-5
    for version in (1, 2):
        for one in asked:
            engine.submit(one)
        engine.step()
        engine.abort([one.id for one in asked])
        changed(policy, 0.05, seed=version)
        assert sync.sync(version) < 1e-4
    assert engine._loop.wait(engine._asked("GET", "/weight_info")) == {"weight_version": "2"}
    engine.load(Policy(ModelConfig(path=str(tiny_model))).weights, 0)
    engine.submit(request("long", (LONG_PROMPT * 4)[:513]))
    with pytest.raises(RolloutsFailed, match=r"failed on request long: .*longer than the maximum model length of 512"):
        engine.step()
    sync.close()
    engine.close()


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_real_server_that_is_killed_and_started_again_is_gone_on_with(
    server: Server, tiny_model: Path, tmp_path: Path
) -> None:
    run(config_of(tiny_model, tmp_path / "whole", rollouts__engine="vllm", rollouts__kv_cache_bytes=32 << 20))
    kills = [8]

    async def kills_it(prompt: Prompt, text: str) -> float:
        kills[0] -= 1
        if kills[0] == 0:
            server.kill()
            server.start()
        return await likes_letters(prompt, text)

    config = config_of(tiny_model, tmp_path / "killed", rollouts__engine="vllm-served", rollouts__url=server.url)
    with Trainer(config, prompts=prompts(), reward=kills_it) as trainer:
        list(trainer)
    assert kills[0] < 0
    for our, their in zip(numbers(tmp_path / "killed"), numbers(tmp_path / "whole"), strict=True):
        assert our["rolled"] == their["rolled"]
