"""Docker's rows of the table, in real containers of a daemon of the test's own."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.machine.place import landlock_abi
from tests.support.dockerd import PRIVILEGED, Docker, dockerd

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
IMAGE = "assay-test"
UNCONFINED = tuple(f"--security-opt={option}=unconfined" for option in ("seccomp", "apparmor", "systempaths"))


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    if not Path(sys.executable).resolve().is_relative_to("/usr"):
        pytest.skip("needs a Python below /usr, which the containers share")
    with dockerd(tmp_path_factory.mktemp("docker")) as docker:
        docker("import", "-", IMAGE, stdin=_root())
        yield docker


def engine(docker: Docker, *options: str, degraded: bool = False) -> dict[str, Any]:
    """What an engine in a container with these options says."""
    return said(docker, *options, what=("ordinary_user", "/run/assay", *(["degraded"] if degraded else [])))


def said(docker: Docker, *options: str, what: tuple[str, ...]) -> dict[str, Any]:
    """What this module says in a container with these options, which sees our Python and packages."""
    seen = {"/usr": "/usr", str(ROOT): "/assay", str(Path(msgspec.__file__).parent): "/packages/msgspec"}
    volumes = [f"--volume={outside}:{inside}:ro" for outside, inside in seen.items()]
    python = str(Path(sys.executable).resolve())
    environment = ("--env=PYTHONPATH=/assay:/packages", "--env=PYTHONDONTWRITEBYTECODE=1")
    command = (python, "-m", f"tests.support.{what[0]}", *what[1:])
    answer = json.loads(docker("run", "--rm", "--network=none", *volumes, *environment, *options, IMAGE, *command))
    assert isinstance(answer, dict)
    return answer


def _root() -> bytes:
    """A root file system of links into the machine's /usr."""
    contents = io.BytesIO()
    with tarfile.open(fileobj=contents, mode="w") as tar:
        for name in ("usr", "etc", "tmp", "proc", "sys", "dev", "run", "var", "assay", "packages"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(directory)
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
        tar.add("/etc/ld.so.cache", "etc/ld.so.cache")
    return contents.getvalue()


def test_the_default_is_refused_by_the_first_step_that_it_forbids(docker: Docker) -> None:
    answer = engine(docker)
    assert "Read-only file system" in answer["refused"] or "Permission denied" in answer["refused"]
    assert "Docker, default: refused; docker run --privileged" in answer["refused"]
    assert engine(docker, degraded=True)["refused"].startswith("unshare: Operation not permitted")


@pytest.mark.skipif(landlock_abi() < 4, reason="needs Landlock with ABI 4")
def test_the_default_will_do_for_landlock(docker: Docker) -> None:
    answer = said(docker, what=("confined_user", "/tmp/state"))
    assert "--runtime landlock" in answer["native"]
    assert answer["attacks"] == ["done\n", "", "True kept"]
    assert answer["is right"][:2] == ["ACCEPTED", "hello\n"]
    assert answer["eats memory in children"][0] == "MEMORY_LIMIT"
    assert answer["faults"] == 0
    assert answer["left"] == []


def test_a_masked_proc_is_refused_too(docker: Docker) -> None:
    refused = engine(docker, "--security-opt=seccomp=unconfined", degraded=True)["refused"]
    assert "/proc: Operation not permitted" in refused
    assert "systempaths=unconfined" in refused


def test_unconfined_it_runs_degraded_without_any_more_rights(docker: Docker) -> None:
    answer = engine(docker, *UNCONFINED, degraded=True)
    assert answer["place"].startswith("Docker, unconfined: degraded")
    assert answer["facts"]["cgroup"] == "none"
    assert answer["is right"][:2] == ["ACCEPTED", "hello\n"]
    assert answer["spins"][0] == "TIME_LIMIT"


@pytest.mark.cgroup2
def test_privileged_everything_is_enforced(docker: Docker) -> None:
    answer = engine(docker, *PRIVILEGED)
    assert answer["place"].startswith("Docker --privileged: works")
    assert answer["eats memory"][0] == "MEMORY_LIMIT"
    assert answer["faults"] == 0
