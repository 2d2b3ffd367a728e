"""`assay bench containers` measures what is here and says what is not."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from engine.bench import chart, report
from engine.bench.containers import Plan, Report, containers
from engine.bench.peers import PEERS
from engine.bench.peers.commands import BARE, CommandPeer
from engine.cli.main import main

pytestmark = pytest.mark.kernel


async def measured(*peers: CommandPeer) -> Report:
    plan = Plan(peers=[BARE, *peers], programs=["dynamic"], in_flight=[2], seconds=0.5)
    return await containers(plan, "assay bench containers", lambda what, share: None)


@pytest.mark.thorough
@pytest.mark.parametrize("name", PEERS)
def test_each_peer_runs_without_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    if missing := PEERS[name].missing():
        pytest.skip(missing)
    files = {kind: tmp_path / f"bench.{kind}" for kind in ("json", "markdown")}
    words = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    peers = name if name == "bare" else f"bare,{name}"
    assert main(["bench", "containers", "--peers", peers, "--slots", "2", "--seconds", "0.25", *words]) == 0
    found = json.loads(files["json"].read_bytes())
    rows = [row for row in found["rows"] if row["peer"] == name]
    assert [row["program"] for row in rows] == list(PEERS[name].programs)
    for row in rows:
        assert (row["errors"], row["first_error"]) == (0, "")
        assert row["runs"] >= 2
        assert 0 < row["p50_seconds"] <= row["p99_seconds"]
        assert row["ratio_lowest"] <= row["ratio"] <= row["ratio_highest"]
    assert f"| {name} | 2 |" in files["markdown"].read_text()
    assert name in capsys.readouterr().out


async def test_a_peer_that_is_missing_is_one_line() -> None:
    absent = CommandPeer(name="absent", how="", command="no-such-command", package="nowhere", commands=BARE.commands)
    found = await measured(absent)
    assert {row.peer for row in found.rows} == {"bare"}
    assert report.notes(found) == ["no-such-command is not installed: apt-get install nowhere"]


async def test_a_peer_that_fails_is_an_error_count(tmp_path: Path) -> None:
    failing = CommandPeer(
        name="failing",
        how="",
        command="sh",
        package="dash",
        commands=lambda programs: contextlib.nullcontext(
            {"dynamic": ["/bin/sh", "-c", "echo it is broken >&2; exit 3"]}
        ),
    )
    found = await measured(failing)
    (row,) = [row for row in found.rows if row.peer == "failing"]
    assert row.runs == 0
    assert row.errors > 5
    assert row.p50_seconds is None
    assert row.first_error == "wait status 768: it is broken"
    assert "failing, dynamic, 2 in flight: wait status 768: it is broken" in report.markdown(found)
    chart.draw(found, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--peers", "gvisor"), "peers 'gvisor': expected some of bare,"),
        (("--programs", "big"), "programs 'big': expected some of dynamic,static"),
        (("--slots", "0"), "slots '0': expected numbers"),
        (("--seconds", "-1"), "seconds -1.0: expected a number above 0"),
    ],
)
def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert main(["bench", "containers", *words]) == 2
    assert f"assay bench: {said}" in capsys.readouterr().err
