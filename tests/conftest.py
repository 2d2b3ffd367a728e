from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

CAP_SYS_ADMIN = 21


def what_the_sandbox_lacks() -> str | None:
    """Name the one right that is missing to run programs in the sandbox here, if one is."""
    if sys.platform != "linux":
        return f"Linux (this is {sys.platform})"
    if os.geteuid() != 0:
        return f"root (this is uid {os.geteuid()})"
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    if not int(effective, 16) >> CAP_SYS_ADMIN & 1:
        return f"CAP_SYS_ADMIN (the effective set is {effective})"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") and (lacks := what_the_sandbox_lacks()):
        pytest.skip(f"needs {lacks}")
