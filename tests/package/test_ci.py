"""`.ci/run` passes only if everything passed, and its last line counts what was run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci/run"
PASSES = {
    "lint": ("Success: no issues found in 220 source files", 0),
    "test-all": ("==== 20 passed, 2 skipped, 7 deselected in 1234.50s (0:20:34) ====", 0),
    "test-cgroup2": ("==== 10 passed, 1 skipped in 3.21s ====", 0),
}


@pytest.mark.parametrize(
    ("changed", "code", "closing"),
    [
        ({}, 0, "30 passed, 0 failed, 3 skipped"),
        ({"lint": ("Found 1 error.", 2)}, 1, "30 passed, 1 failed, 3 skipped"),
        ({"test-all": ("test result: FAILED. 9 passed; 1 failed", 2)}, 1, "10 passed, 1 failed, 1 skipped"),
        ({"test-all": ("= 2 failed, 17 passed, 1 error in 9.00s =", 2)}, 1, "27 passed, 3 failed, 1 skipped"),
        ({"test-all": ("= 20 passed in 9.00s =", 2)}, 1, "30 passed, 1 failed, 1 skipped"),
        ({"test-all": ("= no tests ran in 0.01s =", 0)}, 1, "10 passed, 1 failed, 1 skipped"),
        ({"test-all": ("= 9 skipped, 20 deselected in 0.01s =", 0)}, 1, "10 passed, 1 failed, 10 skipped"),
        ({"test-cgroup2": ("the guest did not end", 1)}, 1, "20 passed, 1 failed, 2 skipped"),
    ],
    ids=["all well", "lint", "cargo", "pytest", "after pytest", "nothing", "only skipped", "no guest"],
)
def test_the_verdict_and_the_closing_line(
    tmp_path: Path, changed: dict[str, tuple[str, int]], code: int, closing: str
) -> None:
    make = tmp_path / "make"
    targets = "".join(
        f"{target}) echo '{words}'; exit {status};;\n" for target, (words, status) in {**PASSES, **changed}.items()
    )
    make.write_text(f'#!/bin/sh\ncase "$1" in\n{targets}esac\nexit 64\n')
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run([CI], capture_output=True, text=True, env=environment, check=False)
    assert (ended.returncode, ended.stdout.splitlines()[-1], ended.stderr) == (code, closing, "")
