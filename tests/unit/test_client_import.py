from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
for name in ("engine._native", "uvloop", "starlette", "uvicorn", "httptools", "rich"):
    sys.modules[name] = None
from engine import Client, SyncClient, Program, Limits
Client("http://127.0.0.1:8080")
try:
    Client("127.0.0.1:8080")
except ValueError as error:
    print(error)
assert "engine.engine" not in sys.modules
"""


def test_the_client_imports_without_the_native_module_and_the_server() -> None:
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == ""
    assert "expected unix:///path/to/socket or http://host:port" in ended.stdout
