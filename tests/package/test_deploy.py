"""What scripts/deploy/ says, held against the daemon that it starts."""

from __future__ import annotations

import argparse
import configparser
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
import yaml

from engine.cli.serve import add_serve_arguments
from engine.config.server import ServerConfig, host_and_port
from engine.server.held import Held
from engine.server.http import HttpFace
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.address import default_socket

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "scripts/deploy"
PROGRAM: Final = "/opt/assay/bin/assay"
MANIFESTS: Final = {"kubernetes.yaml": "1.30.0", "kubernetes-user-namespace.yaml": "1.33.0"}
DRAIN_SECONDS: Final = ServerConfig().drain_seconds
manifests = pytest.mark.parametrize("manifest", MANIFESTS)


def served(command: list[str]) -> argparse.Namespace:
    """What `assay serve` makes of these arguments; it fails on those that it does not have."""
    assert command[0] == "serve"
    parser = argparse.ArgumentParser()
    add_serve_arguments(parser)
    return parser.parse_args(command[1:])


async def get(path: str) -> int:
    """The status with which a daemon with a token answers one who has none, at an address of a container."""

    async def problem() -> None: ...

    service = SimpleNamespace(
        config=ServerConfig(), token="t" * 16, problem=problem, limits="every limit proved", held=Held(1)
    )
    daemon = HttpFace(cast("Service", service), {}, host="0.0.0.0")
    request = HttpRequest("a client")
    request.method = "GET"
    request.add_header(b"Host", b"10.1.2.3:8080")
    request.set_target(path.encode())
    return (daemon.refusal(request) or await daemon.answer(request)).status


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, in order."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if line and not line.startswith("#")).replace("\\\n", "")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines()]


def documents(manifest: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Deployment's pod, and the Service."""
    deployment, service = yaml.safe_load_all((DEPLOY / manifest).read_text())
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    return deployment["spec"]["template"]["spec"], service["spec"]


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "assay.service")
    return parser


def test_the_image_starts_the_daemon_where_it_is_exposed_and_looked_at() -> None:
    last = dict(instructions())
    assert json.loads(last["ENTRYPOINT"]) == [PROGRAM]
    arguments = served(json.loads(last["CMD"]))
    assert host_and_port(arguments.http) == ("0.0.0.0", int(last["EXPOSE"]))
    python, _, check = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    assert Path(python).parent == Path(PROGRAM).parent
    assert f"'http://127.0.0.1:{last['EXPOSE']}/readyz'" in check
    assert f":{arguments.token_file}:ro" in (DEPLOY / "Dockerfile").read_text()


def test_the_build_is_sent_what_there_is_and_no_more_than_it_needs() -> None:
    first, *kept = (
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if not line.startswith("#")
    )
    assert first == "**"
    names = [line[1:] for line in kept if line.startswith("!")]
    assert all((ROOT / name).exists() for name in names)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["maturin"]["python-packages"]
    assert {"pyproject.toml", "constraints.txt", "Cargo.lock", "native", *packages} <= set(names)


@manifests
async def test_a_pod_serves_what_its_probes_ask_for(manifest: str) -> None:
    pod, service = documents(manifest)
    (container,) = pod["containers"]
    assert "command" not in container  # the image's entry point
    arguments = served(container["args"])
    (port,) = container["ports"]
    assert host_and_port(arguments.http) == ("0.0.0.0", port["containerPort"])
    assert service["ports"] == [{"name": "http", "port": port["containerPort"], "targetPort": port["name"]}]
    paths = {}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] == port["name"]
        paths[probe] = asked["path"]
        assert await get(asked["path"]) == 200
    # A daemon that is not ready, as while it drains, must not be killed for it.
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert await get("/v1/stats") == 401


@manifests
def test_a_pod_has_the_token_where_the_daemon_reads_it(manifest: str) -> None:
    pod, _ = documents(manifest)
    (container,) = pod["containers"]
    token = Path(served(container["args"]).token_file)
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    assert (mount["name"], mount["mountPath"], mount["readOnly"]) == (volume["name"], str(token.parent), True)
    secret = f"create secret generic {volume['secret']['secretName']} --from-literal={token.name}="
    assert secret in (DEPLOY / manifest).read_text()


def test_a_pod_has_the_rights_that_its_row_of_the_table_needs() -> None:
    pod, _ = documents("kubernetes.yaml")
    assert "hostUsers" not in pod
    assert pod["containers"][0]["securityContext"] == {"privileged": True}
    assert not served(pod["containers"][0]["args"]).allow_degraded
    pod, _ = documents("kubernetes-user-namespace.yaml")
    assert pod["hostUsers"] is False
    assert pod["containers"][0]["securityContext"] == {
        "procMount": "Unmasked",
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
    }
    assert served(pod["containers"][0]["args"]).allow_degraded


@manifests
def test_a_manifest_is_what_the_api_of_kubernetes_has(manifest: str) -> None:
    api = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate (PyPI, 110 MB of schemas)")
    for document in yaml.safe_load_all((DEPLOY / manifest).read_text()):
        api.validate(document, MANIFESTS[manifest], strict=True)


def test_the_unit_starts_the_daemon_and_puts_its_socket_into_its_own_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    service = unit()["Service"]
    program, *command = service["ExecStart"].split()
    assert program == PROGRAM
    served(command)
    name, _, place = service["Environment"].partition("=")
    monkeypatch.setenv(name, place)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_socket().parent == Path("/run", service["RuntimeDirectory"])
    assert service["Delegate"].split() == ["memory", "cpu", "pids"]


def test_the_unit_keeps_open_what_it_says_must_stay_open() -> None:
    given = unit()["Service"]
    # Each implies NoNewPrivileges=, hides a part of /proc or makes the control groups read-only.
    closing = (
        "NoNewPrivileges",
        "Protect",
        "Private",
        "Restrict",
        "SystemCall",
        "LockPersonality",
        "MemoryDeny",
        "Proc",
    )
    closed = {name: value for name, value in given.items() if name.startswith(closing)}
    assert closed == {"ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes"}


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian's systemd)")
    copy = tmp_path / "assay.service"
    # It insists on a program that is there.
    copy.write_text((DEPLOY / "assay.service").read_text().replace(PROGRAM, sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["Dockerfile", "assay.service", *MANIFESTS])
def test_nothing_kills_the_daemon_while_it_drains(name: str) -> None:
    text = (DEPLOY / name).read_text()
    assert f"at most {DRAIN_SECONDS:g} s" in text
    for setting in ("--stop-timeout ", "TimeoutStopSec=", "terminationGracePeriodSeconds: "):
        if setting in text:
            assert int(text.partition(setting)[2].split()[0]) >= DRAIN_SECONDS + 10
            break
    else:
        pytest.fail("it sets no time for an end")
