"""The repeat detector says what its rules say, held against them as they are written, over hostile streams."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.repeat import Repeat, RepeatDetector, RepeatRules, repeats_in_text

# A window that streams of some hundred tokens fill.
SMALL: Final = RepeatRules(window=256)
GRAM: Final = 16
MARK_FACTOR: Final = 0x9E3779B1
HASH_FACTOR: Final = 0xD6E8FEB86659FD93 << 4
# Added to three tokens in a row, it leaves the hash of every 16-gram that has all three of them as it was.
COLLISION: Final = (2_132_347, 921_068, 189_632)


def by_the_rules(tokens: Sequence[int], rules: RepeatRules) -> Repeat | None:
    """Rules 1 and 2 as they are written, over characters, which compare fast."""
    text, seen = "".join(map(chr, tokens)), list[bool]()
    window, enough = rules.window, rules.near_share * rules.window
    for at in range(1, len(text) + 1):
        for period in range(1, 65):
            start = at - max(rules.loop_tokens, (rules.loop_copies - 1) * period) - period
            if start >= 0 and text[start : at - period] == text[start + period : at]:
                return Repeat(kind="loop", at=at, start=start, period=period, truncate_at=start + period)
        recent = text[max(0, at - window) : at]
        seen.append(at >= GRAM and recent.find(recent[-GRAM:]) < len(recent) - GRAM)
        if sum(seen[-window:]) >= enough:
            start = heaviest(seen, window, rules)
            return Repeat(kind="near-loop", at=at, start=start, period=None, truncate_at=start)
    return None


def heaviest(seen: list[bool], window: int, rules: RepeatRules) -> int:
    """Where the suffix begins in which 16-grams seen before outweigh the others most, the longest of several."""
    least = -int(-rules.near_share * window // 1)
    best, weight, begins = -1, 0, 0
    for place in range(len(seen) - 1, max(0, len(seen) - window) - 1, -1):
        weight += window - least if seen[place] else -least
        if weight >= best:
            best, begins = weight, place
    return max(0, begins - GRAM + 1)


def mark(token: int) -> int:
    return (token * MARK_FACTOR & 0xFFFFFFFF) >> 24


SAME_MARK: Final = [token for token in range(1, 20_000) if mark(token) == 7]
WORDS: Final = st.one_of(
    st.integers(0, 0xD7FF),
    st.integers(0, 1),
    st.integers(0, 5),
    st.sampled_from(SAME_MARK[:4]),
    st.sampled_from(SAME_MARK),
)


@st.composite
def parts(draw: st.DrawFn) -> list[int]:
    """A text; a loop of any period, perhaps with a counter or a loop in it, cut anywhere; one token many times."""
    rng = draw(st.randoms(use_true_random=False))
    words = [draw(WORDS) for _ in range(draw(st.integers(1, 6)))]
    match draw(st.integers(0, 4)):
        case 0:
            return [rng.choice(words) for _ in range(draw(st.integers(1, 300)))]
        case 1:
            return [rng.randrange(0xD7FF) for _ in range(draw(st.integers(1, 300)))]
        case 2:
            return words[:1] * draw(st.integers(1, 70))
        case 3:
            period, copies = draw(st.integers(1, 200)), draw(st.integers(1, 8))
            inner = draw(st.lists(st.sampled_from(words), min_size=1, max_size=20)) * draw(st.integers(1, 3))
            copy = (inner + [rng.randrange(0xD7FF) for _ in range(period)])[:period]
            loop = copy * copies
            return loop[: len(loop) - draw(st.integers(0, period))]
        case _:
            copy = [rng.randrange(0xD7FF) for _ in range(draw(st.integers(1, 100)))]
            step, digits = draw(st.integers(0, 2)), draw(st.integers(1, 3))
            counted = (
                [*copy, *(k * step * (digit + 1) for digit in range(digits))] for k in range(draw(st.integers(1, 8)))
            )
            return [token for one in counted for token in one]


STREAMS: Final = st.lists(parts(), min_size=1, max_size=5).map(
    lambda found: [token for part in found for token in part]
)
RULES: Final = st.builds(
    RepeatRules,
    window=st.just(256),
    loop_copies=st.integers(2, 4),
    loop_tokens=st.sampled_from([1, 2, 7, 30, 64, 150]),
    near_share=st.sampled_from([0.1, 0.6, 1.0]),
)


def pieces(tokens: Sequence[int], cuts: Sequence[int]) -> Iterator[list[int]]:
    """The stream, cut after so many tokens in turn."""
    at, turn = 0, 0
    while at < len(tokens):
        yield list(tokens[at : at + cuts[turn % len(cuts)]])
        at, turn = at + cuts[turn % len(cuts)], turn + 1


def fed(rules: RepeatRules, given: Iterator[list[int]]) -> Repeat | None:
    detector = RepeatDetector(rules)
    sequence = detector.open()
    for piece in given:
        if found := detector.feed_one(sequence, piece):
            assert detector.repeat(sequence) == found
            return found
    return None


def fed_and_killed(rules: RepeatRules, given: Iterator[list[int]]) -> Repeat | None:
    """The same, by a new detector for every piece."""
    state = None
    for piece in given:
        detector = RepeatDetector(rules)
        sequence = detector.open(state)
        assert state is None or detector.state(sequence) == state
        found = detector.feed_one(sequence, piece)
        state = detector.state(sequence)
        if found:
            other = RepeatDetector(rules)
            assert other.repeat(other.open(state)) == found
            return found
    return None


@pytest.mark.parametrize("examples", [250, pytest.param(4_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_it_says_what_the_rules_say(examples: int) -> None:
    @given(STREAMS, st.just(SMALL) | RULES, st.lists(st.integers(1, 90), min_size=1, max_size=4))
    @settings(max_examples=examples, deadline=None)
    def check(tokens: list[int], rules: RepeatRules, cuts: list[int]) -> None:
        expected = by_the_rules(tokens, rules)
        assert fed(rules, iter([tokens])) == expected
        assert fed(rules, pieces(tokens, cuts)) == expected
        assert fed_and_killed(rules, pieces(tokens, cuts)) == expected

    check()


def test_many_sequences_in_one_call() -> None:
    rng = random.Random(1)
    streams = [[rng.randrange(k + 1) for _ in range(500)] if k % 3 else [1, 2, k] * 200 for k in range(60)]
    detector = RepeatDetector(SMALL)
    ids = [detector.open() for _ in streams]
    found: dict[int, Repeat] = {}
    for at in range(0, 500, 50):
        order = rng.sample(range(60), 60)
        lengths = [rng.randrange(51) for _ in order]
        # In two parts, the second after all first ones.
        flat = [token for k, length in zip(order, lengths, strict=True) for token in streams[k][at : at + length]]
        flat += [token for k, length in zip(order, lengths, strict=True) for token in streams[k][at + length : at + 50]]
        offsets = [0]
        for length in [*lengths, *(50 - length for length in lengths)]:
            offsets.append(offsets[-1] + length)
        told = detector.feed([ids[k] for k in order] * 2, flat, offsets)
        assert not {sequence for sequence, _ in told} & set(found)
        found |= dict(told)
    alone = {ids[k]: repeat for k, stream in enumerate(streams) if (repeat := fed(SMALL, iter([stream[:500]])))}
    assert found == alone
    assert len(alone) == 20


def hashed(tokens: Sequence[int]) -> int:
    """The hash of native/src/repeat/grams.rs, but for a factor that all tokens share."""
    total = 0
    for token in tokens:
        total = (total * HASH_FACTOR + token) % 2**64
    return total


def test_equal_hashes_are_no_repeat() -> None:
    """Four of five 16-grams have the hash of one seen before, one of ten is one."""
    rng = random.Random(2)
    text = [rng.randrange(1 << 24) for _ in range(4096)]
    other, spacing = list(text), 20
    for at in range(0, 4096 - 3, spacing):
        for k, difference in enumerate(COLLISION):
            other[at + k] += difference
    same = [
        (text[at : at + GRAM] == other[at : at + GRAM], hashed(text[at : at + GRAM]) == hashed(other[at : at + GRAM]))
        for at in range(4096 - GRAM)
    ]
    assert sum(really for really, _ in same) < 0.11 * 4096
    assert sum(by_hash for _, by_hash in same) > 0.79 * 4096
    # The copies stand nearer than a window, so that only comparing can tell.
    woven = [token for at in range(0, 4096, 1024) for token in text[at : at + 1024] + other[at : at + 1024]]
    assert fed(RepeatRules(), iter([woven])) is None
    assert fed(RepeatRules(near_share=0.02), iter([woven])) is not None


def test_tokens_with_equal_marks_are_no_loop() -> None:
    rng = random.Random(3)
    assert fed(RepeatRules(), iter([[rng.choice(SAME_MARK) for _ in range(20_000)]])) is None
    for copies in range(1, 60):
        broken = [*SAME_MARK[:20] * copies, SAME_MARK[20 + copies % 2]] * 3
        assert fed(SMALL, iter([broken])) == by_the_rules(broken, SMALL)


@pytest.mark.parametrize("period", [65, 100, 1_000, 4_000])
def test_a_long_period_is_a_near_loop_and_cut_after_its_first_copy(period: int) -> None:
    rng = random.Random(period)
    text = [rng.randrange(50_000) for _ in range(5_000)]
    copy = [rng.randrange(50_000) for _ in range(period)]
    found = fed(RepeatRules(), iter([text + copy * (9_000 // period)]))
    assert found is not None
    assert (found.kind, found.truncate_at) == ("near-loop", 5_000 + period)


def test_what_is_missed() -> None:
    """The misses that the documentation names."""
    rng = random.Random(4)
    far = [rng.randrange(50_000) for _ in range(4_200)]
    assert fed(RepeatRules(), iter([far * 5])) is None, "copies further apart than the window"
    drifting = [token for k in range(700) for token in [*range(1, 11), 1_000 + k]]
    assert fed(RepeatRules(), iter([drifting])) is None, "something new in every 16 tokens"
    assert fed(RepeatRules(), iter([[*range(12)] * 4])) is None, "four copies, but of few tokens"


def test_certain_tokens_in_a_row() -> None:
    rules = RepeatRules(certain_tokens=300)
    tokens = random.Random(5).sample(range(50_000), 1_000)
    logprobs = [-0.001] * 1_000
    logprobs[290], logprobs[500] = -0.0101, float("nan")
    for cuts in ([1_000], [7], [100, 1]):
        detector = RepeatDetector(rules)
        sequence = detector.open()
        given = zip(pieces(tokens, cuts), pieces(logprobs, cuts), strict=True)  # type: ignore[arg-type]
        found = [repeat for piece, ps in given if (repeat := detector.feed_one(sequence, piece, ps))]
        assert found == [Repeat(kind="certain", at=801, start=501, period=None, truncate_at=501)]
    # Tokens without logprobs are not certain.
    detector = RepeatDetector(rules)
    sequence = detector.open()
    for part in range(0, 1_000, 250):
        assert detector.feed_one(sequence, tokens[part : part + 200], [0.0] * 200) is None
        assert detector.feed_one(sequence, tokens[part + 200 : part + 250]) is None
    # A loop is told first where both hold.
    loop = RepeatDetector(RepeatRules(certain_tokens=65))
    found_loop = loop.feed_one(loop.open(), [1] * 65, [0.0] * 65)
    assert found_loop is not None
    assert found_loop.kind == "loop"


@pytest.mark.parametrize(
    ("unit", "copies", "kind"),
    [
        ("Wait, I have to check that again. ", 12, "loop"),
        ("\n", 2_000, "loop"),
        ("ab", 2_000, "loop"),
        ("好的,让我再想一想。", 20, "loop"),
        ("So the answer is 12.\n\n", 3, None),
        ("word ", 60, None),
        ("-", 120, None),
        ("=", 2_000, "loop"),
        ("", 0, None),
    ],
)
def test_texts(unit: str, copies: int, kind: str | None) -> None:
    lead = "First we look at the numbers; they are 3, 4 and 5. "
    found = repeats_in_text(lead + unit * copies)
    if kind is None:
        assert found is None
        return
    assert found is not None
    assert found.kind == kind
    assert found.period is not None
    assert found.start + found.period == found.truncate_at
    # What is cut into pieces of 8 or 16 characters has its first piece with what is before, a word the space before it.
    assert abs(found.start - len(lead)) <= 16
    text = lead + unit * copies
    assert text[found.start : found.at - found.period] == text[found.truncate_at : found.at]


def test_a_text_that_only_counts_up() -> None:
    text = "".join(
        f"Step {k}: we add the two numbers that are left, and then look at the sum once more; it is still not what was "
        "asked for, so it can be no answer, and we go on with the next two numbers of the list in the same way. "
        for k in range(400)
    )
    found = repeats_in_text(text)
    assert found is not None
    assert found.kind == "near-loop"
    assert found.truncate_at < 2 * len(text) // 400


def test_a_text_takes_linear_time() -> None:
    for unit in (" ", "\u2003", "a", "_", "1", "\n "):
        began = time.process_time()
        repeats_in_text(unit * 300_000)
        assert time.process_time() - began < 5
