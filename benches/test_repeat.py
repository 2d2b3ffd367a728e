"""`assay bench repeat` as pytest-benchmark sees it: one call for many sequences, each as large as it gets."""

from __future__ import annotations

import array
import random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.repeat import RepeatDetector

BEFORE = 5_000


@pytest.mark.parametrize("tokens", [1, 32])
@pytest.mark.parametrize("sequences", [1, 1_000])
def test_repeat(benchmark: BenchmarkFixture, sequences: int, tokens: int) -> None:
    rng = random.Random(0)
    pool = array.array("i", rng.choices(range(150_000), k=200_000))
    detector = RepeatDetector()
    ids = array.array("q", [detector.open() for _ in range(sequences)])

    def batch(length: int) -> tuple[tuple[object, ...], dict[str, object]]:
        starts = [rng.randrange(len(pool) - length) for _ in ids]
        flat = array.array("i", b"".join(pool[start : start + length].tobytes() for start in starts))
        return (ids, flat, array.array("q", range(0, len(flat) + 1, length))), {}

    detector.feed(*batch(BEFORE)[0])  # type: ignore[arg-type]
    told = benchmark.pedantic(detector.feed, setup=lambda: batch(tokens), rounds=100)  # type: ignore[no-untyped-call]
    assert told == []
    assert benchmark.stats is not None
    benchmark.extra_info["nanoseconds_per_token"] = round(benchmark.stats["median"] * 1e9 / (sequences * tokens), 1)
