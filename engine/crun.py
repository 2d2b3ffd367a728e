"""crun, the OCI runtime: where it is on this machine."""

from __future__ import annotations

import shutil

from engine.errors import CannotStart


def find_program() -> str:
    """The path of the crun program; raises CannotStart that says how to get it."""
    path = shutil.which("crun")
    if path is None:
        raise CannotStart(
            'runtime "crun" needs the program crun, which is not on PATH: apt-get install crun, '
            'or go on with runtime "native"'
        )
    return path
