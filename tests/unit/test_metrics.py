from __future__ import annotations

import re

from engine.server.metrics import Metrics, NotJudgedShares

LINE = re.compile(r'[a-z_]+(\{([a-z]+="[^"]*",?)*\})? -?[0-9.e+-]+')


def test_every_line_is_in_the_text_format() -> None:
    metrics = Metrics()
    metrics.requests.add("run", "ok")
    metrics.verdicts.add("run", 'odd "label" \\ \n')
    metrics.request_seconds.observe(0.3, "run")
    text = metrics.text(counts={"engine_runs": 3}, gauges={"slots": 2})
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line.replace('\\"', "").replace("\\\\", "")), (
            line
        )
    assert "assay_engine_runs_total 3" in text
    assert "assay_slots 2" in text


def test_a_histogram_is_cumulative() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.3, 0.3, 1000):
        metrics.request_seconds.observe(seconds, "run")
    lines = [line for line in metrics.request_seconds.lines() if "_bucket" in line]
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines]
    assert counts == sorted(counts)
    assert (counts[0], counts[-2], counts[-1]) == (1, 3, 4)
    assert 'le="+Inf"' in lines[-1]
    assert 'assay_request_seconds_count{op="run"} 4' in list(metrics.request_seconds.lines())


def test_a_program_that_is_often_not_judged_stands_out() -> None:
    shares = NotJudgedShares()
    for _ in range(4):
        shares.count("innocent", judged=True)
        shares.count("hostile", judged=False)
    shares.count("hostile", judged=True)
    shares.count("once", judged=False)
    assert shares.programs == 2
    assert shares.highest == 4 / 5


def test_programs_not_seen_for_long_are_forgotten() -> None:
    shares = NotJudgedShares()
    for _ in range(3):
        shares.count("hostile", judged=False)
    for number in range(10_000):
        shares.count(str(number), judged=True)
    assert shares.programs == 0
    assert shares.highest == 0
