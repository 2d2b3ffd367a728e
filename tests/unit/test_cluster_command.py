"""`assay cluster` where the roster or a node is lost meanwhile: one line, and exit code 1."""

from __future__ import annotations

import argparse
import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs ray: pip install 'assay[ray]'")

from ray.exceptions import ActorDiedError, RayTaskError

from engine.cli import cluster
from engine.client import ray
from engine.errors import SandboxError
from engine.wire.cluster import Report
from tests.support.fake_actors import Method

READY = Report(node="0123456789", host="10.0.0.1", state="ready")
LOST = SandboxError("node 0123456789 was lost while it was drained: its worker ended")


def ended(monkeypatch: pytest.MonkeyPatch, roster: Any, *words: str) -> int:
    """The exit code with that roster."""
    actors = {"roster": roster, "node-0123456789": SimpleNamespace()}
    there_is = SimpleNamespace(get_actor=lambda name, **_: actors[name], is_initialized=lambda: True)
    monkeypatch.setattr(ray, "ray", there_is)
    monkeypatch.setattr(cluster, "_STATUS_SECONDS", 0.2)
    parser = argparse.ArgumentParser()
    cluster.add_arguments(parser)
    arguments = parser.parse_args(words)
    code: int = arguments.handler(arguments)
    return code


def test_a_roster_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    silent = SimpleNamespace(reports=Method(lambda: asyncio.get_running_loop().create_future()))
    for words in (("status",), ("drain", "10.0.0.1")):
        assert ended(monkeypatch, silent, *words) == 1
        said = capsys.readouterr()
        assert (said.out, said.err) == ("", "assay cluster: the cluster's roster has said nothing for 0.2 s\n")


def test_no_node_is_a_table_without_rows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(monkeypatch, SimpleNamespace(reports=Method(list)), "status") == 0
    assert "address" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RayTaskError("drain", "Traceback ...", LOST).as_instanceof_cause(), str(LOST)),
        (ActorDiedError(), "the roster does not answer: The actor died unexpectedly before finishing this task."),
    ],
)
def test_what_is_lost_while_it_is_drained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    roster = SimpleNamespace(reports=Method(lambda: [READY]), drain=Method(lambda _: error))
    assert ended(monkeypatch, roster, "drain", "10.0.0.1") == 1
    assert capsys.readouterr().err == f"assay cluster: {line}\n"
