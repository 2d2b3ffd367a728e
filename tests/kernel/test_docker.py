"""Docker's rows of the table, in real containers of a daemon of the test's own."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
IMAGE = "assay-test"
START_SECONDS = 30.0
UNCONFINED = tuple(f"--security-opt={option}=unconfined" for option in ("seccomp", "apparmor", "systempaths"))


@dataclass(frozen=True)
class Docker:
    socket: Path

    def __call__(self, *arguments: str, stdin: bytes = b"") -> str:
        command = ["docker", "--host", f"unix://{self.socket}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def engine(self, *options: str, degraded: bool = False) -> dict[str, Any]:
        """What an engine in a container with these options says; the container sees our Python and packages."""
        seen = {"/usr": "/usr", str(ROOT): "/assay", str(Path(msgspec.__file__).parent): "/packages/msgspec"}
        volumes = [f"--volume={outside}:{inside}:ro" for outside, inside in seen.items()]
        python = str(Path(sys.executable).resolve())
        environment = ("--env=PYTHONPATH=/assay:/packages", "--env=PYTHONDONTWRITEBYTECODE=1")
        what = (python, "-m", "tests.kernel.ordinary_user", "/run/assay", *(["degraded"] if degraded else []))
        answer = json.loads(self("run", "--rm", "--network=none", *volumes, *environment, *options, IMAGE, *what))
        assert isinstance(answer, dict)
        return answer


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    for program in ("dockerd", "docker"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program} (Debian's docker.io)")
    if not Path(sys.executable).resolve().is_relative_to("/usr"):
        pytest.skip("needs a Python below /usr, which the containers share")
    place = tmp_path_factory.mktemp("docker")
    there_before = _groups()
    directories = [f"--{name}={place / name}" for name in ("data-root", "exec-root", "pidfile")]
    command = ["dockerd", f"--host=unix://{place}/socket", *directories, "--iptables=false", "--bridge=none"]
    with (place / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (place / "socket").exists():
            if daemon.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"dockerd does not start here: {(place / 'log').read_text()[-300:]}")
            time.sleep(0.1)
        docker = Docker(place / "socket")
        docker("import", "-", IMAGE, stdin=_root())
        yield docker
    finally:
        daemon.terminate()
        daemon.wait(30)
        for path in _groups() - there_before:
            with contextlib.suppress(OSError):
                path.rmdir()


def _groups() -> set[Path]:
    return {path for pattern in ("docker", "*/docker") for path in Path("/sys/fs/cgroup").glob(pattern)}


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
    answer = docker.engine()
    assert "Read-only file system" in answer["refused"] or "Permission denied" in answer["refused"]
    assert "Docker, default: refused; docker run --privileged" in answer["refused"]
    assert docker.engine(degraded=True)["refused"].startswith("unshare: Operation not permitted")


def test_a_masked_proc_is_refused_too(docker: Docker) -> None:
    refused = docker.engine("--security-opt=seccomp=unconfined", degraded=True)["refused"]
    assert "/proc: Operation not permitted" in refused
    assert "systempaths=unconfined" in refused


def test_unconfined_it_runs_degraded_without_any_more_rights(docker: Docker) -> None:
    answer = docker.engine(*UNCONFINED, degraded=True)
    assert answer["place"].startswith("Docker, unconfined: degraded")
    assert answer["facts"]["cgroup"] == "none"
    assert answer["is right"][:2] == ["ACCEPTED", "hello\n"]
    assert answer["spins"][0] == "TIME_LIMIT"


def test_with_the_rights_of_privileged_everything_is_enforced(docker: Docker) -> None:
    # Each by its name: --privileged itself asks for every capability, and this machine's root may lack one.
    lacking = [f"--cap-drop={name}" for name in _lacking_capabilities()]
    answer = docker.engine(*UNCONFINED, "--cap-add=ALL", *lacking, "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw")
    assert answer["place"].startswith("Docker --privileged: works")
    assert answer["eats memory"][0] == "MEMORY_LIMIT"
    assert answer["faults"] == 0


def _lacking_capabilities() -> list[str]:
    status = Path("/proc/self/status").read_text()
    bounding = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), 16)
    known = {21: "SYS_ADMIN", 24: "SYS_RESOURCE", 16: "SYS_MODULE", 17: "SYS_RAWIO", 25: "SYS_TIME"}
    return [name for number, name in known.items() if not bounding >> number & 1]
