"""`assay bench math`: judging answers, beside math-verify: how fast, and who is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.bench.load import median, quantile
from engine.errors import AssayError
from rewards.bench.math_pairs import Pair, sets, table
from rewards.bench.math_verify import GET_IT, Peer, peer
from rewards.client import RewardClient
from rewards.math.reward import grade
from rewards.reward import NotJudged

PEER: Final = "math-verify"
# Every reference is another text to the grader, which keeps those it has read: then each has to be read anew.
_ROUNDS: Final = 8
# The peer's rounds of a set end with these seconds; each pair has been judged once by then.
_PEER_SECONDS: Final = 20.0
_SHOWN_CHARS: Final = 80
Say = Callable[[str, float], None]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One set of pairs, judged one after the other on one core.

    Ours are from a MathItem to its Reward, with the reference read before, as in a group of samples; `new` are those
    whose reference has to be read too. The peer's are from two texts to its verdict. Seconds; ratio is of pairs per
    second, each with its reference read.
    """

    set: str
    pairs: int
    per_second: float
    p50_seconds: float
    p99_seconds: float
    new_per_second: float
    new_p50_seconds: float
    new_p99_seconds: float
    peer_per_second: float | None = None
    peer_p50_seconds: float | None = None
    peer_p99_seconds: float | None = None
    ratio: float | None = None


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """The pairs of one type: how often who accepts what is wrong, and rejects what is right."""

    type: str
    pairs: int
    wrong_accepts: int
    wrong_rejects: int
    undecided: int
    peer_wrong_accepts: int | None = None
    peer_wrong_rejects: int | None = None
    peer_undecided: int | None = None


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that one of both judges otherwise than it should be; texts are cut."""

    type: str
    reference: str
    answer: str
    expected: str
    ours: str
    peers: str | None


class MathReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured; `peer` is its version, or how to get it."""

    peer: str
    speeds: list[Speed]
    agreements: list[Agreement]
    disagreements: list[Disagreement]
    daemon_pairs_per_second: float | None = None


def measured(path: Path, python: str, say: Say) -> MathReport:
    """Every set, timed. Raises BadInput for a table that is not there."""
    speeds: list[Speed] = []
    judged: list[tuple[Pair, str, str | None]] = []
    with peer(python) as other:
        here = other.look() is not None
        for index, (name, pairs) in enumerate(sets(table(path)).items()):
            say(name, index / 3)
            speed, verdicts = _speed(name, pairs, other if here else None)
            speeds.append(speed)
            judged += verdicts
        return _report(other, speeds, judged)


def golden(path: Path, python: str, say: Say) -> MathReport:
    """The whole table, judged once by both. Raises BadInput for a table that is not there."""
    rows = table(path)
    judged: list[tuple[Pair, str, str | None]] = []
    with peer(python) as other:
        here = other.look() is not None
        for index, pair in enumerate(rows):
            say(pair.type, index / len(rows))
            judged.append((pair, verdict(pair), other.judge(pair).verdict if here else None))
        return _report(other, [], judged)


async def through_daemon(client: RewardClient, path: Path, batch: int, seconds: float) -> float:
    """Typical pairs per second in batches of so many; raises AssayError where one is not answered."""
    pairs = sets(table(path))["typical"]
    items = [msgspec.to_builtins(pairs[index % len(pairs)].item) for index in range(batch)]
    # The table has pairs that are undecided, but none of its typical ones.
    lost = [answer.reason for answer in await client.score_batch(items) if isinstance(answer, NotJudged)]
    if lost:
        raise AssayError(f"not judged: {lost[0]}")
    began, batches = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds:
        await client.score_batch(items)
        batches += 1
    return batches * batch / spent


def verdict(pair: Pair) -> str:
    """Ours, in the table's words."""
    reward = grade(pair.item)
    if isinstance(reward, NotJudged):
        return "undecided"
    return "correct" if reward.reward == 1.0 else "incorrect"


def _speed(name: str, pairs: Sequence[Pair], other: Peer | None) -> tuple[Speed, list[tuple[Pair, str, str | None]]]:
    ours = [verdict(pair) for pair in pairs]
    kept, new = [], []
    rates, new_rates = [], []
    for number in range(_ROUNDS):
        kept.append(_timed(pairs))
        new.append(_timed([_with_new_reference(pair, number) for pair in pairs]))
        rates.append(len(pairs) / sum(kept[-1]))
        new_rates.append(len(pairs) / sum(new[-1]))
    all_kept = [seconds for round_ in kept for seconds in round_]
    all_new = [seconds for round_ in new for seconds in round_]
    speed = Speed(
        set=name,
        pairs=len(pairs),
        per_second=median(rates),
        p50_seconds=quantile(all_kept, 0.5),
        p99_seconds=quantile(all_kept, 0.99),
        new_per_second=median(new_rates),
        new_p50_seconds=quantile(all_new, 0.5),
        new_p99_seconds=quantile(all_new, 0.99),
    )
    if other is None:
        return speed, [(pair, verdict_, None) for pair, verdict_ in zip(pairs, ours, strict=True)]
    # The first round also fills the peer's own caches; where it is quick there are more, of which the best counts.
    began = time.perf_counter()
    theirs = [other.judge(pair) for pair in pairs]
    rounds = [[answered.seconds for answered in theirs]]
    while time.perf_counter() - began + sum(rounds[-1]) < _PEER_SECONDS:
        rounds.append([other.judge(pair).seconds for pair in pairs])
    best = min(rounds, key=sum)
    rate = len(pairs) / sum(best)
    speed = msgspec.structs.replace(
        speed,
        peer_per_second=rate,
        peer_p50_seconds=quantile(best, 0.5),
        peer_p99_seconds=quantile(best, 0.99),
        ratio=speed.new_per_second / rate,
    )
    return speed, [(pair, mine, its.verdict) for pair, mine, its in zip(pairs, ours, theirs, strict=True)]


def _timed(pairs: Sequence[Pair]) -> list[float]:
    clock = time.perf_counter
    seconds = []
    for pair in pairs:
        began = clock()
        grade(pair.item)
        seconds.append(clock() - began)
    return seconds


def _with_new_reference(pair: Pair, number: int) -> Pair:
    """The same pair for which the grader has not read the reference yet: with blanks around it."""
    blanks = " " * (number + 1)
    return pair._replace(item=msgspec.structs.replace(pair.item, reference=f"{pair.item.reference}{blanks}"))


def _report(other: Peer, speeds: list[Speed], judged: Sequence[tuple[Pair, str, str | None]]) -> MathReport:
    here = other.version is not None
    agreements = []
    for kind in dict.fromkeys(pair.type for pair, _, _ in judged):
        mine = [(pair.expected, ours) for pair, ours, _ in judged if pair.type == kind]
        row = Agreement(
            type=kind,
            pairs=len(mine),
            wrong_accepts=_accepts(mine),
            wrong_rejects=_rejects(mine),
            undecided=_undecided(mine),
        )
        if here:
            its = [(pair.expected, theirs or "") for pair, _, theirs in judged if pair.type == kind]
            row = msgspec.structs.replace(
                row,
                peer_wrong_accepts=_accepts(its),
                peer_wrong_rejects=_rejects(its),
                peer_undecided=_undecided(its),
            )
        agreements.append(row)
    disagreements = [
        Disagreement(
            type=pair.type,
            reference=str(pair.item.reference)[:_SHOWN_CHARS],
            answer=pair.item.completion.removeprefix("\\boxed{").removesuffix("}")[:_SHOWN_CHARS],
            expected=pair.expected,
            ours=ours,
            peers=theirs,
        )
        for pair, ours, theirs in judged
        if ours != pair.expected or (theirs is not None and theirs != pair.expected)
    ]
    name = f"{PEER} {other.version}" if here else f"{PEER} is not here: {GET_IT}"
    return MathReport(peer=name, speeds=speeds, agreements=agreements, disagreements=disagreements)


def _accepts(verdicts: Sequence[tuple[str, str]]) -> int:
    return sum(given == "correct" != expected for expected, given in verdicts)


def _rejects(verdicts: Sequence[tuple[str, str]]) -> int:
    return sum(expected == "correct" and given in ("incorrect", "hung") for expected, given in verdicts)


def _undecided(verdicts: Sequence[tuple[str, str]]) -> int:
    return sum(given == "undecided" != expected for expected, given in verdicts)
