"""AReaL's own workflow and wrapper with Assay's functions; needs areal, tried with 1.0.4."""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import pickle
import time
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import rewards.adapters.areal
from engine import BadInput, SandboxError
from rewards.adapters import samples
from rewards.adapters.areal import async_reward_fn, reward_fn
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

TESTS: dict[str, Any] = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
DOUBLES = "```python\nprint(int(input()) * 2)\n```"
# The prompt, the answer, and their tokens.
ask = functools.partial(reward_fn, "2 + 2?", prompt_ids=[1], completion_ids=[2])


@pytest.fixture(autouse=True)
def address(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, daemon.address)


def test_a_samples_columns() -> None:
    assert pickle.loads(pickle.dumps(reward_fn)) is reward_fn
    assert ask("\\boxed{4}", answer="4", messages=[]) == 1.0
    assert ask("\\boxed{5}", answer="4") == 0.0
    assert ask(DOUBLES, **TESTS) == 1.0
    with pytest.raises(SandboxError, match="no reward for the completion: undecided"):
        ask("\\boxed{4}", answer="See the figure.")
    with pytest.raises(BadInput, match="expected kind"):
        ask("\\boxed{4}", level=3)


def test_what_takes_longer_than_areal_waits_is_no_0() -> None:
    began = time.monotonic()
    with pytest.raises(SandboxError, match=r"no reward within 0\.3 s"):
        ask("```python\nwhile True: pass\n```", patience_seconds=0.3, **TESTS)
    assert time.monotonic() - began < 5


def test_what_connecting_takes_is_of_the_same_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    client = samples._client

    def slow() -> Any:
        time.sleep(0.4)
        return client()

    monkeypatch.setattr(samples, "_client", slow)
    with pytest.raises(SandboxError, match=r"no reward within 0\.3 s"):
        ask("\\boxed{4}", answer="4", patience_seconds=0.3)


async def test_many_at_once_without_a_pool() -> None:
    answers = await asyncio.gather(
        *(async_reward_fn("2 + 2?", said, [1], [2], answer="4") for said in ("\\boxed{4}", "\\boxed{5}") * 50)
    )
    assert answers == [1.0, 0.0] * 50
    with pytest.raises(SandboxError, match="no reward for the completion: undecided"):
        await async_reward_fn("", "\\boxed{4}", [1], [2], answer="See the figure.")


@pytest.fixture
def areal() -> None:
    if importlib.util.find_spec("areal") is None:
        pytest.skip("needs areal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("areal.workflow.rlvr")


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("areal")
async def test_areals_workflow_awaits_the_reward_itself() -> None:
    from areal.workflow.rlvr import RLVRWorkflow

    gconfig = SimpleNamespace(new_with_stop_and_pad_token_ids=lambda tokenizer: None)
    tokenizer = SimpleNamespace(decode=lambda tokens: "".join(map(chr, tokens)))
    workflow = rewards.adapters.areal.AssayWorkflow(gconfig=gconfig, tokenizer=tokenizer)
    assert isinstance(workflow, RLVRWorkflow)
    response = SimpleNamespace(input_tokens=[1], output_tokens=list(map(ord, "\\boxed{4}")))
    assert await workflow._compute_rewards(response, "2 + 2?", {"messages": [], "answer": "4"}) == 1.0


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("areal")
async def test_areals_wrapper() -> None:
    from areal.api.reward_api import AsyncRewardWrapper

    wrapped: Any = AsyncRewardWrapper(reward_fn, max_retries=0)
    assert await wrapped("2 + 2?", "\\boxed{4}", [1], [2], answer="4") == 1.0
    assert await wrapped("", DOUBLES, [1], [2], **TESTS) == 1.0
    with pytest.raises(SandboxError, match="undecided"):
        await wrapped("", "\\boxed{4}", [1], [2], answer="See the figure.")
