"""What is in the image store, and removing what nobody uses, beside engines that run, unpack or were killed."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import CannotStart, Engine, EngineConfig
from engine.cli.main import main
from engine.pool.native import list_images, prune_images, static_program, unpack_image
from tests.support.images import digest, directory, docker_save, file, layer, oci_layout

pytestmark = pytest.mark.kernel

PATIENCE_SECONDS = 10.0
BASE = layer(directory("opt"), file("opt/base", "base" * 10_000))
ONE, TWO = layer(file("opt/one", "1")), layer(file("opt/two", "2"))
HOLD = """
import sys, time
from engine import _native
image = _native.unpack_image(*sys.argv[1:], [])
print(flush=True)
time.sleep(99)
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def layout(place: Path) -> Path:
    return oci_layout(place / "layout", {"one": [BASE, ONE], "two": [BASE, TWO]})


def layers_in(store: Path) -> set[str]:
    return {f"sha256:{path.name}" for path in (store / "layers").iterdir()}


def pruned(store: Path) -> set[str]:
    removed, _, _ = prune_images(str(store))
    return {f"sha256:{name}" for name, _, _ in removed}


def engine(place: Path, tag: str) -> Engine:
    config = EngineConfig(images={"it": f"{place / 'layout'}:{tag}"}, image_store=str(place / "store"))
    return Engine(slots=1, config=config)


async def test_layers_of_running_engines_stay(tmp_path: Path, store: Path) -> None:
    layout(tmp_path)
    async with engine(tmp_path, "one"):
        async with engine(tmp_path, "two"):
            assert pruned(store) == set()
            assert layers_in(store) == {digest(BASE), digest(ONE), digest(TWO)}
        assert pruned(store) == {digest(TWO)}
        layers, _ = list_images(str(store), [])
        assert {(f"sha256:{name}", in_use) for name, _, in_use in layers} == {(digest(BASE), True), (digest(ONE), True)}
    assert pruned(store) == {digest(BASE), digest(ONE)}
    assert layers_in(store) == set()
    assert not list((store / "removed").iterdir())
    async with engine(tmp_path, "two"):
        assert layers_in(store) == {digest(BASE), digest(TWO)}


async def test_an_engine_that_did_not_start_holds_nothing(tmp_path: Path, store: Path) -> None:
    images = {"it": f"{layout(tmp_path)}:one"}
    unstarted = Engine(slots=1, config=EngineConfig(images=images, image_store=str(store), trees=("/usr,",)))
    with pytest.raises(CannotStart, match="may not contain"):
        await unstarted.__aenter__()
    assert pruned(store) == {digest(BASE), digest(ONE)}


def test_a_killed_engine_holds_nothing(tmp_path: Path, store: Path) -> None:
    image = f"{layout(tmp_path)}:one"
    with subprocess.Popen([sys.executable, "-c", HOLD, store, image], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n"
        assert pruned(store) == set()
        holder.kill()
        holder.wait()
    assert pruned(store) == {digest(BASE), digest(ONE)}


@pytest.fixture
def unpacking(tmp_path: Path, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An unpacking that is stopped in its lower layer, the upper one is there."""
    many = layer(*(file(f"many/{number}", "x") for number in range(20_000)))
    image = docker_save(tmp_path / "saved.tar", {"x:1": [many, ONE]})
    program = tmp_path / "assay-sandbox"
    program.write_bytes(static_program())
    program.chmod(0o755)
    command = [str(path) for path in (program, "unpack", store, image)]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.PIPE) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (store / "partial/many/100").exists():
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGSTOP)
        yield process
        process.kill()


def test_what_is_being_unpacked_stays(store: Path, unpacking: subprocess.Popen[bytes]) -> None:
    assert prune_images(str(store)) == ([], 0, 1)
    assert (store / "partial").exists()
    unpacking.send_signal(signal.SIGCONT)
    assert unpacking.wait(PATIENCE_SECONDS) == 0
    assert len(layers_in(store)) == 2


def test_what_killed_ones_left_goes(store: Path, unpacking: subprocess.Popen[bytes]) -> None:
    unpacking.kill()
    unpacking.wait()
    (store / "removed/half/way").mkdir(parents=True)
    (store / "removed/half/way/file").write_bytes(bytes(100_000))
    removed, leftover_bytes, in_use = prune_images(str(store))
    assert [f"sha256:{name}" for name, _, _ in removed] == [digest(ONE)]
    assert leftover_bytes > 100_000
    assert in_use == 0
    assert not (store / "partial").exists()
    assert not list((store / "removed").iterdir())


async def test_whoever_unpacks_while_others_prune_has_all_layers(tmp_path: Path, store: Path) -> None:
    image, stop = layout(tmp_path), False

    def prune_on() -> int:
        count = 0
        while not stop:
            count += len(pruned(store))
        return count

    with ThreadPoolExecutor(2) as pruners:
        counts = [pruners.submit(prune_on) for _ in range(2)]
        try:
            for tag, name in [("one", "one"), ("two", "two")] * 20:
                found = await unpack_image(str(store), f"{image}:{tag}", [])
                await asyncio.sleep(0.01)
                told = [
                    (Path(directory) / "opt" / word).stat().st_size
                    for directory, word in zip(found.layers, (name, "base"), strict=True)
                ]
                assert told == [1, 40_000]
                found.release()
        finally:
            stop = True
    assert sum(count.result() for count in counts) > 20


def assay_images(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Sequence[str]]:
    code = main(["images", *words])
    said = capsys.readouterr()
    return code, (said.out + said.err).splitlines()


async def test_the_command_lists_and_prunes(tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "assay.toml"
    config.write_text(
        f'[engine]\nimage_store = "{store}"\n[engine.images]\n'
        f'first = "{layout(tmp_path)}:one"\nsecond = "{tmp_path}/layout:two"\ngone = "{tmp_path}/gone"\n'
    )
    found = await unpack_image(str(store), f"{tmp_path}/layout:one", [])
    code, lines = assay_images(capsys, "--config", str(config))
    rows = {line.split()[1]: line for line in lines if line.startswith("│")}
    assert code == 0
    assert rows[digest(BASE)[7:19]].replace("│", "").split()[1:] == [
        "0.0",
        "yes",
        "first,",
        "second",
    ]
    assert "first" in rows[digest(ONE)[7:19]]
    assert lines[-3:] == [
        f"2 layers, 0.1 MiB in {store}",
        "second: 1 of 2 layers not unpacked yet",
        f"gone: {tmp_path}/gone: no such directory, image layout or archive",
    ]
    assert assay_images(capsys, "prune", "--config", str(config)) == (0, ["removed 0 layers, 0.0 MiB; 2 in use"])
    found.release()
    assert assay_images(capsys, "prune", "--config", str(config)) == (0, ["removed 2 layers, 0.1 MiB; 0 in use"])
    code, lines = assay_images(capsys, "--config", str(tmp_path / "missing"))
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("assay images: config ")
