"""One HTTP request, as it arrives."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, unquote

import httptools

from engine.errors import BadInput
from engine.server.answers import Answer

# A head may repeat these only as a trick.
_ONCE: Final = frozenset({b"host", b"authorization", b"origin", b"expect", b"accept"})
_IN_PATH: Final = re.compile(r"/t/([^/]+)(/.*)", re.DOTALL)


class HttpRequest:
    """What a client asks.

    refusal  the answer where none of it is to be read any further
    client   the name under which its connection takes its turns in the queue
    """

    __slots__ = ("body", "client", "headers", "id", "keep_alive", "method", "path", "query", "refusal", "version")

    def __init__(self, client: str) -> None:
        self.client = client
        self.id = ""
        self.method = ""
        self.version = "1.1"
        self.path = ""
        self.query = ""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.keep_alive = True
        self.refusal: Answer | None = None

    def header(self, name: bytes) -> str:
        """The field's value, or "" where it is not there; `name` in lower case."""
        return self.headers.get(name, b"").decode("latin-1")

    def add_header(self, name: bytes, value: bytes) -> None:
        """Raises BadInput for a second one where only one makes sense."""
        name = name.lower()
        if name in self.headers and name in _ONCE:
            shown = "..." if name == b"authorization" else value.decode("latin-1")
            raise BadInput(name.decode(), shown, "given twice: expected only one")
        self.headers[name] = value

    def set_target(self, target: bytes) -> None:
        """Take path and query out of the request line; raises BadInput."""
        try:
            url = httptools.parse_url(target)
            path = (url.path or b"/").decode("ascii")
            self.query = (url.query or b"").decode("ascii")
        except (httptools.HttpParserInvalidURLError, UnicodeDecodeError):
            raise BadInput("path", shown_path(target.decode("latin-1")), "not a path") from None
        self.path = unquote(path) if "%" in path else path

    def asked(self, name: str) -> str | None:
        """The value of a parameter of the query."""
        return parse_qs(self.query).get(name, [None])[-1] if self.query else None

    @property
    def wants_lines(self) -> bool:
        """It accepts JSON lines."""
        return b"application/x-ndjson" in self.headers.get(b"accept", b"").lower()


def token_in_path(path: str) -> tuple[str, str] | None:
    """The token that stands in a path, and the path without it."""
    found = _IN_PATH.fullmatch(path)
    return None if found is None else (found[1], found[2])


def shown_path(path: str) -> str:
    """The path without a token that may stand in it."""
    found = token_in_path(path)
    return path if found is None else "/t/..." + found[1]
