"""The seam to rewards: what a scorer is, and how one of somebody's own is found."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from engine.errors import BadInput, SandboxError
from engine.wire.frames import encode_frame

if TYPE_CHECKING:
    from engine.engine import Engine

_T = TypeVar("_T")
_T_contra = TypeVar("_T_contra", contravariant=True)


class Scorer(Protocol[_T]):
    """Turns items of one kind into answers; items and answers are plain maps that fit MessagePack."""

    @property
    def kind(self) -> str:
        """What an item's `kind` says."""
        # One that runs no program may say so: `runs_programs = False`. Then nodes without a sandbox score it too.

    def parse(self, item: dict[str, Any]) -> _T:
        """The item as `score` wants it; raises BadInput naming the field and the value. Called once, on any thread."""
        ...

    async def score(self, parsed: _T, engine: Engine, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """The item's reward, a finite number, with its evidence, or `reward: None` and a text in `not_judged`.

        client            whose turn in the queue the runs take
        deadline_seconds  the client's own; what has not begun by then is not judged
        Raises Overloaded and SandboxError where nothing can be said. Cancelling kills what runs.
        """
        ...


@runtime_checkable
class Labelled(Protocol):
    """A scorer whose answers are also counted by how they came about."""

    def labels(self, answer: dict[str, Any]) -> tuple[str, str, str]:
        """Verdict, how and reason of an answer, each of a few values, whatever was asked."""
        ...


@runtime_checkable
class Together(Protocol[_T_contra]):
    """A scorer that needs to wait for nothing, at least with some items: many cost less in one go."""

    def score_together(self, parsed: Sequence[_T_contra]) -> list[dict[str, Any] | None]:
        """The answers, as `Scorer.score` gives them; None for an item that has to be scored by that. On any thread.

        Where it raises as `Scorer.score` may, every item is scored by that.
        """
        ...


Scorers = Mapping[str, Scorer[Any]]


def runs_programs(scorer: Scorer[Any]) -> bool:
    """Whether scoring such items may need the engine."""
    return bool(getattr(scorer, "runs_programs", True))


class Parsed(NamedTuple):
    """An item that can be scored: as it came, and as its scorer takes it."""

    item: dict[str, Any]
    scorer: Scorer[Any]
    work: Any

    async def score(self, engine: Engine, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """See `Scorer.score`."""
        answer = await self.scorer.score(self.work, engine, client=client, deadline_seconds=deadline_seconds)
        return checked(self.scorer.kind, answer)


def checked(kind: str, answer: object) -> dict[str, Any]:
    """What a scorer of that kind answered; raises SandboxError for what says no reward, or what no wire carries."""
    try:
        if not isinstance(answer, dict):
            raise BadInput("answer", answer, "expected a map")
        reward, why = answer.get("reward"), answer.get("not_judged")
        is_number = isinstance(reward, int | float) and not isinstance(reward, bool) and -math.inf < reward < math.inf
        if not (is_number and why is None) and not (reward is None and isinstance(why, str)):
            raise BadInput("reward", reward, "expected a finite number, or None with a text in not_judged")
        encode_frame(answer)
    except BadInput as error:
        raise SandboxError(f"the scorer of kind {kind!r} is at fault: {error}") from None
    return answer


def parsed_item(scorers: Scorers, item: object) -> Parsed:
    """The item, parsed by the scorer of its kind; raises BadInput."""
    if not isinstance(item, dict):
        raise BadInput("item", item, "expected a map")
    kind = item.get("kind")
    scorer = scorers.get(kind) if isinstance(kind, str) else None
    if scorer is None:
        raise BadInput("kind", kind, f"expected one of {', '.join(sorted(scorers))}")
    return Parsed(item, scorer, scorer.parse(item))


def with_own(scorers: Scorers, places: Iterable[str]) -> Scorers:
    """`scorers`, and those at `places`, each "module:name" of an object or a class that needs no arguments.

    Modules are looked for in the current directory too. Raises BadInput.
    """
    found = dict(scorers)
    for place in places:
        scorer = _loaded(place)
        if scorer.kind in found:
            raise BadInput("scorer", place, f"there is a scorer of kind {scorer.kind!r} already")
        found[scorer.kind] = scorer
    return found


def _loaded(place: str) -> Scorer[Any]:
    module_name, _, name = place.partition(":")
    if not module_name or not name:
        raise BadInput("scorer", place, "expected module:name")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise BadInput("scorer", place, f"cannot be loaded: {error}") from error
    scorer: Scorer[Any] = found() if isinstance(found, type) else found
    lacks = [part for part in ("kind", "parse", "score") if not hasattr(scorer, part)]
    if lacks:
        raise BadInput("scorer", place, f"is no scorer (engine.scorer.Scorer): it lacks {', '.join(lacks)}")
    return scorer
