"""The client's side of the HTTP face; needs httpx."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.errors import AssayError, BadInput, Refused, SandboxError
from engine.wire.address import shown_address
from engine.wire.bytes import json_ready
from engine.wire.decode import check_text, decode_json, to_struct
from engine.wire.messages import ErrorBody, error_from_wire

if TYPE_CHECKING:
    import httpx

_PATHS: Final = {"run": "v1/run", "score": "v1/score", "stats": "v1/stats"}
_JSON: Final = {"content-type": "application/json"}
# Said of the client and its address before a body is read: token, Host, path.
_REFUSALS: Final = (401, 403, 404)
_SHOWN_CHARS: Final = 200
_JSON_LINES: Final = {**_JSON, "accept": "application/x-ndjson"}


class HttpTransport:
    """One pool of kept-alive connections; cancelling a request closes its connection, which kills the run."""

    text_only = True

    def __init__(self, url: str, *, token: str) -> None:
        try:
            import httpx
        except ImportError:
            raise SandboxError("an http:// address needs httpx: pip install 'assay[http]'") from None
        self._url = url.rstrip("/")
        self._shown = shown_address(self._url)
        self._faults: type[httpx.HTTPError] = httpx.HTTPError
        self._http = httpx.AsyncClient(
            headers={"authorization": f"Bearer {token}"} if token else {},
            # A run may take as long as its limits allow: only connecting has a time limit.
            timeout=httpx.Timeout(None, connect=10.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0),
            trust_env=False,
        )

    async def request(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises what the daemon says."""
        query = {}
        if op == "score":
            deadline = fields.get("deadline_seconds")
            query = {} if deadline is None else {"deadline_seconds": str(deadline)}
            body = msgspec.json.encode(fields["item"])
        else:
            body = _json_of(fields)
        url, place = f"{self._url}/{_PATHS[op]}", f"{self._shown}/{_PATHS[op]}"
        try:
            if op == "stats":
                response = await self._http.get(url)
            else:
                response = await self._http.post(url, content=body, params=query, headers=_JSON)
        except self._faults as error:
            raise SandboxError(f"{place}: {str(error) or type(error).__name__}: nothing is known of the run") from None
        if response.status_code != 200:
            raise _error(place, response)
        try:
            answer = decode_json(response.content)
        except BadInput:
            answer = None
        if not isinstance(answer, dict):
            # A proxy's page, say: that is no fault of the request.
            raise SandboxError(f"{place}: something that is not an answer came back: {response.text[:_SHOWN_CHARS]!r}")
        return answer

    async def batch(
        self, op: str, batch: list[dict[str, Any]], fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come; raises what the daemon says of the whole. Closing it ends all."""
        url, place = f"{self._url}/{_PATHS[op]}", f"{self._shown}/{_PATHS[op]}"
        query = {name: str(value) for name, value in fields.items()}
        body = msgspec.json.encode(batch)
        count = 0
        try:
            async with self._http.stream("POST", url, content=body, params=query, headers=_JSON_LINES) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(place, response)
                async for line in _lines(response):
                    yield _part(place, line)
                    count += 1
        except self._faults as error:
            raise SandboxError(f"{place}: {str(error) or type(error).__name__}: nothing is known of the rest") from None
        if count < len(batch):
            raise SandboxError(f"{place}: {count} of {len(batch)} answers came back: nothing is known of the rest")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _part(place: str, line: bytes) -> tuple[int, dict[str, Any] | AssayError]:
    try:
        part = decode_json(line)
        if "error" in part:
            return part["index"], error_from_wire(to_struct(part["error"], ErrorBody))
        return part["index"], part["answer"]
    except (AssayError, KeyError, TypeError):
        raise SandboxError(f"{place}: something that is not an answer came back") from None


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    # Not httpx's own lines: those end at signs that stand in JSON as well.
    rest = b""
    async for data in response.aiter_bytes():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line


def _json_of(fields: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(json_ready(fields))
    except UnicodeEncodeError:
        check_text(fields)
        raise


def _error(place: str, response: httpx.Response) -> AssayError:
    try:
        content = decode_json(response.content)
        error = error_from_wire(to_struct(content["error"], ErrorBody))
    except (AssayError, KeyError, TypeError):
        return SandboxError(f"{place}: HTTP {response.status_code}: {response.text[:_SHOWN_CHARS]}")
    if response.status_code in _REFUSALS:
        return Refused(f"{place}: the daemon refuses this client: {error}")
    return error
