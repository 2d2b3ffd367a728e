from __future__ import annotations

import contextlib
import gzip
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).parents[2] / "scripts/fetch-data"
# As their authors have them, at the commits that the script names, and as they are called here.
NAMES: Final = {
    "HumanEval.jsonl.gz": "HumanEval.jsonl.gz",
    "test.jsonl": "gsm8k-test.jsonl.gz",
    "example_model_solutions.jsonl": "gsm8k-model-solutions.jsonl.gz",
}
PLACES: Final = [
    f"{directory}/{name}"
    for directory, names in (
        (re.findall(r'HUMAN_EVAL = "(.+)"', SCRIPT.read_text())[0], list(NAMES)[:1]),
        (re.findall(r'GSM8K = "(.+)"', SCRIPT.read_text())[0], list(NAMES)[1:]),
    )
    for name in names
]


class _Silent(SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: the script says what came of it."""

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing, likewise."""


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(directory))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetch(url: str, into: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FROM": url, "no_proxy": "127.0.0.1"}
    return subprocess.run([SCRIPT, into], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_what_their_authors_publish_is_kept(tmp_path: Path, data_file: Callable[[str], Path]) -> None:
    contents = {}
    for place in PLACES:
        path = tmp_path / "authors" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = data_file(NAMES[path.name]).read_bytes()
        contents[NAMES[path.name]] = gzip.decompress(packed)
        path.write_bytes(packed if path.suffix == ".gz" else gzip.decompress(packed))
    with serving(tmp_path / "authors") as url:
        first = fetch(url, tmp_path / "data")
    again = fetch("http://127.0.0.1:1", tmp_path / "data")
    assert (first.returncode, first.stderr) == (again.returncode, again.stderr) == (0, "")
    assert {path.name: gzip.decompress(path.read_bytes()) for path in (tmp_path / "data").iterdir()} == contents
    assert again.stdout.count("is there") == len(NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b'{"task_id": "another"}\n'), "its content's sha256 is "),
        (b"<html>", "Not a gzipped file"),
        (gzip.compress(b"cut off")[:-4], "ended before the end-of-stream"),
        (None, "HTTP Error 404"),
    ],
)
def test_what_is_something_else_is_not_kept(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "authors" / PLACES[0]
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    with serving(tmp_path / "authors") as url:
        ended = fetch(url, tmp_path / "data")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"fetch-data: {url}/{PLACES[0]}: " in ended.stderr
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list((tmp_path / "data").iterdir()) == []
