"""Files that SandboxFusion's requests send along and fetch: base64 by path, which may be absolute."""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.errors import BadInput
from engine.jobs.files import place_of

_IGNORED: Final = "IGNORE_THIS_FILE"
_WORK: Final = "/work"


def files_of(sent: Mapping[str, Any]) -> dict[str, bytes]:
    """What a program is given; raises BadInput with a field like `files./etc/x`. What they skip is skipped."""
    return dict(_file(name, value) for name, value in sent.items() if _IGNORED not in name and isinstance(value, str))


def as_sent(error: BadInput, sent: Mapping[str, Any]) -> BadInput:
    """An error about one of the files, by the name that it was sent with; any other as it is."""
    if error.field == "files" and isinstance(error.value, str):
        place = posixpath.join(_WORK, error.value)
        for name in sent:
            if posixpath.normpath(posixpath.join(_WORK, name)) == place:
                return BadInput(f"files.{name}", name, error.message)
    return error


def fetched_of(names: Iterable[str]) -> dict[str, str]:
    """The paths to bring back by the names that the answer has, verbatim; raises BadInput."""
    return {name: _place(name, "fetch_files") for name in names if _IGNORED not in name}


def sent_back(fetched: Mapping[str, str], files: Mapping[str, bytes]) -> dict[str, str]:
    """The fetched files that are there, as the answer has them."""
    return {name: base64.b64encode(files[path]).decode() for name, path in fetched.items() if path in files}


def _file(name: str, value: str) -> tuple[str, bytes]:
    try:
        # Lines of it may be broken, as in mails.
        content = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(f"files.{name}", value, f"not base64: {error}") from None
    return _place(name, f"files.{name}"), content


def _place(name: str, field: str) -> str:
    try:
        return place_of(posixpath.normpath(posixpath.join(_WORK, name)))
    except BadInput as error:
        raise BadInput(field, name, error.message) from None
