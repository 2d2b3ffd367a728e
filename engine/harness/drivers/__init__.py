"""Python programs that run inside the sandbox, beside the program; bundle.py makes one file of each."""

from __future__ import annotations
