"""What is the same for every trainer: an item from a sample's columns, and a daemon to ask."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from engine.client.loop_thread import LoopThread
from engine.errors import BadInput, SandboxError
from engine.wire.decode import decode_json
from rewards.client import RewardClient
from rewards.code.forms.table import is_row
from rewards.reward import NotJudged, Reward

_S = TypeVar("_S")
_T = TypeVar("_T")
# Text, or the turns of a chat, whose content is text or a list of parts; a turn may be a model of pydantic's too.
Completion: TypeAlias = str | Sequence[Mapping[str, Any]]

ADDRESS: Final = "ASSAY_ADDRESS"
TOKEN: Final = "ASSAY_TOKEN"
# Where data sets have the right answer of a question, in the order in which they are looked for.
_REFERENCES: Final = ("reference", "answer", "solution")
_CLIENTS: Final[dict[tuple[int, str | None, str], tuple[LoopThread, RewardClient]]] = {}
_MAKING: Final = threading.Lock()


async def ask(question: Callable[[RewardClient], Coroutine[Any, Any, _T]]) -> _T:
    """What this process's client of the daemon at ASSAY_ADDRESS, else of this user's, answers; as the client raises.

    The client lives in a thread of its own, so that one connection serves every event loop that a trainer has.
    """
    thread, client = _client()
    return await asyncio.wrap_future(thread.submit(question(client)))


def ask_blocking(question: Callable[[RewardClient], Coroutine[Any, Any, _T]]) -> _T:
    """As `ask`, for trainers that call from a thread or a process of their own."""
    thread, client = _client()
    return thread.wait(question(client))


def _client() -> tuple[LoopThread, RewardClient]:
    # A process that was forked has no such thread.
    key = os.getpid(), os.environ.get(ADDRESS), os.environ.get(TOKEN, "")
    with _MAKING:
        if key not in _CLIENTS:
            # It first: a wrong address must leave no thread behind.
            client = RewardClient(key[1], token=key[2])
            _CLIENTS[key] = LoopThread("assay-rewards"), client
        return _CLIENTS[key]


def number(reward: Reward | NotJudged, of: str = "the completion") -> float:
    """The reward's number, for trainers that know no missing one; raises SandboxError where there is none."""
    if isinstance(reward, NotJudged):
        raise SandboxError(f"no reward for {of}: {reward.reason}")
    return reward.reward


def verdict(reward: Reward | NotJudged) -> str:
    """The reward's verdict as text, or why it was not judged."""
    if isinstance(reward, NotJudged):
        return f"not judged: {reward.reason}"
    return "" if reward.verdict is None else reward.verdict.value


def text_of(completion: Completion) -> str:
    """What the model said: a text as it is, of a chat the last assistant's turn; raises BadInput."""
    if isinstance(completion, str):
        return completion
    turns: Any = completion
    if isinstance(turns, Sequence):
        turns = [turn.model_dump() if hasattr(turn, "model_dump") else turn for turn in turns]
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
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


def item_of(columns: Mapping[str, Any], completion: str, prompt: object = None) -> dict[str, Any]:
    """A sample as an item: of the `kind` that its columns name, a data set's row of code, or else mathematics.

    Columns that are None count as missing, as tables have them where rows differ; without a `kind` empty text does too.
    Mathematics without a `kind` takes as its reference the first there is of reference, answer and solution, and
    `question`: data sets have columns like `type` that mean something else. Raises BadInput where nothing says what is
    right.

    prompt  what the trainer asked; a column of rows that have one, where it is text
    """
    row = {name: _plain(value) for name, value in columns.items() if value is not None}
    if not row.get("kind"):
        # The head of a function may be empty.
        row = {name: value for name, value in row.items() if name == "prompt" or value != ""}
    # Of some code data sets the prompt is the head of the function; no item of ours has one.
    if isinstance(prompt, str) and is_row(asked := {"prompt": prompt, **row}):
        row = asked
    if "kind" in row:
        return {**row, "completion": completion}
    if is_row(row):
        return {**row, "kind": "code", "completion": completion}
    for name in _REFERENCES:
        if name in row:
            question = {"question": row["question"]} if "question" in row else {}
            return {"kind": "math", "reference": row[name], **question, "completion": completion}
    raise BadInput("columns", sorted(row), f"expected kind, a form of tests, or one of {', '.join(_REFERENCES)}")


def items_of(samples: Iterable[_S], item: Callable[[_S], dict[str, Any]]) -> list[dict[str, Any]]:
    """The item of each sample; BadInput of one has the sample's index before its field, like `[3].columns`."""
    items = []
    for index, sample in enumerate(samples):
        try:
            items.append(item(sample))
        except BadInput as error:
            raise error.below(f"[{index}]") from None
    return items


def item_of_label(label: object, completion: str, question: object = None) -> dict[str, Any]:
    """An item of a trainer that has one value for what is right: its `label`, or what verl calls a ground truth.

    A map, or a text that is a JSON map, holds the columns of a sample (`item_of`) or tests, as `inputs` and `outputs`;
    anything else is a reference of mathematics, to which `question` belongs where it is text. Raises BadInput.
    """
    label = _plain(label)
    columns = _map(label)
    if not columns:
        item = {"kind": "math", "reference": label}
        item |= {"question": question} if isinstance(question, str) else {}
        return {**item, "completion": completion}
    if is_row(columns) or not columns.keys().isdisjoint({"kind", *_REFERENCES}):
        return item_of(columns, completion)
    return {"kind": "code", "ground_truth": columns, "completion": completion}


def _map(label: object) -> dict[str, Any]:
    if isinstance(label, str) and label.lstrip().startswith("{"):
        try:
            label = decode_json(label.encode("utf-8", "surrogatepass"))
        except BadInput:  # a set, in mathematics
            return {}
    return label if isinstance(label, dict) else {}


def _plain(value: Any) -> Any:
    # A table that was read with pandas has arrays for lists, and numbers and texts of numpy's own.
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return _plain(value.tolist()) if hasattr(value, "tolist") else value
