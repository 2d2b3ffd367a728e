"""What judges of contests lift before a Python program begins."""

from __future__ import annotations

import sys

# As LiveCodeBench's grader has it.
sys.setrecursionlimit(50_000)
sys.set_int_max_str_digits(0)
