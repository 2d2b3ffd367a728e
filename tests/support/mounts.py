"""File systems that are there for a test."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def mounted(kind: str, options: str, place: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", kind, "-o", options, kind, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)
