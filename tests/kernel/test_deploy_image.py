"""The Dockerfile: built, and run as its first lines say."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.base_images import build, make_base_images
from tests.support.dockerd import PRIVILEGED, Docker, dockerd

pytestmark = [pytest.mark.kernel, pytest.mark.soak]

ROOT = Path(__file__).parents[2]
HEALTHY_SECONDS = 30.0
NO_NETWORK = "--network=none"
PYTHON = "/opt/assay/bin/python"
# One request from inside, as the daemon of a test gives its containers no network.
ASKS = """
import json, pathlib, sys, urllib.request
path, body = sys.argv[1:]
token = pathlib.Path("/etc/assay/token").read_text().strip()
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
asked = urllib.request.Request("http://127.0.0.1:8080" + path, body.encode() or None, headers)
print(urllib.request.urlopen(asked, timeout=30).read().decode())
"""
LANGUAGES = {
    "python": "print(input())",
    "c": '#include <stdio.h>\nint main(void) { char s[9]; scanf("%8s", s); puts(s); }',
    "cpp": "#include <iostream>\nint main() { std::string s; std::cin >> s; std::cout << s << '\\n'; }",
    "bash": "cat",
    "javascript": "process.stdin.pipe(process.stdout)",
}
LOOKS = "import os; print([p for p in ('/opt/assay', '/etc/assay', '/run/assay') if os.path.exists(p)])"


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    with dockerd(tmp_path_factory.mktemp("docker")) as docker:
        make_base_images(docker, tmp_path_factory.mktemp("base"))
        build(docker, ROOT / "scripts/deploy/Dockerfile", ROOT, "assay")
        yield docker


@pytest.fixture
def daemon(docker: Docker, tmp_path: Path) -> Iterator[str]:
    token = tmp_path / "token"
    token.write_text("t" * 32)
    options = (NO_NETWORK, f"--volume={token}:/etc/assay/token:ro", "--stop-timeout=75")
    name = docker("run", "--detach", *PRIVILEGED, *options, "assay").strip()
    try:
        deadline = time.monotonic() + HEALTHY_SECONDS
        while (health := docker("inspect", "--format={{.State.Health.Status}}", name).strip()) != "healthy":
            assert time.monotonic() < deadline, (health, docker("logs", name))
            time.sleep(0.5)
        yield name
    finally:
        docker("rm", "--force", name)


def ask(docker: Docker, name: str, path: str, body: object = None) -> Any:
    said = docker("exec", name, PYTHON, "-c", ASKS, path, "" if body is None else json.dumps(body))
    return json.loads(said) if body is not None else said


def test_doctor_finds_every_limit_enforced(docker: Docker) -> None:
    said = docker("run", "--rm", NO_NETWORK, *PRIVILEGED, "assay", "doctor")
    assert "Docker --privileged: works" in said
    assert "limit proved" in said
    for language in LANGUAGES:
        assert f"│ {language} " in said


def test_the_daemon_runs_and_scores(docker: Docker, daemon: str) -> None:
    assert ask(docker, daemon, "/readyz") == "ready, every limit proved\n\n"
    for language, source in LANGUAGES.items():
        answer = ask(docker, daemon, "/v1/run", {"source": source, "language": language, "stdin": "hello\n"})
        assert (answer["verdict"], answer["stdout"]) == ("ACCEPTED", "hello\n"), (language, answer)
    code = {"kind": "code", "language": "python", "tests": [{"stdin": "1 2\n", "expected": "3\n"}]}
    right = "```python\nprint(sum(map(int, input().split())))\n```"
    rewards = [ask(docker, daemon, "/v1/score", {**code, "completion": text})["reward"] for text in (right, "print(4)")]
    assert rewards == [1.0, 0.0]


def test_a_program_sees_nothing_of_the_daemon(docker: Docker, daemon: str) -> None:
    assert ask(docker, daemon, "/v1/run", {"source": LOOKS, "language": "python"})["stdout"] == "[]\n"


def test_stop_lets_what_is_under_way_end(docker: Docker, daemon: str) -> None:
    limits = {"wall_seconds": 20}
    slow = {"source": "import time; time.sleep(3); print(1)", "language": "python", "limits": limits}
    command = docker.command("exec", daemon, PYTHON, "-c", ASKS, "/v1/run", json.dumps(slow))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        time.sleep(1.5)
        docker("stop", daemon)
        assert client.stdout is not None
        assert json.loads(client.stdout.read())["stdout"] == "1\n"
    assert docker("inspect", "--format={{.State.ExitCode}}", daemon).strip() == "0"
