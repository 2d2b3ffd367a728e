"""The rules for Prometheus: its own tool reads them, and a real daemon has every metric that they name."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

RULES = Path(__file__).parents[2] / "scripts/deploy/alerts.yaml"
# They have a series only once there was such an answer.
ONLY_AFTER = {"assay_not_judged_total"}


def test_prometheus_reads_the_rules() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool (Debian's prometheus)")
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.server
@pytest.mark.kernel
def test_every_metric_of_the_rules_is_there(daemon: Daemon) -> None:
    assert daemon.post("/v1/run", {"source": "print(1)"})[0] == 200
    _, text = daemon.get("/metrics")
    declared = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    series = set(re.findall(r"^(assay_\w+)", text, re.MULTILINE))
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"assay_\w+", rule["expr"])}
    assert named <= series | (ONLY_AFTER & declared)
