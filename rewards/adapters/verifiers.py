"""verifiers and prime-rl: a reward of a v1 task, or a function of a `vf.Rubric` before it."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Mapping
from typing import Any

from engine.errors import BadInput
from engine.wire.decode import decode_json
from rewards.adapters.samples import Completion, ask, item_of, number, text_of

_verifiers: Any = importlib.import_module("verifiers") if importlib.util.find_spec("verifiers") else None
if hasattr(_verifiers, "Rubric") and not hasattr(_verifiers, "InfraError"):
    # Its rubrics make a 0 of what a function raises, and a rollout has no place for an error.
    raise ImportError("verifiers before 0.1.9 would count as 0 what was not judged: pip install 'verifiers>=0.1.9'")


async def solved(task: Any, trace: Any) -> float:
    """The reward of a trace's last reply, 0 to 1; the fields that the task's data has of its own are its columns.

    Raises BadInput for a wrong task, and SandboxError where there is no reward: verifiers records that as the trace's
    error, and its reward as not there.
    """
    from verifiers.v1 import TaskData

    columns = task.model_dump(exclude=set(TaskData.model_fields))
    item = item_of(columns, trace.last_reply, task.prompt)
    return number(await ask(lambda client: client.score(item)), "the trace")


async def assay_reward(completion: Completion, answer: Any, info: Any, state: dict[str, Any]) -> float:
    """The completion's reward, 0 to 1, for `vf.Rubric(funcs=[assay_reward])` of verifiers from 0.1.9 to before 0.2.

    The columns are those of `info`, a map or its JSON text, with `answer` beside them. One that was not judged is NaN,
    and an error of its rollout, as is a wrong sample: what a function raises verifiers would count as 0.
    """
    try:
        item = _item(completion, answer, info)
        return number(await ask(lambda client: client.score(item)), "the rollout")
    except Exception as error:  # noqa: BLE001 (of whatever this raises verifiers makes a 0)
        state["error"] = _verifiers.InfraError(str(error))
        state["error"].__cause__ = error
        return math.nan


def _item(completion: Completion, answer: Any, info: Any) -> dict[str, Any]:
    columns: Any = decode_json(info.encode("utf-8", "surrogatepass")) if isinstance(info, str) and info else info or {}
    if not isinstance(columns, Mapping):
        raise BadInput("info", info, "expected a map, or its JSON text")
    return item_of({"answer": answer or None, **columns}, text_of(completion))
