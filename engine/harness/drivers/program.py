"""Runs inside the sandbox: the program's file, and the module that it becomes."""

from __future__ import annotations

import builtins
import sys
from os import getpid
from types import CodeType, ModuleType
from typing import Any

SOURCE = "/work/main.py"
# A child that the program forked may come back to our code: the parent answers.
OWNER = getpid()

# Functions that follow look names up in this copy, whatever the program does to the real one.
globals()["__builtins__"] = {**vars(builtins)}


def made() -> ModuleType:
    """The module, empty. Not as __main__: what a program does when it is run by itself is not wanted here."""
    sys.argv, sys.path[0] = [SOURCE], "/work"
    program = type(sys)("main")
    program.__dict__.update(__file__=SOURCE, __builtins__=builtins)
    sys.modules["main"] = sys.modules["__main__"] = program
    return program


def read_source() -> bytes:
    """The program's text."""
    with open(SOURCE, "rb") as file:
        return file.read()


def compiled(text: str | bytes, name: str) -> CodeType:
    """Statements as code; raises SyntaxError and ValueError."""
    return compile(text, name, "exec", dont_inherit=True)


def finished(value: Any) -> Any:
    """What a coroutine returns, anything else as it is."""
    if type(value) is not COROUTINE:
        return value
    import asyncio

    return asyncio.run(value)


async def _nothing() -> None: ...


_coroutine = _nothing()
_coroutine.close()
COROUTINE = type(_coroutine)
