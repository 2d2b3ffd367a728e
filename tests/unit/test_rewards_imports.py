from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = "import sys; sys.modules['engine._native'] = None; sys.modules['engine.engine'] = None; "


@pytest.mark.parametrize(
    "statement", ["from rewards import NotJudged, Reward, RewardClient, SyncRewardClient", "import rewards.kinds"]
)
def test_the_client_imports_without_engine_and_native_module(statement: str) -> None:
    subprocess.run([sys.executable, "-c", BLOCKED + statement], check=True, timeout=60)


def test_what_the_package_promises_is_there() -> None:
    import rewards

    for name in rewards.__all__:
        assert getattr(rewards, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = rewards.nothing
