"""The dashboard for Grafana: a real Prometheus that looks at a real daemon has an answer for each of its panels."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.dashboard_picture import draw
from tests.support.prometheus import Prometheus, prometheus

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

ROOT = Path(__file__).parents[2]
BOARD: dict[str, Any] = json.loads((ROOT / "scripts/deploy/grafana.json").read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
EXPRS = [target["expr"] for panel in PANELS for target in panel["targets"]]
PICTURE = ROOT / ".benchmarks/dashboard.png"
# What Grafana puts into an expression before it asks.
FILLED_IN = {"$__rate_interval": "10s", "$instance": ".*"}
FROM_PROMETHEUS = {"instance"}
SCRAPES = 8
LOAD_SECONDS = 40
LOOKS = "count_over_time(assay_slots[1m])"
KEPT = "int main() { return 0; }"

CODE = {"kind": "code", "completion": "```python\nprint(3)\n```", "tests": [{"stdin": "", "expected": "3\n"}]}
WRONG = {**CODE, "completion": "```python\nprint(4)\n```"}
UNDECIDED = {"kind": "math", "completion": "\\boxed{1}", "reference": "see the figure"}


def filled_in(expr: str) -> str:
    for name, value in FILLED_IN.items():
        expr = expr.replace(name, value)
    return expr


def labels_of(expr: str) -> set[str]:
    grouped = {name for names in re.findall(r"\bby \(([^)]*)\)", expr) for name in names.split(", ")}
    return grouped | set(re.findall(r"(\w+)=~?\"", expr))


def test_it_has_what_grafana_asks_of_a_dashboard() -> None:
    assert {"uid", "title", "schemaVersion", "time", "refresh", "templating", "panels"} <= set(BOARD)
    assert BOARD["id"] is None, "the number is given by the Grafana that imports it"
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert (variables["DS_PROMETHEUS"]["type"], variables["DS_PROMETHEUS"]["query"]) == ("datasource", "prometheus")
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS)
    source = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    for panel in PANELS:
        assert panel["type"] in {"timeseries", "stat"}
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(asks["datasource"] == source for asks in (panel, *panel["targets"]))
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
    used = set(re.findall(r"\$\w+", " ".join(EXPRS)))
    assert used == set(FILLED_IN)
    assert used - {"$__rate_interval"} <= {f"${name}" for name in variables}


def test_no_two_panels_overlap_and_none_leaves_the_grid() -> None:
    places = [(panel["title"], *(panel["gridPos"][name] for name in "xywh")) for panel in PANELS]
    for _, x, y, w, h in places:
        assert x >= 0 <= y
        assert w > 0 < h
        assert x + w <= 24
    for (one, x, y, w, h), (other, x2, y2, w2, h2) in itertools.combinations(places, 2):
        assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, f"{one} and {other}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watched:
    """A Prometheus that has looked at a daemon under load a few times."""

    prometheus: Prometheus
    began: float
    ended: float


@pytest.fixture(scope="module")
def watched(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    if shutil.which("prometheus") is None:
        pytest.skip("needs prometheus (Debian's prometheus)")
    assert daemon.http
    target = daemon.http.removeprefix("http://")
    with prometheus(tmp_path_factory.mktemp("prometheus"), target) as watching, daemon.connect():
        began = time.time()
        while not (looks := watching.at(time.time(), LOOKS)) or int(looks[0]["value"][1]) < SCRAPES:
            assert time.time() < began + LOAD_SECONDS, (looks, watching.at(time.time(), "up"))
            new = f"int main() {{ return {time.time_ns() % 2}; }} // {time.time_ns()}"
            for program in (
                {"source": "print(1)"},
                {"source": KEPT, "language": "c"},
                {"source": new, "language": "c"},
            ):
                assert daemon.post("/v1/run", program)[0] == 200
            for item in (CODE, WRONG, UNDECIDED):
                assert daemon.post("/v1/score", item)[0] == 200
            time.sleep(0.3)
        yield Watched(prometheus=watching, began=began, ended=time.time())


@pytest.mark.server
@pytest.mark.kernel
@pytest.mark.usefixtures("watched")
def test_every_metric_and_label_is_the_daemons(daemon: Daemon) -> None:
    _, text = daemon.get("/metrics")
    series = dict.fromkeys(re.findall(r"^(assay_\w+)", text, re.MULTILINE), "")
    for name, labels in re.findall(r"^(assay_\w+)\{(.*)\}", text, re.MULTILINE):
        series[name] = labels
    for expr in EXPRS:
        [name] = re.findall(r"assay_\w+", expr)
        assert name in series, expr
        assert labels_of(expr) - FROM_PROMETHEUS <= set(re.findall(r"(\w+)=\"", series[name])), expr


@pytest.mark.server
@pytest.mark.kernel
def test_prometheus_answers_every_panel(watched: Watched) -> None:
    for expr in EXPRS:
        values = [float(series["value"][1]) for series in watched.prometheus.at(watched.ended, filled_in(expr))]
        assert values, expr
        assert all(map(math.isfinite, values)), (expr, values)
    [daemons] = [each for each in BOARD["templating"]["list"] if each["name"] == "instance"]
    [(metric, label)] = re.findall(r"label_values\((\w+), (\w+)\)", daemons["query"]["query"])
    assert len(watched.prometheus.label_values(metric, label)) == 1
    draw(PANELS, lambda expr: watched.prometheus.course(watched.began, watched.ended, filled_in(expr)), PICTURE)
