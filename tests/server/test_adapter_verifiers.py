"""verifiers' own scoring with Assay's functions; needs verifiers: its tasks from 0.2 on, its rubrics before."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import rewards.adapters.verifiers
from rewards.adapters.samples import ADDRESS
from rewards.adapters.verifiers import assay_reward

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

# Of what verifiers imports.
pytestmark = [pytest.mark.server, pytest.mark.kernel, pytest.mark.filterwarnings("default")]

TESTS = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
DOUBLES = "```python\nprint(int(input()) * 2)\n```"
FIGURE = "See the figure."


@pytest.fixture(autouse=True)
def address(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, daemon.address)


@pytest.fixture
def scored() -> Any:
    """The trace of a task of verifiers 0.4 with this data and this reply, scored by the task."""
    if importlib.util.find_spec("verifiers") is None or importlib.util.find_spec("verifiers.v1") is None:
        pytest.skip("needs verifiers 0.2 or newer")
    import verifiers.v1 as vf

    if not hasattr(vf, "TaskData"):
        pytest.skip("needs verifiers 0.2 or newer")

    class Data(vf.TaskData):  # type: ignore[misc]
        answer: str | None = None
        input_output: str | None = None

    async def score(reply: str, **data: Any) -> Any:
        config = vf.TaskConfig(rewards={"solved": {"fn": "rewards.adapters.verifiers.solved", "weight": 2.0}})
        task = vf.Task(Data(prompt="2 + 2?", name="a name", image="an image", **data), config)
        said = vf.MessageNode(message=vf.AssistantMessage(content=reply), sampled=True)
        trace = vf.Trace(task=vf.TraceTask(type="Task", data=task.data), agent=vf.AgentInfo.model_construct())
        trace.nodes.append(said)
        try:
            await task.score(trace)
        except vf.RolloutError as error:
            trace.record_error(error)
        return trace

    return score


@pytest.mark.parametrize(
    ("reply", "data", "reward"),
    [
        ("\\boxed{4}", {"answer": "4"}, 1.0),
        ("\\boxed{5}", {"answer": "4"}, 0.0),
        (DOUBLES, {"input_output": json.dumps(TESTS)}, 1.0),
    ],
)
async def test_a_task_plugs_the_reward(scored: Any, reply: str, data: dict[str, Any], reward: float) -> None:
    trace = await scored(reply, **data)
    assert trace.rewards["solved"].value == 2 * reward
    assert trace.errors == []


@pytest.mark.parametrize(("data", "words"), [({"answer": FIGURE}, "undecided"), ({}, "expected kind")])
async def test_a_trace_without_a_reward_has_an_error(scored: Any, data: dict[str, Any], words: str) -> None:
    trace = await scored("\\boxed{4}", **data)
    assert trace.rewards == {"solved": None}
    assert trace.has_error
    assert words in trace.last_error.message


@pytest.fixture
def rubric() -> Any:
    vf = pytest.importorskip("verifiers", reason="needs verifiers before 0.2")
    if not hasattr(vf, "Rubric"):
        pytest.skip("needs verifiers before 0.2")
    return vf.Rubric(funcs=[assay_reward], weights=[2.0])


def state(reply: str, answer: str = "", info: Any = None) -> dict[str, Any]:
    said = [{"role": "assistant", "content": reply}]
    return {"prompt": "", "completion": said, "answer": answer, "info": info or {}, "trajectory": [], "error": None}


async def test_a_rubric(rubric: Any) -> None:
    states = [
        state("\\boxed{4}", "4"),
        state("\\boxed{5}", "4", {"level": 3}),
        state(DOUBLES, info=TESTS),
        state(DOUBLES, info=json.dumps(TESTS)),
    ]
    for each in states:
        await rubric.score_rollout(each)
    assert [each["reward"] for each in states] == [2.0, 0.0, 2.0, 2.0]
    assert [each["error"] for each in states] == [None] * 4
    await rubric.score_group(states)
    assert [each["reward"] for each in states] == [2.0, 0.0, 2.0, 2.0]


@pytest.mark.parametrize(("answer", "words"), [(FIGURE, "undecided"), ("", "expected kind")])
async def test_a_rollout_without_a_reward_has_an_error(rubric: Any, answer: str, words: str) -> None:
    each = state("\\boxed{4}", answer)
    await rubric.score_rollout(each)
    assert math.isnan(each["reward"])
    assert type(each["error"]).__name__ == "InfraError"
    assert words in str(each["error"])


async def test_turns_of_verifiers_own_are_read(rubric: Any) -> None:
    vf = pytest.importorskip("verifiers")
    if not hasattr(vf, "AssistantMessage"):
        pytest.skip("needs a verifiers whose messages are pydantic's")
    each = {**state("", "4"), "completion": [vf.UserMessage(content="?"), vf.AssistantMessage(content="\\boxed{4}")]}
    await rubric.score_rollout(each)
    assert (each["reward"], each["error"]) == (2.0, None)


@pytest.mark.parametrize(
    ("reply", "answer", "info", "words"),
    [
        ("\\boxed{4}", "4", "[1, 2]", "expected a map"),
        ("\\boxed{4}", "4", 5, "expected a map"),
        ("\\boxed{4}", "4", '{"level": "\ud800"}', "UTF-8"),
        ("\ud800 \\boxed{4}", "4", None, "surrogates"),
        ("\\boxed{4}", "", {5: 5, "level": 3}, "not supported between"),
        (None, "4", None, "expected text"),
    ],
)
async def test_nothing_is_raised_that_verifiers_would_count_as_0(
    monkeypatch: pytest.MonkeyPatch, reply: Any, answer: Any, info: Any, words: str
) -> None:
    class InfraError(Exception):
        pass

    monkeypatch.setattr(rewards.adapters.verifiers, "_verifiers", SimpleNamespace(InfraError=InfraError))
    rollout: dict[str, Any] = {}
    assert math.isnan(await assay_reward(reply, answer, info, rollout))
    assert isinstance(rollout["error"], InfraError)
    assert words in str(rollout["error"])


def test_a_verifiers_without_a_place_for_errors_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    old: Any = ModuleType("verifiers")
    old.__spec__, old.Rubric = ModuleSpec("verifiers", None), object
    monkeypatch.setitem(sys.modules, "verifiers", old)
    monkeypatch.delitem(sys.modules, "rewards.adapters.verifiers")
    with pytest.raises(ImportError, match=r"verifiers>=0\.1\.9"):
        importlib.import_module("rewards.adapters.verifiers")
