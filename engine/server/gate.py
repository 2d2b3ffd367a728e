"""Who may use the HTTP face: Host, Origin and token are checked before anything of a body is read."""

from __future__ import annotations

import hmac
import itertools
import logging
import re
import secrets
from typing import Final

from engine.errors import BadInput
from engine.log import fields
from engine.server.answers import Answer, error_answer
from engine.server.request import HttpRequest, token_in_path

log = logging.getLogger("assay.server")
# Probes of an orchestrator carry no token; they tell nothing.
_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Gate:
    """`hosts` None lets any Host header pass, which only a token makes safe."""

    def __init__(self, *, hosts: frozenset[str] | None, token: str) -> None:
        self._hosts = hosts
        self._token = token.encode()
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def name(self, request: HttpRequest) -> None:
        """Give the request its id: the client's own, or the next number."""
        given = request.header(b"x-request-id")
        own = given and _REQUEST_ID.fullmatch(given)
        request.id = given if own else f"{self._prefix}-{next(self._numbers)}"

    def refusal(self, request: HttpRequest) -> Answer | None:
        """Why the request is not let in; a token in its path is taken out of it."""
        host = request.header(b"host")
        if self._hosts is not None and _host_name(host) not in self._hosts:
            return self._refused(request, 403, "Host", host, "not a name of this daemon (server.hosts adds some)")
        origin = request.header(b"origin")
        if origin and origin.partition("://")[2].lower() != host.lower():
            return self._refused(request, 403, "Origin", origin, "a page of another site may not use this daemon")
        if not self._token:
            return None
        bearer = request.headers.get(b"authorization", b"")
        token = bearer[7:].strip() if bearer[:7].lower() == b"bearer " else b""
        if in_path := token_in_path(request.path):
            token = in_path[0].encode()
            request.path = in_path[1]
        if hmac.compare_digest(token, self._token) or request.path in _OPEN_PATHS:
            return None
        where = "expected the daemon's token in Authorization: Bearer TOKEN, or in the path: /t/TOKEN/..."
        return self._refused(request, 401, "token", "..." if token else "", where)

    def _refused(self, request: HttpRequest, status: int, field: str, value: str, why: str) -> Answer:
        error = BadInput(field, value, why)
        log.warning("refused: %s", error, extra=fields(request=request.id, client=request.client))
        return error_answer(error, status)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
