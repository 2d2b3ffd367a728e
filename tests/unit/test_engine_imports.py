"""Clients import everywhere; only starting an engine needs the native module."""

from __future__ import annotations

import subprocess
import sys

HIDDEN = "import sys; sys.modules['engine._native'] = None\n"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HIDDEN + code], capture_output=True, text=True, check=False)


def test_program_limits_and_client_import_without_the_native_module() -> None:
    ended = python(
        "from engine import Program, Limits, Client, SyncClient\n"
        "Program('1'), Limits()\n"
        "assert 'engine.engine' not in sys.modules and 'engine.pool.pool' not in sys.modules"
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_engine_without_the_native_module_says_what_it_needs() -> None:
    ended = python(
        "import asyncio\nfrom engine import CannotStart, Engine\n"
        "async def main():\n    async with Engine(slots=1): pass\n"
        "try:\n    asyncio.run(main())\nexcept CannotStart as error:\n    print(error)"
    )
    assert ended.stdout.startswith("the engine runs on Linux with the native module")
    assert ended.stdout.count("\n") == 1


def test_a_wrong_name_is_an_attribute_error() -> None:
    ended = python("import engine\ntry:\n    engine.Nothing\nexcept AttributeError as error:\n    print(error)")
    assert ended.stdout == "module 'engine' has no attribute 'Nothing'\n"
