"""The images that the Dockerfile begins with, made of what this machine has: no registry of images is asked.

Debian's comes from the machine's mirror, Rust's tool chain is the machine's own; neither is the published image.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.support.dockerd import Docker

DEBIAN = "debian:bookworm-slim"
RUST = "rust:1-bookworm"
_CERTIFICATES = "/etc/ssl/build.pem"
_TRUSTED_BY = ("PIP_CERT", "SSL_CERT_FILE", "CARGO_HTTP_CAINFO")
# Where pip, apt and cargo are told of a mirror or a proxy.
_SETTINGS = ("etc/pip.conf", "etc/apt/apt.conf.d/proxy.conf")
_RUST = f"""
FROM {DEBIAN}
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY bin /usr/local/bin
COPY lib /usr/local/lib
"""


def make_base_images(docker: Docker, place: Path) -> None:
    """Both, under the names that the Dockerfile has; skips naming what is missing."""
    for program in ("debootstrap", "rustc"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    try:
        docker("build", "-", stdin=b"FROM scratch\nLABEL empty=yes\n")
    except AssertionError as error:
        if "buildx" not in str(error):
            raise
        pytest.skip("needs Docker's buildx")
    root = place / "debian"
    _output("debootstrap", "--variant=minbase", "bookworm", str(root), _mirror())
    certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    (root / "etc/ssl").mkdir(exist_ok=True)
    shutil.copy(certificates, root / _CERTIFICATES[1:])
    for name in _SETTINGS:
        if Path("/", name).exists():
            shutil.copy(Path("/", name), root / name)
    archive = place / "debian.tar"
    _output("tar", "--directory", str(root), "--create", "--file", str(archive), ".")
    trusted = " ".join(f"{name}={_CERTIFICATES}" for name in _TRUSTED_BY)
    docker("import", "--change", f"ENV {trusted}", str(archive), DEBIAN)
    archive.unlink()
    shutil.rmtree(root)
    (place / "Dockerfile").write_text(_RUST)
    tools = _output("rustc", "--print", "sysroot").strip()
    build(docker, place / "Dockerfile", Path(tools), RUST)


def build(docker: Docker, file: Path, context: Path, tag: str) -> None:
    """Build an image with the machine's own network, as its containers have none."""
    proxies = [f"--build-arg={name}" for name in os.environ if name.lower().endswith("_proxy")]
    options = ("--network=host", f"--file={file}", f"--tag={tag}", *proxies)
    docker("build", *options, str(context), seconds=1800)


def _mirror() -> str:
    wanted = ("--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages")
    for line in _output("apt-get", "indextargets", *wanted).splitlines():
        origin, _, uri = line.partition(" ")
        if origin == "Debian":
            return uri
    pytest.skip("needs a mirror of Debian's in apt's sources, and `apt-get update`")


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout
