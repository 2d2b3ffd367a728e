"""Pythons of images as zygotes: with numpy, and with less than the whole library."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import Engine, EngineConfig, Program
from engine.config.engine import Warm
from tests.support.sample_images import add_numpy, python_image

pytestmark = pytest.mark.kernel

LINEAR = """
import numpy as np
a = np.arange(9.0).reshape(3, 3) + np.eye(3)
print(np.linalg.solve(a, a @ [1, 2, 3]).round(9).tolist(), round(float(np.linalg.det(a)), 9))
"""


def reachable(root: Path) -> Path:
    for parent in (root, *root.parents[:2]):
        parent.chmod(0o755)
    return root


async def test_numpy_is_imported_once_and_is_each_program_s_own(tmp_path: Path) -> None:
    root = python_image(reachable(tmp_path) / "python")
    add_numpy(root)
    config = EngineConfig(
        images={"numbers": str(root)},
        image_store=str(tmp_path / "store"),
        warm={"numpy": Warm(preload=("numpy", "numpy.random"))},
    )
    async with Engine(slots=1, config=config) as engine:
        assert "numbers" not in engine.facts().get("stays_cold", "")
        for source in (LINEAR, "import numpy\nnumpy.arange = None\nprint(sorted(vars(numpy))[:3])"):
            warm, cold = [await engine.run(Program(source, image="numbers", warm=warm)) for warm in (True, False)]
            assert (warm.started, cold.started) == ("warm", "cold"), warm.stderr
            assert (warm.stdout, warm.stderr, warm.exit_code) == (cold.stdout, cold.stderr, cold.exit_code)
            assert warm.cpu_seconds < cold.cpu_seconds / 4
        drawn = {
            (await engine.run(Program("import numpy\nprint(numpy.random.rand())", image="numbers"))).stdout
            for _ in range(4)
        }
        assert len(drawn) == 4


async def test_a_small_python_is_warm_with_the_modules_that_it_has(tmp_path: Path) -> None:
    root = python_image(reachable(tmp_path) / "python")
    shutil.copy("/lib/x86_64-linux-gnu/libgcc_s.so.1", root / "lib/x86_64-linux-gnu")
    [tests] = root.glob("usr/local/lib/*/unittest")
    shutil.rmtree(tests)
    for compiled in tests.parent.glob("lib-dynload/_ctypes*.so"):
        compiled.unlink()
    config = EngineConfig(images={"small": str(root)}, image_store=str(tmp_path / "store"))
    source = """
import sys
try:
    import unittest
except ImportError as error:
    print(error, sorted(name for name in sys.modules if not name.startswith("_")))
import json
print(json.dumps([1]))
"""
    async with Engine(slots=1, config=config) as engine:
        outcomes = [await engine.run(Program(source, image="small")) for _ in range(3)]
        assert [outcome.started for outcome in outcomes] == ["cold", "warm", "warm"], engine.facts()["warm"]
        assert len({(outcome.stdout, outcome.stderr) for outcome in outcomes}) == 1
        assert outcomes[0].stdout.startswith(b"No module named 'unittest'")
