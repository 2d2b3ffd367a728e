"""The bindings to crun, with real containers; and an engine that cannot have it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import CannotStart, Engine, EngineConfig
from engine.pool.crun import Crun, CrunError, stock_bundle

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(shutil.which("crun") is None, reason="needs crun: scripts/bootstrap installs it"),
]

NOBODY = 65534
WITHOUT_ROOT = 'runtime "crun" needs root, runtime "native" does not'


@pytest.fixture
def crun(tmp_path: Path) -> Crun:
    return Crun(root=tmp_path / "state")


def bundle_of(tmp_path: Path, name: str, *argv: str) -> Path:
    """A bundle with the machine's own programs in it."""
    rootfs = tmp_path / "rootfs"
    rootfs.mkdir(exist_ok=True)
    for link in ("bin", "lib", "lib64"):
        if not (rootfs / link).is_symlink():
            (rootfs / link).symlink_to(f"usr/{link}")
    stock_bundle(tmp_path / name, rootfs, argv, trees=[Path("/usr")])
    return tmp_path / name


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return bundle_of(tmp_path, "bundle", "/bin/cat")


@pytest.fixture
def sleeping(tmp_path: Path, crun: Crun) -> Iterator[str]:
    """A running container."""
    place = bundle_of(tmp_path, "sleeping", "/bin/sleep", "1000")
    crun.create("sleeping", place)
    crun.start("sleeping")
    yield "sleeping"
    crun.delete("sleeping", force=True)


def test_a_run_with_its_streams(crun: Crun, bundle: Path, tmp_path: Path) -> None:
    ended = crun.run("a", bundle, stdin=b"in and out")
    assert (ended.code, ended.stdout, ended.stderr) == (0, b"in and out", b"")
    (tmp_path / "in").write_bytes(b"by path")
    crun.run("a", bundle, stdin=tmp_path / "in", stdout=tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"by path"
    read, write = os.pipe()
    crun.run("a", bundle, stdin=b"by descriptor", stdout=write)
    os.close(write)
    assert os.read(read, 100) == b"by descriptor"
    os.close(read)


def test_the_life_of_a_container(crun: Crun, bundle: Path) -> None:
    read, write = os.pipe()
    crun.create("a", bundle, stdin=b"later", stdout=write)
    os.close(write)
    assert crun.state("a")["status"] == "created"
    crun.start("a")
    assert os.read(read, 100) == b"later"
    os.close(read)
    wait_until_stopped(crun, "a")
    crun.delete("a")
    with pytest.raises(CrunError):
        crun.state("a")


def test_exec_in_a_running_container(crun: Crun, sleeping: str) -> None:
    ended = crun.exec(
        sleeping, ["/bin/sh", "-c", "cat; echo $X >&2; pwd; exit 7"], env={"X": "y"}, cwd="/usr", stdin=b"1"
    )
    assert (ended.code, ended.stdout, ended.stderr) == (7, b"1/usr\n", b"y\n")


def test_a_killed_container_stops(crun: Crun, sleeping: str) -> None:
    assert crun.state(sleeping)["status"] == "running"
    crun.kill(sleeping, signal.SIGKILL)
    wait_until_stopped(crun, sleeping)


def test_refusals_carry_cruns_own_words(crun: Crun, tmp_path: Path, sleeping: str) -> None:
    with pytest.raises(CrunError) as caught:
        crun.start("nobody")
    assert (caught.value.operation, caught.value.code) == ("start", 1)
    assert "nobody" in caught.value.message
    with pytest.raises(CrunError, match="delete"):
        crun.delete(sleeping)
    with pytest.raises(CrunError, match="/no/such/program"):
        crun.run("b", bundle_of(tmp_path, "b", "/no/such/program"))


def test_no_process_is_left_to_wait_for(crun: Crun, bundle: Path) -> None:
    crun.run("a", bundle)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


async def test_an_engine_without_crun_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotStart, match="apt-get install crun"):
        await Engine(slots=1, config=EngineConfig(runtime="crun")).__aenter__()


async def test_a_script_for_crun_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "crun"
    script.write_text('#!/bin/sh\nexec /usr/bin/crun "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(CannotStart, match=f"this is no ELF file {script}"):
        await Engine(slots=1, config=EngineConfig(runtime="crun")).__aenter__()


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that anybody may use; pytest's own are closed again by whichever session starts next."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        yield Path(place)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["serve", "--no-http", "--socket", "{place}/a.sock"], 1),
        (["run", "{place}/a.py"], 125),
        (["doctor"], 1),
    ],
    ids=["serve", "run", "doctor"],
)
def test_without_root_it_is_refused_in_one_line(open_to_all: Path, words: list[str], code: int) -> None:
    (open_to_all / "a.py").write_text("print(1)")
    command = [sys.executable, "-m", "assay", *(word.format(place=open_to_all) for word in words)]
    ended = subprocess.run(
        [*command, "--runtime", "crun"],
        capture_output=True,
        text=True,
        timeout=60,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={**os.environ, "XDG_RUNTIME_DIR": str(open_to_all)},
    )
    assert ended.returncode == code
    said = ended.stdout + ended.stderr
    if words[0] == "doctor":
        # Among the facts of the machine.
        assert f"sandbox  cannot start: {WITHOUT_ROOT}" in [line.rstrip() for line in said.splitlines()]
    else:
        assert said == f"assay {words[0]}: {WITHOUT_ROOT}\n"
    assert [path.name for path in open_to_all.iterdir()] == ["a.py"]


def wait_until_stopped(crun: Crun, name: str) -> None:
    deadline = time.monotonic() + 5
    while crun.state(name)["status"] != "stopped":
        assert time.monotonic() < deadline
        time.sleep(0.01)
