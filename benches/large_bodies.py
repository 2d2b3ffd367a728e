"""What one client waits while another sends bodies of 30 MiB: `python -m benches.large_bodies`.

Rounds without and with the other client alternate, so that both see the same machine. In each the first client scores
one maths item after the other over HTTP; the second posts lists of code items whose completions hold no program, so
that nothing but their bodies is work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import math
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec

from engine.config.server import ServerConfig
from engine.config.settings import Settings
from engine.server.daemon import Daemon
from rewards.kinds import SCORERS

MATH = msgspec.json.encode({"kind": "math", "completion": "\\boxed{42}", "reference": "42"})


def body_of(size_bytes: int) -> bytes:
    """A list of code items of that size, 50 tests each."""
    tests = [{"stdin": f"{number}\n", "expected": f"{number + 1}\n"} for number in range(50)]
    item = msgspec.json.encode({"kind": "code", "completion": "<think>" + "x" * 500, "tests": tests})
    return b"[" + b",".join(itertools.repeat(item, size_bytes // (len(item) + 1))) + b"]"
