"""Of a list of items those that wait for nothing, some at a time in one go; then the others, one by one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

from engine.errors import AssayError, SandboxError
from engine.scorer import Parsed, Together, checked
from engine.server.batch import Numbered, each

Answer: TypeAlias = dict[str, Any]
# A few milliseconds in a thread of their own; at most a second, if each takes as long as it can.
_IN_ONE_GO: Final = 64


async def scored(
    items: list[Parsed],
    together: frozenset[str],
    told: Callable[[Parsed, Answer], Answer],
    ask: Callable[[Parsed], Coroutine[Any, Any, Answer]],
    in_flight: int,
) -> Numbered[Answer]:
    """(index, answer or its error) as they come; closing it ends the rest. Empties `items`.

    together  kinds whose scorer is `Together`
    told      what is said of an answer that came so
    """
    left: list[int] = []
    rest: list[Parsed] = []
    for start in range(0, len(items), _IN_ONE_GO):
        some = items[start : start + _IN_ONE_GO]
        if any(item.scorer.kind in together for item in some):
            answers = await asyncio.to_thread(_in_one_go, some, together)
        else:
            answers = [None] * len(some)
        for index, (item, answer) in enumerate(zip(some, answers, strict=True), start):
            if answer is None:
                left.append(index)
                rest.append(item)
            else:
                yield index, told(item, answer)
    items.clear()
    async with contextlib.aclosing(each(ask, rest, in_flight)) as numbered:
        async for index, one in numbered:
            yield left[index], one


def _in_one_go(items: Sequence[Parsed], together: frozenset[str]) -> list[Answer | None]:
    answers: list[Answer | None] = [None] * len(items)
    for kind in {item.scorer.kind for item in items} & together:
        places = [place for place, item in enumerate(items) if item.scorer.kind == kind]
        scorer: Together[Any] = items[places[0]].scorer  # type: ignore[assignment]
        try:
            found = scorer.score_together([items[at].work for at in places])
        except AssayError:
            # Scored one by one, each says itself what is wrong with it, as those do below whose answer is no reward.
            continue
        for place, answer in zip(places, found, strict=True):
            with contextlib.suppress(SandboxError):
                answers[place] = None if answer is None else checked(kind, answer)
    return answers
