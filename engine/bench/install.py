"""Installing the peers, by the system's packages and, for go-judge, by the Go tool chain."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from rich.console import Console

_PACKAGES: Final = {"bwrap": "bubblewrap", "crun": "crun", "runc": "runc", "dockerd": "docker.io"}
_GO_JUDGE: Final = "github.com/criyle/go-judge/cmd/go-judge@latest"


def go_judge() -> str | None:
    """Where go-judge is, on PATH or where `install` has put it."""
    return shutil.which("go-judge") or shutil.which("go-judge", path=_cache())


def install(console: Console) -> bool:
    """Install what is missing; whether all is here now."""
    commands = []
    if packages := [package for command, package in _PACKAGES.items() if not shutil.which(command)]:
        commands.append(["apt-get", "install", "-y", "--no-install-recommends", *packages])
    if go_judge() is None:
        commands.append(["go", "install", _GO_JUDGE])
    # One that fails does not keep the others out.
    done = [_done(command, console) for command in commands]
    return all(done)


def _done(command: list[str], console: Console) -> bool:
    """Whether a command went well; its output is shown as it comes."""
    console.print(f"[bold]{' '.join(command)}[/bold]")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "GOBIN": _cache()}
    try:
        code = subprocess.run(command, env=os.environ | environment, check=False).returncode
    except FileNotFoundError:
        console.print(f"{command[0]} is not on this machine")
        return False
    return code == 0


def _cache() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(base, "assay", "bin"))
