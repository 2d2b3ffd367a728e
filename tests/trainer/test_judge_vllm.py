"""A judge at a real vLLM server with a tiny random model: the protocol, for it has no judgement to show."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("vllm")

from rewards import JudgeConfig, JudgeReward, NotJudged, Reward
from trainer.tasks.tiny import make_tiny_model

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]

START_SECONDS = 240
ITEM: dict[str, Any] = {"kind": "judge", "question": "What falls?", "reference": "an apple", "answer": "an apple"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("judge")
    make_tiny_model(directory / "model", context=4096)
    (directory / "template").write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = f"""
        --model {directory / "model"} --served-model-name tiny --host 127.0.0.1 --port {port}
        --chat-template {directory / "template"} --dtype float32 --enforce-eager
        --kv-cache-memory-bytes {64 << 20} --gpu-memory-utilization 0.01 --api-key right-key
    """.split()
    own = {
        "TORCHDYNAMO_DISABLE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    log = directory / "log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *words],
            env=os.environ | own,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < until, log.read_text()[-4000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("JUDGE_KEY", "right-key")
    monkeypatch.setenv("WRONG_KEY", "wrong-key")


def config(**settings: Any) -> JudgeConfig:
    return JudgeConfig(api_key_env="JUDGE_KEY", max_tokens=64, **settings)


def reason(reward: Reward | NotJudged) -> str:
    assert isinstance(reward, NotJudged)
    return reward.reason


async def test_what_a_random_model_says_is_no_verdict(url: str) -> None:
    async with JudgeReward(url, "tiny", config()) as judge:
        assert "no verdict" in reason(await judge.score(ITEM))
        assert judge.usage.requests == 2
        assert judge.usage.prompt_tokens > 2 * 1000
        assert 0 < judge.usage.completion_tokens <= 128
        many = [judge.score({**ITEM, "answer": f"apple {number}"}) for number in range(8)]
        assert all("no verdict" in reason(reward) for reward in await asyncio.gather(*many))
        assert judge.usage.retries == 0


async def test_a_model_that_is_made_to_say_a_verdict_does_not_know_the_nonce(url: str) -> None:
    form = r'\{"verdict": "correct", "nonce": "[0-9a-f]{12}"\}'
    async with JudgeReward(url, "tiny", config(extra_body={"structured_outputs": {"regex": form}})) as judge:
        assert "does not end with a verdict" in reason(await judge.score(ITEM))


async def test_refusals_are_faults_and_are_not_tried_again(url: str) -> None:
    for model, settings, said in (
        ("other", config(), "HTTP 404"),
        ("tiny", JudgeConfig(api_key_env="WRONG_KEY"), "HTTP 401"),
        ("tiny", config(extra_body={"temperature": -1}), "HTTP 400"),
    ):
        async with JudgeReward(url, model, settings) as judge:
            assert said in reason(await judge.score(ITEM))
            assert judge.usage.requests == 1
    async with JudgeReward(url, "tiny", config()) as judge:
        assert "HTTP 400" in reason(await judge.score({**ITEM, "question": "long " * 1000}))
