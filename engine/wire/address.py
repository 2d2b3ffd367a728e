"""Where a daemon listens."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.errors import BadInput, CannotStart


def default_socket() -> Path:
    """Where the daemon of this user listens; raises CannotStart without root and without XDG_RUNTIME_DIR."""
    if sys.platform == "win32":
        raise CannotStart("there is no default socket here: name a daemon by http://host:port")
    if os.geteuid() == 0:
        return Path("/run/assay/assay.sock")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if not runtime:
        raise CannotStart("XDG_RUNTIME_DIR is not set, so there is no default socket: name one with --socket PATH")
    return Path(runtime) / "assay" / "assay.sock"


def unix_path(address: str | None) -> Path | None:
    """The socket that `address` names (None: the default one), or None if it is a URL; raises BadInput for neither."""
    if address is None:
        return default_socket()
    if address.startswith(("http://", "https://")):
        return None
    path = Path(address.removeprefix("unix://"))
    if not path.is_absolute():
        raise BadInput("address", address, "expected unix:///path/to/socket, http://host:port or ray://")
    return path
