"""HTTP answers, and the status that each error has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from engine.errors import AssayError, BadInput, Overloaded
from engine.wire.messages import error_body

_JSON: Final = "application/json"


class TooLarge(BadInput):
    """A body over the cap."""


class ClientGone(Exception):
    """The client disconnected; there is nobody to answer."""


def status_of(error: AssayError) -> int:
    """413 and 422 for a wrong request, 504 for one refused or expired in the queue, 503 for a fault of ours."""
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, BadInput):
        return 422
    return 504 if isinstance(error, Overloaded) else 503


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` as JSON; bytes in it must have been made text."""
    return Response(msgspec.json.encode(content), status, headers, _JSON)


def error_response(error: AssayError, status: int | None = None) -> Response:
    """The answer to a request that failed."""
    # The rest of a body over the cap is on its way: it is not worth reading.
    headers = {"connection": "close"} if isinstance(error, TooLarge) else None
    return json_response({"error": error_body(error)}, status_of(error) if status is None else status, headers)
