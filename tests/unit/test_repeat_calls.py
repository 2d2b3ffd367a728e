"""What the repeat detector takes, refuses, keeps and gives back."""

from __future__ import annotations

import array
import random
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.repeat import RepeatDetector, RepeatRules

SMALL: Final = RepeatRules(window=256)


def arrays() -> Iterator[Any]:
    """What makes an array of tokens out of a list, as (name, function)."""
    for code in "iqlIQ":
        yield pytest.param(lambda values, code=code: array.array(code, values), code in "iql", id=f"array-{code}")
    yield pytest.param(lambda values: memoryview(array.array("i", values)), True, id="memoryview")
    yield pytest.param(tuple, True, id="tuple")
    for name, good in (("int32", True), ("int64", True), ("int16", False), ("uint32", False), ("float32", False)):
        for module in ("numpy", "torch"):
            make = lambda values, module=module, name=name: of_module(module, name, values)  # noqa: E731
            yield pytest.param(make, good, id=f"{module}-{name}")


def of_module(module: str, name: str, values: list[int]) -> Any:
    package = pytest.importorskip(module, reason=f"{module} is not installed here")
    make = package.array if module == "numpy" else package.tensor
    return make(values, dtype=getattr(package, name))


@pytest.mark.parametrize(("make", "good"), [*arrays()])
def test_arrays(make: Callable[[list[int]], Any], good: bool) -> None:
    detector = RepeatDetector()
    ids = [detector.open() for _ in range(3)]
    tokens = make([1, 2, 3] * 40 + [5] * 10 + [7] * 70)
    if not good:
        with pytest.raises(BadInput, match=r"(?s)tokens .*expected int32 or int64"):
            detector.feed(ids, tokens, [0, 120, 130, 200])
        return
    told = detector.feed(make(ids), tokens, make([0, 120, 130, 200]))
    assert [(sequence, repeat.period, repeat.at) for sequence, repeat in told] == [(ids[0], 3, 67), (ids[2], 1, 65)]
    assert detector.feed(make([]), make([]), make([0])) == []


def test_logprobs_of_either_width() -> None:
    rules = RepeatRules(certain_tokens=10)
    for code in "fd":
        detector = RepeatDetector(rules)
        found = detector.feed_one(detector.open(), [*range(12)], array.array(code, [0.0] * 12))
        assert found is not None
        assert found.at == 10


def test_arrays_are_read_where_they_lie() -> None:
    """One that stands behind a gap in its memory, or is a row of a larger one."""
    numpy = pytest.importorskip("numpy")
    detector = RepeatDetector()
    table = numpy.full((3, 70), 4, dtype=numpy.int32)
    assert detector.feed_one(detector.open(), table[1]) is not None
    table.flags.writeable = False
    assert detector.feed_one(detector.open(), table[2]) is not None
    for wrong in (table, table[:, 0], table[1][::2]):
        with pytest.raises(BadInput, match="one dimension, one element behind the other"):
            detector.feed_one(detector.open(), wrong)
    torch = pytest.importorskip("torch", reason="torch is not installed here")
    with pytest.raises(BadInput, match=r"(?s)logprobs .*without a gradient"):
        detector.feed_one(detector.open(), [1], torch.zeros(1, requires_grad=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [0]}, "len(offsets) 3: expected 2, one more than ids"),
        ({"ids": [0, 5]}, "ids[1] 5: expected the id of an open sequence"),
        ({"ids": [0, -1]}, "ids[1] -1: expected the id of an open sequence"),
        ({"ids": "ab"}, "ids 'ab': expected a list or an array of int32 or int64"),
        ({"tokens": [1, -2, 3]}, "tokens[1] -2: expected 0 to 4294967295"),
        ({"tokens": [1, 2**32, 3]}, "tokens[1] 4294967296: expected 0 to 4294967295"),
        ({"tokens": [1, 2, None]}, "tokens [1, 2, None]: expected a list or an array of int32 or int64"),
        ({"tokens": b"abc"}, "tokens b'abc': expected int32 or int64"),
        ({"offsets": [0, 4, 3]}, "offsets[1] 4: expected them to rise from 0 to 3, the number of tokens"),
        ({"offsets": [0, 2, 1]}, "offsets[2] 1: expected them to rise from 0 to 3, the number of tokens"),
        ({"offsets": [1, 2, 3]}, "offsets[0] 1: expected them to rise from 0 to 3, the number of tokens"),
        ({"logprobs": [0.0]}, "len(logprobs) 1: expected 3, as many as tokens"),
        ({"logprobs": ["a", "b", "c"]}, "logprobs ['a', 'b', 'c']: expected a list or an array of float32 or float64"),
    ],
)
def test_a_refused_call_names_what_is_wrong_and_feeds_nothing(change: dict[str, Any], message: str) -> None:
    detector = RepeatDetector()
    ids = [detector.open(), detector.open()]
    states = [detector.state(sequence) for sequence in ids]
    call: dict[str, Any] = {"ids": ids, "tokens": [1, 2, 3], "offsets": [0, 1, 3], "logprobs": None} | change
    with pytest.raises(BadInput) as caught:
        detector.feed(**call)
    assert str(caught.value) == message
    assert [detector.state(sequence) for sequence in ids] == states


def test_ids_are_never_given_again() -> None:
    detector = RepeatDetector()
    ids = set()
    for _ in range(100):
        sequence = detector.open()
        assert sequence not in ids
        ids.add(sequence)
        detector.close(sequence)
        for method in (detector.close, detector.state, detector.repeat):
            for unknown in (sequence, 2**70, None):
                with pytest.raises(BadInput, match=r"sequence .*expected the id of an open sequence"):
                    method(unknown)  # type: ignore[arg-type]
    assert len(detector) == 0


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"window": 1_000}, "rules.window 1000: expected a power of two from 256 to 32768"),
        ({"window": 65_536}, "rules.window 65536: expected a power of two from 256 to 32768"),
        ({"window": "4096"}, "rules.window '4096': expected a whole number below 2147483648"),
        ({"window": 2**80}, f"rules.window {2**80}: expected a whole number below 2147483648"),
        ({"loop_copies": 1}, "rules.loop_copies 1: expected 2 to 64, for this window"),
        ({"loop_tokens": 0}, "rules.loop_tokens 0: expected 1 to 4032, for this window"),
        ({"near_share": 0.0}, "rules.near_share 0.0: expected a share above 0, at most 1"),
        ({"near_share": float("nan")}, "rules.near_share nan: expected a number from 0 to 1"),
        ({"certain_tokens": 0}, "rules.certain_tokens 0: expected at least 1"),
        ({"certain_probability": 1}, "rules.certain_probability 1: expected a probability between 0 and 1"),
    ],
)
def test_rules_that_make_no_sense(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        RepeatDetector(RepeatRules(**rules))
    assert str(caught.value) == message


@given(st.integers(0, 700), st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_state_is_refused(length: int, data: st.DataObject) -> None:
    detector = RepeatDetector(SMALL)
    sequence = detector.open()
    detector.feed_one(sequence, random.Random(length).choices(range(1 + length % 300), k=length))
    state = bytearray(detector.state(sequence))
    match data.draw(st.sampled_from(["bit", "cut", "more"])):
        case "bit":
            state[data.draw(st.integers(0, len(state) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del state[data.draw(st.integers(0, len(state) - 1)) :]
        case _:
            state += data.draw(st.binary(min_size=1, max_size=9))
    with pytest.raises(BadInput, match="state "):
        detector.open(bytes(state))


def sealed(body: bytes | bytearray) -> bytes:
    """A state with its checksum, FNV-1a."""
    total = 0xCBF29CE484222325
    for byte in body:
        total = (total ^ byte) * 0x100000001B3 % 2**64
    return bytes(body) + struct.pack("<Q", total)


@given(st.integers(0, 700), st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_a_forged_state_does_no_harm(length: int, changes: list[tuple[int, int]]) -> None:
    """With the right checksum it may be taken, and then it can be fed."""
    detector = RepeatDetector(SMALL)
    sequence = detector.open()
    detector.feed_one(sequence, random.Random(length).choices(range(300), k=length))
    body = bytearray(detector.state(sequence)[:-8])
    assert sealed(body) == detector.state(sequence)
    head = 8 + 4 * 4 + 2 * 8
    for at, byte in changes:
        body[head + at % (len(body) - head)] = byte
    try:
        forged = detector.open(sealed(body))
    except BadInput:
        return
    detector.feed_one(forged, [1] * 700)
    detector.open(detector.state(forged))


@pytest.mark.parametrize("state", [b"", b"assayR\0\x02" + bytes(80), "text", bytearray(8), 7])
def test_what_is_no_state(state: Any) -> None:
    with pytest.raises(BadInput, match="state "):
        RepeatDetector().open(state)


def test_a_state_of_other_rules_is_refused() -> None:
    detector = RepeatDetector()
    state = detector.state(detector.open())
    with pytest.raises(BadInput, match="it is of a detector with other rules"):
        RepeatDetector(RepeatRules(near_share=0.5)).open(state)


def test_sizes_are_as_documented() -> None:
    detector = RepeatDetector()
    empty = detector.memory_bytes
    sequence = detector.open()
    sizes = [detector.memory_bytes - empty]
    for _ in range(3):
        detector.feed_one(sequence, [random.randrange(50_000) for _ in range(1_024)])
        sizes.append(detector.memory_bytes - empty)
    assert sizes[0] <= 6 << 10
    assert sizes[2] < 44 << 10
    assert sizes[3] <= 82 << 10
    assert len(detector.state(sequence)) <= 17 << 10
    detector.feed_one(sequence, [1] * 100)
    assert detector.memory_bytes - empty < 1 << 10, "what was told needs no memory"


def test_others_run_meanwhile() -> None:
    detector = RepeatDetector()
    sequence = detector.open()
    tokens = array.array("i", random.Random(6).choices(range(50_000), k=1_000_000) * 8)
    worker = threading.Thread(target=detector.feed_one, args=(sequence, tokens))
    worker.start()
    turns = 0
    while worker.is_alive():
        time.sleep(0.001)
        turns += 1
    # With the GIL held this thread would have had one turn, at the end.
    assert turns >= 5
