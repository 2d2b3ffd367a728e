"""A daemon's HTTP face with answers that were known before: for tests of clients where no daemon can run."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Face(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert self.path == "/v1/stats"
        self._answer({"slots": 1})

    def do_POST(self) -> None:
        assert self.path == "/v1/score"
        item = json.loads(self.rfile.read(int(self.headers["content-length"])))
        right = item["completion"] == item["reference"]
        self._answer({"reward": float(right), "verdict": "ACCEPTED" if right else "WRONG_ANSWER"})

    def _answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: what a request came to is seen at the client."""


@contextlib.contextmanager
def canned_daemon() -> Iterator[str]:
    """Its URL; an item of kind math gets 1.0 if its completion is its reference, letter by letter."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Face) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
