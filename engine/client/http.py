"""The client's side of the HTTP face; needs httpx."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.errors import AssayError, BadInput, SandboxError
from engine.wire.bytes import json_ready
from engine.wire.decode import check_text, decode_json, to_struct
from engine.wire.messages import ErrorBody, error_from_wire

if TYPE_CHECKING:
    import httpx

_PATHS: Final = {"run": "v1/run", "score": "v1/score", "stats": "v1/stats"}
_JSON: Final = {"content-type": "application/json"}
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
        url = f"{self._url}/{_PATHS[op]}"
        try:
            if op == "stats":
                response = await self._http.get(url)
            else:
                response = await self._http.post(url, content=body, params=query, headers=_JSON)
        except self._faults as error:
            raise SandboxError(f"{url}: {str(error) or type(error).__name__}: nothing is known of the run") from None
        if response.status_code != 200:
            raise _error(url, response)
        try:
            answer = decode_json(response.content)
        except BadInput:
            answer = None
        if not isinstance(answer, dict):
            # A proxy's page, say: that is no fault of the request.
            raise SandboxError(f"{url}: something that is not an answer came back: {response.text[:_SHOWN_CHARS]!r}")
        return answer

    async def batch(
        self, op: str, batch: list[dict[str, Any]], fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come; raises what the daemon says of the whole. Closing it ends all."""
        url = f"{self._url}/{_PATHS[op]}"
        query = {name: str(value) for name, value in fields.items()}
        body = msgspec.json.encode(batch)
        count = 0
        try:
            async with self._http.stream("POST", url, content=body, params=query, headers=_JSON_LINES) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(url, response)
                async for line in _lines(response):
                    yield _part(url, line)
                    count += 1
        except self._faults as error:
            raise SandboxError(f"{url}: {str(error) or type(error).__name__}: nothing is known of the rest") from None
        if count < len(batch):
            raise SandboxError(f"{url}: {count} of {len(batch)} answers came back: nothing is known of the rest")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _part(url: str, line: bytes) -> tuple[int, dict[str, Any] | AssayError]:
    try:
        part = decode_json(line)
        if "error" in part:
            return part["index"], error_from_wire(to_struct(part["error"], ErrorBody))
        return part["index"], part["answer"]
    except (AssayError, KeyError, TypeError):
        raise SandboxError(f"{url}: something that is not an answer came back") from None


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


def _error(url: str, response: httpx.Response) -> AssayError:
    try:
        content = decode_json(response.content)
        return error_from_wire(to_struct(content["error"], ErrorBody))
    except (AssayError, KeyError, TypeError):
        return SandboxError(f"{url}: HTTP {response.status_code}: {response.text[:_SHOWN_CHARS]}")
