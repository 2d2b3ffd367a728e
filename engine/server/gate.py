"""Who may use the HTTP face: Host, Origin and token are checked first; every answer gets a request id."""

from __future__ import annotations

import hmac
import itertools
import logging
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import BadInput
from engine.server.answers import error_response

log = logging.getLogger("assay.server")
# Probes of an orchestrator carry no token; they tell nothing.
_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_IN_PATH: Final = re.compile(r"/t/([^/]+)(/.*)")


class Gate:
    """ASGI middleware; `hosts` None lets any Host header pass, which only a token makes safe."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] | None, token: str) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token.encode()
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"{self._prefix}-{next(self._numbers)}"
        scope["state"]["request_id"] = request_id
        path = scope["path"]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                status = message["status"]
                log.log(
                    logging.DEBUG if status < 400 else logging.INFO,
                    "request=%s %s %s status=%d",
                    request_id,
                    scope["method"],
                    path if not _IN_PATH.fullmatch(path) else "/t/..." + scope["path"],
                    status,
                )
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status, error = refusal
            log.warning("request=%s refused: %s", request_id, error)
            await error_response(error, status)(scope, receive, send_with_id)
        else:
            await self._app(scope, receive, send_with_id)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, BadInput] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        name = _host_name(host)
        if self._hosts is not None and name not in self._hosts:
            return 403, BadInput("Host", host, "not a name of this daemon (server.hosts adds some)")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            return 403, BadInput("Origin", origin, "a page of another site may not use this daemon")
        if not self._token:
            return None
        bearer = headers.get(b"authorization", b"")
        token = bearer[7:] if bearer[:7].lower() == b"bearer " else b""
        if in_path := _IN_PATH.fullmatch(scope["path"]):
            token = in_path[1].encode()
            scope["path"] = in_path[2]
            scope["raw_path"] = in_path[2].encode()
        if hmac.compare_digest(token.strip(), self._token) or scope["path"] in _OPEN_PATHS:
            return None
        where = "expected the daemon's token in Authorization: Bearer TOKEN, or in the path: /t/TOKEN/..."
        return 401, BadInput("token", "..." if token else "", where)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
