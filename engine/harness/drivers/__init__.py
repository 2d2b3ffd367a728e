"""Python programs that run inside the sandbox, beside the program; read as text, and `encode` is shared."""

from __future__ import annotations
