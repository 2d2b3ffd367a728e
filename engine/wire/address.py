"""Where a daemon listens."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from engine.errors import BadInput, CannotStart

# Visible ASCII, and no query or fragment: paths are put at its end.
_URL: Final = re.compile(r"[!\"$->@-~]+")
_TOKEN: Final = re.compile(r"^(https?://[^/]+/t/)[^/]+")
_EXPECTED: Final = "expected unix:///path/to/socket, http://host:port or ray://"


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
        _check_url(address)
        return None
    path = Path(address.removeprefix("unix://"))
    if not path.is_absolute():
        raise BadInput("address", address, _EXPECTED)
    return path


def shown_address(address: str) -> str:
    """The address without a token that may stand in its path."""
    return _TOKEN.sub(r"\1...", address)


def _check_url(address: str) -> None:
    try:
        url = urlsplit(address)
        has_host = bool(url.hostname) and url.port != 0
    except ValueError as error:
        raise BadInput("address", address, f"{error}: {_EXPECTED}") from None
    if not has_host or not _URL.fullmatch(address):
        raise BadInput("address", address, _EXPECTED)
