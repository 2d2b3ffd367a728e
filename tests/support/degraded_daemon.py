"""`assay` with a limit taken away from its slots: python -m tests.support.degraded_daemon LIMIT serve ..."""

from __future__ import annotations

import sys

import pytest

from engine.cli.main import main
from tests.support import broken

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as monkeypatch:
        broken.patch(monkeypatch, sys.argv[1])
        sys.exit(main(sys.argv[2:]))
