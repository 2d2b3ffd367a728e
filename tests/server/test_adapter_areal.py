"""AReaL's own wrapper around Assay's function, in its process pool; needs areal, tried with 1.0.4."""

from __future__ import annotations

import functools
import importlib.util
import pickle
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from engine import BadInput, SandboxError
from rewards.adapters.areal import reward_fn
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


@pytest.mark.filterwarnings("default")
async def test_areals_wrapper() -> None:
    if importlib.util.find_spec("areal") is None:
        pytest.skip("needs areal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from areal.api.reward_api import AsyncRewardWrapper
    wrapped: Any = AsyncRewardWrapper(reward_fn, max_retries=0)
    assert await wrapped("2 + 2?", "\\boxed{4}", [1], [2], answer="4") == 1.0
    assert await wrapped("", DOUBLES, [1], [2], **TESTS) == 1.0
    with pytest.raises(SandboxError, match="undecided"):
        await wrapped("", "\\boxed{4}", [1], [2], answer="See the figure.")
