"""TRL's own trainer with Assay's rewards, from a real daemon."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import logging
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

pytest.importorskip("trl", reason="needs trl: make trainer")

from engine import BadInput, SandboxError
from rewards.adapters.open_r1 import code_reward
from rewards.adapters.samples import ADDRESS
from rewards.adapters.trl import assay_reward, together
from rewards.cli.daemon import own_daemon

pytestmark = pytest.mark.kernel

RIGHT, WRONG = "so \\boxed{4}", "so \\boxed{5}"
PROGRAM = "```python\nprint(int(input()) + 1)\n```"
APPS = '{"inputs": ["1\\n"], "outputs": ["2\\n"]}'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_daemon(tmp_path_factory.mktemp("daemon"), 2, Console(quiet=True)) as address:
        yield address


@pytest.fixture
def daemon(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, address)


@pytest.mark.usefixtures("daemon")
async def test_every_kind_of_sample_in_one_call() -> None:
    metrics: dict[str, float] = {}
    extra: dict[str, list[Any]] = {}
    rewards = await assay_reward(
        prompts=["2 + 2?", [{"role": "user", "content": "2 + 2?"}], "one more", "what?"],
        completions=[RIGHT, [{"role": "assistant", "content": WRONG}], PROGRAM, RIGHT],
        completion_ids=[[1], [1], [1], [1]],
        answer=["4", "4", None, "See the figure."],
        input_output=[None, None, APPS, None],
        trainer_state=None,
        log_extra=extra.__setitem__,
        log_metric=metrics.__setitem__,
    )
    assert rewards == [1.0, 0.0, 1.0, None]
    assert metrics == {"not_judged": 0.25}
    assert extra["verdict"][:3] == ["ACCEPTED", "WRONG_ANSWER", "ACCEPTED"]
    assert extra["verdict"][3].startswith("not judged: ")


@pytest.mark.usefixtures("daemon")
async def test_a_sample_that_cannot_be_scored_is_named() -> None:
    with pytest.raises(BadInput, match="expected kind") as caught:
        await assay_reward(["", ""], [RIGHT, RIGHT], answer=["4", None])
    assert caught.value.field == "[1].columns"
    with pytest.raises(BadInput) as caught:
        await assay_reward(["", ""], [RIGHT, RIGHT], answer=["4", [4]])
    assert caught.value.field == "[1].reference"


@pytest.mark.parametrize("address", ["unix://{}/none.sock", "http://127.0.0.1:9"])
async def test_without_a_daemon_the_run_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(ADDRESS, address.format(tmp_path))
    with pytest.raises(SandboxError, match=r"^none of 2 completions was judged: .*(none\.sock|127\.0\.0\.1:9)"):
        await assay_reward(["", ""], [RIGHT, RIGHT], answer=["4", "4"])
    tests = {"test_cases": [{"input": "1", "output": "2"}]}
    with pytest.raises(SandboxError, match=r"^none of 1 completions was judged: "):
        await code_reward([PROGRAM], verification_info=[tests])


@pytest.mark.usefixtures("daemon")
async def test_a_batch_of_which_nothing_can_be_said_has_no_rewards() -> None:
    assert await assay_reward(["", ""], [RIGHT, RIGHT], answer=["See the figure."] * 2) == [None, None]


def test_trl_sees_a_coroutine_that_can_be_pickled() -> None:
    assert inspect.iscoroutinefunction(assay_reward)
    assert pickle.loads(pickle.dumps(assay_reward)) is assay_reward


def short(completions: list[str], **kwargs: Any) -> list[float | None]:
    return [float(len(completion) < 20) for completion in completions]


async def _advantages(monkeypatch: pytest.MonkeyPatch, *functions: Any) -> list[float]:
    """Those that TRL itself computes of a group: right, wrong, and one that cannot be judged."""
    loops = pytest.importorskip("trl.experimental.async_grpo.async_rollout_worker", reason="needs AsyncGRPO")
    # TRL's wants accelerate's global state.
    monkeypatch.setattr(loops, "logger", logging.getLogger("trl"))
    group = loops.RolloutGroup(
        prompts=[""] * 3,
        reward_kwargs={"answer": ["4", "4", "See the figure."]},
        completions=[RIGHT, WRONG, RIGHT],
        completions_ids=[[1]] * 3,
        completions_sequences=[[loops.TrainingSequence([1], [1], [0.0], 0)]] * 3,
        tool_call_counts=[0] * 3,
        tool_failure_counts=[0] * 3,
        model_version=0,
        group_id=0,
        env_rewards=[None] * 3,
        rollout_rewards=[None] * 3,
    )
    names = [loops.get_callable_name(function) for function in functions]
    loop = SimpleNamespace(
        reward_funcs=functions, reward_func_names=names, _env_reward_types=[], _provides_rollout_reward=False
    )
    return [sample.advantage for sample in await loops._AsyncRolloutLoop._score_group(loop, group)]


@pytest.mark.usefixtures("daemon")
async def test_beside_a_second_function_together_leaves_out_what_was_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right, wrong, not_judged = await _advantages(monkeypatch, assay_reward, short)
    assert not_judged == wrong < 0 < right  # why `together` is there
    assert await _advantages(monkeypatch, together(assay_reward, short)) == pytest.approx([1, -1, 0])


@pytest.mark.usefixtures("daemon")
async def test_a_weighted_sum_of_functions_that_can_be_pickled() -> None:
    metrics: dict[str, float] = {}
    function = pickle.loads(pickle.dumps(together(assay_reward, short, weights=[2.0, 0.5])))
    assert inspect.iscoroutinefunction(function)
    assert function.__name__ == "weighted_sum"
    answers = ["4", "4", "See the figure."]
    completions = [RIGHT, f"{WRONG}, or is it?", RIGHT]
    rewards = await function(prompts=[""] * 3, completions=completions, answer=answers, log_metric=metrics.__setitem__)
    assert rewards == [2.5, 0.0, None]
    assert metrics["rewards/assay_reward/mean"] == 0.5
    assert metrics["rewards/short/mean"] == pytest.approx(2 / 3)
    with pytest.raises(BadInput, match="expected 2, one for each function"):
        together(assay_reward, short, weights=[1.0])


async def test_another_function_without_a_reward_adds_nothing() -> None:
    assert await together(short, lambda **kwargs: [None])(completions=[RIGHT]) == [1.0]
    assert await together(lambda **kwargs: [None], short)(completions=[RIGHT]) == [None]


def _ask_in_a_child(function: Any, answers: Any) -> None:
    answers.put(asyncio.run(function([""], [RIGHT], answer=["4"])))


@pytest.mark.usefixtures("daemon")
def test_as_asyncgrpo_takes_it_to_a_process_of_its_own() -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    child = context.Process(target=_ask_in_a_child, args=(assay_reward, answers))
    child.start()
    assert answers.get(timeout=60) == [1.0]
    child.join()
    answers.close()


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("daemon")
def test_three_steps_of_grpo(tiny_model: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("grpo", Path(__file__).parents[2] / "examples/trl/grpo.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    steps = example.train(str(tiny_model), str(tmp_path))
    assert len(steps) == 3
    # Of three samples one has a reference that says nothing, whatever is answered.
    assert [step["not_judged"] for step in steps] == [pytest.approx(1 / 3)] * 3
    assert all(step["rewards/assay_reward/mean"] == 0.0 for step in steps)
