"""A judge model's word as a reward."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.flow import off_loop
from engine.program import Verdict
from rewards.completion import Nothing
from rewards.evidence import JudgeEvidence, shown
from rewards.judge.config import JudgeConfig
from rewards.judge.endpoint import Endpoint, EndpointFailed, Usage
from rewards.judge.guards import one_line, refusal
from rewards.judge.item import JudgeItem, judge_item
from rewards.judge.opinion import Case, JudgeModel, NoOpinion, Opinion
from rewards.judge.prompt import new_nonce, prompt_of
from rewards.judge.shared import Shared
from rewards.judge.verdict import Unread, read
from rewards.reward import NotJudged, Reward

_LOG: Final = logging.getLogger(__name__)
# A reply without a verdict is asked for once more.
_TRIES: Final = 2


class JudgeReward:
    """Asks a chat model at an OpenAI-compatible endpoint whether an answer says what the reference says.

    url, model  the endpoint, like "http://127.0.0.1:8000/v1", and the model's name there
    config      how it is asked

    ACCEPTED, WRONG_ANSWER  by the model's verdict; an answer that is none, or that a guard refuses, is wrong unasked
    NotJudged               the endpoint failed, the deadline passed, or the model said no verdict, twice

    Raises BadInput for wrong settings, CannotStart without httpx. One belongs to one event loop, and is closed there.
    """

    def __init__(self, url: str, model: str, config: JudgeConfig | None = None) -> None:
        self._config = dataclasses.replace(config or JudgeConfig(), base_url=url, model=model)
        self._endpoint = Endpoint(self._config)
        self._turns = asyncio.Semaphore(self._config.judgements)
        self._opinions = Shared[Opinion | NoOpinion](
            self._config.cache_entries, keep=lambda opinion: isinstance(opinion, Opinion)
        )

    async def __aenter__(self) -> JudgeReward:
        """The judge itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._endpoint.close()

    @property
    def usage(self) -> Usage:
        """Requests and tokens so far."""
        return self._endpoint.usage

    async def score(
        self, item: JudgeItem | dict[str, Any], *, deadline_seconds: float | None = None
    ) -> Reward | NotJudged:
        """The item's reward; raises BadInput for a wrong item."""
        return await judged(self, item, deadline_seconds)

    async def opinion(self, case: Case, *, deadline_seconds: float | None = None) -> Opinion | NoOpinion:
        """On one answer; one that has not begun within `deadline_seconds` has none."""
        case = msgspec.structs.replace(case, answer=one_line(case.answer))
        if refused := refusal(case.answer, case.reference):
            return Opinion(word="incorrect", words=refused)
        return await self.unguarded(case, deadline_seconds=deadline_seconds)

    async def unguarded(self, case: Case, *, deadline_seconds: float | None = None) -> Opinion | NoOpinion:
        """What the model alone says, as `assay judge eval` wants to know it of attacks."""
        key = hashlib.sha256(msgspec.msgpack.encode(case)).digest()
        try:
            return await self._opinions.get(key, lambda begun: self._in_turn(case, begun), deadline_seconds)
        except TimeoutError:
            return NoOpinion(f"deadline passed after {deadline_seconds:g} s in the judge's queue", fault=True)

    async def _in_turn(self, case: Case, begun: Callable[[], None]) -> Opinion | NoOpinion:
        # What waits for its turn is not late: only whoever asked may stop waiting.
        async with self._turns:
            begun()
            try:
                async with asyncio.timeout(self._config.deadline_seconds):
                    return await self._voted(case)
            except TimeoutError:
                seconds = self._config.deadline_seconds
                return NoOpinion(f"the judge's deadline passed after {seconds:g} s", fault=True)

    async def _voted(self, case: Case) -> Opinion | NoOpinion:
        votes = await asyncio.gather(*(self._vote(case) for _ in range(self._config.votes)))
        if len(votes) == 1:
            return votes[0]
        words = Counter(vote.word for vote in votes if isinstance(vote, Opinion))
        for vote in votes:
            if isinstance(vote, Opinion) and 2 * words[vote.word] > len(votes):
                return msgspec.structs.replace(vote, votes=dict(words))
        missing = [vote for vote in votes if isinstance(vote, NoOpinion)]
        return NoOpinion(f"no majority: {missing[0].reason}", fault=any(vote.fault for vote in missing))

    async def _vote(self, case: Case) -> Opinion | NoOpinion:
        found = Unread("")
        for _ in range(_TRIES):
            nonce = new_nonce()
            try:
                reply = await self._endpoint.reply(prompt_of(case, nonce))
            except EndpointFailed as fault:
                _LOG.info("the judge cannot be asked: %s", fault)
                return NoOpinion(f"the judge cannot be asked: {fault}", fault=True)
            said = read(reply.text, nonce, reply.finish_reason)
            if not isinstance(said, Unread):
                return Opinion(word=said.word, model=self._config.model, words=said.words)
            found = said
        return NoOpinion(f"the judge said no verdict: {found.reason}", fault=False)


async def judged(
    judge: JudgeModel, item: JudgeItem | dict[str, Any], deadline_seconds: float | None
) -> Reward | NotJudged:
    """The item's reward by that judge; raises BadInput for a wrong item."""
    if isinstance(item, dict):
        item = judge_item(item)
    answer = await off_loop(len(item.completion or ""), item.final_answer)
    if isinstance(answer, Nothing):
        return _wrong(JudgeEvidence(reason=answer.reason))
    case = Case(item.question, str(item.reference), answer)
    opinion = await judge.opinion(case, deadline_seconds=deadline_seconds)
    evidence = JudgeEvidence(answer=shown(answer), judge=opinion.said())
    if isinstance(opinion, NoOpinion):
        if item.undecided == "zero" and not opinion.fault:
            return _wrong(evidence)
        return NotJudged(opinion.reason)
    return rewarded(opinion, evidence)


def rewarded(opinion: Opinion, evidence: Any) -> Reward:
    """An opinion as a reward: 1 or 0, or a classifier's score."""
    right = opinion.word == "correct"
    return Reward(
        reward=float(right) if opinion.score is None else opinion.score,
        verdict=Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER,
        evidence=evidence,
    )


def no_judge(field: str, value: object) -> BadInput:
    """An item that wants a judge, where none is configured."""
    return BadInput(field, value, "no judge model is configured here: base_url and model in [rewards.judge]")


def _wrong(evidence: JudgeEvidence) -> Reward:
    return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=evidence)
