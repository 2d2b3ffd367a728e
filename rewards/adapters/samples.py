"""What is the same for every trainer: an item from a sample's columns, and a daemon to ask."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from engine.client.loop_thread import LoopThread
from engine.errors import BadInput
from rewards.client import RewardClient
from rewards.code.forms.table import is_row

_T = TypeVar("_T")
# Text, or the turns of a chat, whose content is text or a list of parts.
Completion: TypeAlias = str | Sequence[Mapping[str, Any]]

ADDRESS: Final = "ASSAY_ADDRESS"
TOKEN: Final = "ASSAY_TOKEN"
# Where data sets have the right answer of a question, in the order in which they are looked for.
_REFERENCES: Final = ("reference", "answer", "solution")
_CLIENTS: Final[dict[tuple[int, str | None, str], tuple[LoopThread, RewardClient]]] = {}


async def ask(question: Callable[[RewardClient], Coroutine[Any, Any, _T]]) -> _T:
    """What this process's client of the daemon at ASSAY_ADDRESS, else of this user's, answers; as the client raises.

    The client lives in a thread of its own, so that one connection serves every event loop that a trainer has.
    """
    # A process that was forked has no such thread.
    key = os.getpid(), os.environ.get(ADDRESS), os.environ.get(TOKEN, "")
    if key not in _CLIENTS:
        _CLIENTS[key] = LoopThread("assay-rewards"), RewardClient(key[1], token=key[2])
    thread, client = _CLIENTS[key]
    return await asyncio.wrap_future(thread.submit(question(client)))


def text_of(completion: Completion) -> str:
    """What the model said: a text as it is, of a chat the last assistant's turn; raises BadInput."""
    if isinstance(completion, str):
        return completion
    turns: Any = completion
    if not isinstance(turns, Sequence) or not all(isinstance(turn, Mapping) for turn in turns):
        raise BadInput("completion", completion, "expected text or the turns of a chat")
    for turn in reversed(turns):
        if turn.get("role", "assistant") == "assistant":
            return _content(turn.get("content"))
    return ""


def _content(content: object) -> str:
    if content is None:  # a call of a tool and no word
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        texts = [part["text"] for part in content if "text" in part]
        if all(isinstance(text, str) for text in texts):
            return "".join(texts)
    raise BadInput("completion", content, "expected text, or a chat whose content is text or a list of parts")


def item_of(columns: Mapping[str, Any], completion: str) -> dict[str, Any]:
    """A sample as an item: of the `kind` that its columns name, a data set's row of code, or else mathematics.

    Columns that are None count as missing, as tables have them where rows differ. Mathematics without a `kind` takes as
    its reference the first there is of reference, answer and solution, and `question`: data sets have columns like
    `type` that mean something else. Raises BadInput where nothing says what is right.
    """
    row = {name: value for name, value in columns.items() if value is not None}
    if "kind" in row:
        return {**row, "completion": completion}
    if is_row(row):
        return {**row, "kind": "code", "completion": completion}
    for name in _REFERENCES:
        if name in row:
            question = {"question": row["question"]} if "question" in row else {}
            return {"kind": "math", "reference": row[name], **question, "completion": completion}
    raise BadInput("columns", sorted(row), f"expected kind, a form of tests, or one of {', '.join(_REFERENCES)}")
