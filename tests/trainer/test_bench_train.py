"""What `make bench-train` counts, and that its ways compute the same; TRL is not needed for any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benches.trainer import packing
from benches.trainer.picture import draw
from benches.trainer.report import markdown
from benches.trainer.results import Comparison, Curve, Point, Results, Row, common_level, read
from trainer.policy import Policy

SHAPE = {"seed": 0, "groups": 2, "k": 3, "prompt": 12, "mean_response": 6}


def curve(peer: str, *rewards: float) -> Curve:
    points = [
        Point(iteration=number, seconds=2.0 * number, cpu_seconds=2.0 * number, reward=reward)
        for number, reward in enumerate(rewards)
    ]
    return Curve(peer=peer, learning_rate=3e-4, seed=0, swept=False, points=points)


@pytest.fixture
def results() -> Results:
    rows = [
        Row(
            way="Assay",
            rounds=[{"seconds": 1.0, "completion_tokens": 100.0}, {"seconds": 2.0, "completion_tokens": 100.0}],
        ),
        Row(
            way="TRL",
            rounds=[{"seconds": 3.0, "completion_tokens": 150.0}, {"seconds": 4.0, "completion_tokens": 50.0}],
        ),
    ]
    return Results(
        command="python -m benches.trainer",
        machine={"cpu": "a CPU", "cores": 2, "memory_gib": 4, "kernel": "6", "load_before": 0.0},
        versions={"torch": "2"},
        comparisons=[Comparison(part="a", title="a shape", baseline="Assay", threads=2, rows=rows)],
        curves=[curve("Assay", 0.2, 0.6, 0.8), curve("TRL", 0.2, 0.3, 0.5)],
        rates={"Assay": 3e-4},
        failures=["d: a part that failed"],
    )


def test_ratios_are_medians_of_the_rounds(results: Results) -> None:
    (comparison,) = results.comparisons
    assert comparison.ratios("TRL") == [3.0, 2.0]
    assert comparison.ratio("TRL", per="completion_tokens") == 3.0
    assert comparison.ratios("TRL", "peak_bytes") == []
    assert comparison.ratio("nobody") is None


def test_the_common_level(results: Results) -> None:
    level = common_level(results.curves)
    assert level == 0.5
    assert results.curves[0].seconds_to(level) == pytest.approx(1.5)
    assert results.curves[1].seconds_to(level) == pytest.approx(4.0)
    assert common_level([curve("Assay", 0.5, 0.4)]) is None


def test_written_and_read(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "trainer.json")
    assert read(tmp_path / "trainer.json") == results
    text = markdown(results)
    assert "| Assay |" in text
    assert "at most half: yes" in text
    assert "- d: a part that failed" in text
    draw(results, tmp_path / "trainer.png")
    assert (tmp_path / "trainer.png").stat().st_size > 10_000


@pytest.mark.parametrize("way", [packing.ONCE, packing.EACH])
def test_each_way_has_the_gradient_of_the_padded_batch(policy: Policy, way: str) -> None:
    groups = packing.made_groups(SHAPE)
    ours = [gradient.clone() for gradient in packing.update_of(way, policy, groups)()]
    theirs = packing.update_of(packing.PADDED, policy, groups)()
    assert packing.difference(ours, theirs) < 1e-4
    assert packing.tokens_of(packing.ONCE, groups) < packing.tokens_of(packing.PADDED, groups)
