"""verifiers and prime-rl: a reward of a v1 task, or a function of a `vf.Rubric` before it."""

from __future__ import annotations

import math
from typing import Any

from engine.errors import AssayError
from engine.wire.decode import decode_json
from rewards.adapters.samples import Completion, ask, item_of, number, text_of


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
    """The completion's reward, 0 to 1, for `vf.Rubric(funcs=[assay_reward])` of verifiers before 0.2.

    The columns are those of `info`, a map or its JSON text, with `answer` beside them. One that was not judged is NaN,
    and an error of its rollout, as is a wrong sample: what a function raises verifiers would count as 0.
    """
    from verifiers import InfraError

    try:
        columns: Any = decode_json(info.encode()) if isinstance(info, str) and info else info
        item = item_of({"answer": answer or None, **(columns or {})}, text_of(completion))
        return number(await ask(lambda client: client.score(item)), "the rollout")
    except AssayError as error:
        state["error"] = InfraError(str(error))
        return math.nan
