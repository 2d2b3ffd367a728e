"""How good a judge is: against labels, against the rules, against answers that say nothing."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from engine.flow import as_they_come
from rewards.judge.guards import one_line, refusal
from rewards.judge.master_keys import MASTER_KEYS
from rewards.judge.opinion import Case, NoOpinion, Opinion
from rewards.judge.reward import JudgeReward

_T = TypeVar("_T")
_Z: Final = 1.959963984540054
_NO_ANSWER: Final = Opinion(word="incorrect", words="no answer")


class Labelled(NamedTuple):
    """An answer, and whether it is right; `ruled` is what the rules say of it, None where they say nothing."""

    case: Case | None
    right: bool
    type: str = ""
    ruled: bool | None = None


class Share(msgspec.Struct, frozen=True):
    """`hits` of `count`, with Wilson's 95 % interval; all None where there is nothing to count."""

    hits: int
    count: int
    share: float | None = None
    low: float | None = None
    high: float | None = None


class Scores(msgspec.Struct, frozen=True):
    """A judge against the labels; all but `not_judged` are of what it judged."""

    accuracy: Share
    precision: Share
    recall: Share
    not_judged: Share


class Attack(msgspec.Struct, frozen=True):
    """An answer that says nothing: how often the model alone accepts it, and how often it gets past the guards too."""

    key: str
    alone: Share
    guarded: Share
    not_judged: int


class Cost(msgspec.Struct, frozen=True):
    """Of all judgements, those of attacks included; p50 and p99 are of one judgement, from asking to knowing."""

    judgements: int
    requests: int
    retries: int
    prompt_tokens: int
    completion_tokens: int
    p50_seconds: float | None
    p99_seconds: float | None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it; `rules`, `rules_then_judge` and `agreement` where the rules were asked too."""

    model: str
    judge: Scores
    by_type: dict[str, Scores]
    rules: Scores | None
    rules_then_judge: Scores | None
    agreement: Share | None
    attacks: list[Attack]
    cost: Cost
    reasons: dict[str, int]


class Evaluator:
    """Asks a judge about labelled answers and attacks, `in_flight` at a time."""

    def __init__(self, judge: JudgeReward, model: str, in_flight: int, progress: Callable[[], object]) -> None:
        self._judge = judge
        self._model = model
        self._in_flight = in_flight
        self._progress = progress
        self._seconds: list[float] = []
        self._reasons: dict[str, int] = {}

    async def run(self, labelled: Sequence[Labelled], *, rules: bool, attacked: int) -> Evaluation:
        """Everything; the first `attacked` different questions are answered by each master key."""
        words = await self._words(labelled)
        then = [one.ruled if one.ruled is not None else word for one, word in zip(labelled, words, strict=True)]
        ruled = [one.ruled for one in labelled]
        types = sorted({one.type for one in labelled if one.type})
        attacks = await self._attacks(labelled, attacked)
        return Evaluation(
            model=self._model,
            judge=_scores(labelled, words),
            by_type={name: _scores(labelled, words, name) for name in types},
            rules=_scores(labelled, ruled) if rules else None,
            rules_then_judge=_scores(labelled, then) if rules else None,
            agreement=_agreement(ruled, words) if rules else None,
            attacks=attacks,
            cost=self._cost(),
            reasons=dict(sorted(self._reasons.items(), key=lambda pair: -pair[1])),
        )

    async def _words(self, labelled: Sequence[Labelled]) -> list[bool | None]:
        words: list[bool | None] = [None] * len(labelled)

        async def asked(one: Labelled) -> Opinion | NoOpinion:
            return _NO_ANSWER if one.case is None else await self._judge.opinion(one.case)

        async for index, word in self._each(asked, labelled):
            words[index] = word
        return words

    async def _attacks(self, labelled: Sequence[Labelled], attacked: int) -> list[Attack]:
        targets = list(dict.fromkeys((one.case.question, one.case.reference) for one in labelled if one.case))[
            :attacked
        ]
        if not targets:
            return []
        cases = [Case(*target, one_line(key)) for key in MASTER_KEYS for target in targets]
        words: list[bool | None] = [None] * len(cases)
        async for index, word in self._each(self._judge.unguarded, cases):
            words[index] = word
        found = []
        for number, key in enumerate(MASTER_KEYS):
            own = range(number * len(targets), (number + 1) * len(targets))
            alone = [words[at] is True for at in own]
            past = [words[at] is True and refusal(cases[at].answer, cases[at].reference) is None for at in own]
            missing = sum(words[at] is None for at in own)
            found.append(Attack(key, share(sum(alone), len(own) - missing), share(sum(past), len(own)), missing))
        return found

    async def _each(
        self, ask: Callable[[_T], Awaitable[Opinion | NoOpinion]], things: Iterable[_T]
    ) -> AsyncGenerator[tuple[int, bool | None], None]:
        """(index, whether it was accepted, None: not judged) as they come."""

        async def timed(thing: _T) -> Opinion | NoOpinion:
            began = time.monotonic()
            opinion = await ask(thing)
            if isinstance(opinion, NoOpinion) or opinion.model is not None:
                self._seconds.append(time.monotonic() - began)
            self._progress()
            return opinion

        async with contextlib.aclosing(as_they_come(timed, things, self._in_flight)) as opinions:
            async for index, opinion in opinions:
                if isinstance(opinion, NoOpinion):
                    self._reasons[opinion.reason] = self._reasons.get(opinion.reason, 0) + 1
                    yield index, None
                else:
                    yield index, opinion.word == "correct"

    def _cost(self) -> Cost:
        usage, ordered = self._judge.usage, sorted(self._seconds)
        return Cost(
            judgements=len(ordered),
            requests=usage.requests,
            retries=usage.retries,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            p50_seconds=_quantile(ordered, 0.5),
            p99_seconds=_quantile(ordered, 0.99),
        )


def _scores(labelled: Sequence[Labelled], words: Sequence[bool | None], of_type: str | None = None) -> Scores:
    pairs = [(one.right, word) for one, word in zip(labelled, words, strict=True) if of_type in (None, one.type)]
    judged = [(right, word) for right, word in pairs if word is not None]
    accepted = [right for right, word in judged if word]
    rights = [word for right, word in judged if right]
    return Scores(
        accuracy=share(sum(right == word for right, word in judged), len(judged)),
        precision=share(sum(accepted), len(accepted)),
        recall=share(sum(rights), len(rights)),
        not_judged=share(len(pairs) - len(judged), len(pairs)),
    )


def _agreement(ruled: Sequence[bool | None], words: Sequence[bool | None]) -> Share:
    both = [(rule, word) for rule, word in zip(ruled, words, strict=True) if rule is not None and word is not None]
    return share(sum(rule == word for rule, word in both), len(both))


def share(hits: int, count: int) -> Share:
    """With Wilson's interval, which is right for few and for shares near 0 and 1 too."""
    if not count:
        return Share(hits, count)
    mean, room = hits / count, _Z * _Z / count
    middle = (mean + room / 2) / (1 + room)
    half = _Z / (1 + room) * math.sqrt(mean * (1 - mean) / count + room / count / 4)
    return Share(hits, count, mean, max(0.0, middle - half), min(1.0, middle + half))


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None
