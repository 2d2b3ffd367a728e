"""A large batch in threads: without the GIL, and in memory that does not grow."""

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.exact import grade_many
from tests.rewards.test_math_golden import ROWS

PAIRS, CALL = 100_000, 1_000
GROWTH_BYTES = 64 << 20


@pytest.mark.soak
def test_a_large_batch_grows_with_cores_and_not_in_memory() -> None:
    rows = [row for row in ROWS if "answer" in row and row["type"] != "cheat" and not row.get("options")]
    pairs = [([row["answer"]], row["reference"], None) for row in rows]
    call = [pairs[index % len(pairs)] for index in range(CALL)]

    def seconds(threads: int) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            assert len({tuple(found) for found in pool.map(grade_many, [call] * (PAIRS // CALL))}) == 1
        return time.perf_counter() - began

    alone = seconds(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    together = seconds(8)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    cores = min(8, len(os.sched_getaffinity(0)))
    assert grown <= GROWTH_BYTES
    assert alone / together >= 0.6 * cores, f"{alone:.2f} s and {together:.2f} s on {cores} cores"
