"""Images by name through the daemon, on every way that a request can come."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import BadInput, Program
from rewards import Reward, RewardClient
from tests.server.conftest import Daemon, StartDaemon
from tests.support.images import oci_layout
from tests.support.sample_images import glibc_layers

pytestmark = [pytest.mark.kernel, pytest.mark.server]

LISTS = "echo $(ls /opt/whole)"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A layout of two names, and room for the store."""
    place = tmp_path_factory.mktemp("images")
    layers = glibc_layers()
    oci_layout(place / "layout", {"whole": layers, "lowest": layers[:1]})
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def daemon(start_daemon: StartDaemon, images: Path) -> Iterator[Daemon]:
    config = (
        f'[engine]\nimage_store = "{images}/store"\n'
        f'[engine.images]\nwhole = "{images}/layout:whole"\nlowest = "{images}/layout:lowest"\n'
    )
    daemon = start_daemon(config=config)
    yield daemon
    daemon.stop()


def test_the_first_lines_name_them(daemon: Daemon) -> None:
    assert "\n  images  lowest, whole\n" in daemon.ready


@pytest.mark.parametrize("face", ["unix", "http"])
async def test_each_request_has_its_own(daemon: Daemon, face: str) -> None:
    async with daemon.client(face) as client:
        for image, listed in (("whole", b"third\n"), ("lowest", b"old\n"), (None, b"\n"), ("whole", b"third\n")):
            outcome = await client.run(Program(LISTS, "bash", image=image))
            assert outcome.stdout == listed
            outcome = await client.run_argv(["/usr/bin/bash", "-c", LISTS], image=image)
            assert outcome.stdout == listed
        with pytest.raises(BadInput, match="unknown image, known are host, lowest, whole") as caught:
            await client.run(Program(LISTS, "bash", image="none"))
        assert (caught.value.field, caught.value.value) == ("image", "none")
        assert (await client.stats())["faults"] == 0


async def test_an_item_has_its_own(daemon: Daemon) -> None:
    item = {
        "kind": "code",
        "language": "bash",
        "completion": f"```bash\n{LISTS}\n```",
        "tests": [{"stdin": "", "expected": "third\n"}],
    }
    async with RewardClient(daemon.address) as client:
        rewards = await client.score_many([{**item, "image": image} for image in ("whole", "lowest", "host")])
    assert [reward.reward for reward in rewards if isinstance(reward, Reward)] == [1.0, 0.0, 0.0]
