"""The documentation's example of the socket, with nothing but the `msgpack` package, runs as it is written there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]
PAGE = Path(__file__).parents[2] / "docs/protocol.md"


def test_the_msgpack_example(daemon: Daemon, tmp_path: Path) -> None:
    found = re.search(r"<!-- example: msgpack -->\s*```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    example = tmp_path / "example.py"
    example.write_text(found[1])
    command = [sys.executable, str(example), str(daemon.path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == ""
    first, second = sorted(ended.stdout.splitlines())
    assert first.startswith("1 ")
    assert "olleh" in first
    assert second.startswith("2 ")
    assert "1.0" in second
