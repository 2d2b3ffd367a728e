"""A real Prometheus that looks at one address once a second, and what it answers."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: assay
    static_configs: [{{targets: ["{target}"]}}]
"""
_READY_SECONDS = 20


class Prometheus:
    """Its HTTP API."""

    def __init__(self, address: str) -> None:
        self._address = address

    def at(self, when: float, expr: str) -> list[dict[str, Any]]:
        """The series that an expression has at a time; each has `metric` and `value`."""
        return list(self._ask("query", query=expr, time=when)["result"])

    def course(self, since: float, until: float, expr: str) -> list[dict[str, Any]]:
        """The same second by second; each has `metric` and `values`."""
        return list(self._ask("query_range", query=expr, start=since, end=until, step=1)["result"])

    def label_values(self, metric: str, label: str) -> list[str]:
        """The values that a label of a metric has."""
        return list(self._ask(f"label/{label}/values", **{"match[]": metric}))

    def _ask(self, what: str, **query: object) -> Any:
        url = f"{self._address}/api/v1/{what}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as response:
            answer = json.load(response)
        assert answer["status"] == "success", answer
        return answer["data"]


@contextlib.contextmanager
def prometheus(place: Path, target: str) -> Iterator[Prometheus]:
    """Start one with its files in `place`, on a port of its own, and end it."""
    config = place / "prometheus.yml"
    config.write_text(_CONFIG.format(target=target))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={place / 'data'}"]
    log = place / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen([*command, "--web.listen-address=127.0.0.1:0"], stderr=stderr)
    try:
        yield Prometheus(_address_of(process, log))
    finally:
        process.terminate()
        process.wait(20)


def _address_of(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _READY_SECONDS
    while True:
        text = log.read_text()
        listens = re.search(r'msg="Listening on" address=(127\.0\.0\.1:\d+)', text)
        if listens and "Server is ready" in text:
            return f"http://{listens[1]}"
        assert process.poll() is None, text
        assert time.monotonic() < end, text
        time.sleep(0.05)
