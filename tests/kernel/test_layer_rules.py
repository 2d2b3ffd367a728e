"""Random stacks of layers: the tree that a program would see is that of the model, or both refuse."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, reject, settings

from engine.pool.native import unpack_image
from tests.support.images import Entry, directory, oci_layout, plain
from tests.support.layers import Refused, archived, stacks, tree_of
from tests.support.mounts import mounted

pytestmark = pytest.mark.kernel

EXAMPLES = 200
SOAK_EXAMPLES = 5_000
PEER_EXAMPLES = 25
quick = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory: each layer is on the disk before it counts, which is not what is tested here."""
    path = tmp_path_factory.mktemp("rules")
    with mounted("tmpfs", "mode=0700", path):
        yield path


def seen(root: Path) -> dict[str, tuple[object, ...]]:
    """Path and facts of everything below `root`, as the model tells them."""
    found: dict[str, tuple[object, ...]] = {}
    waiting = [""]
    while waiting:
        place = waiting.pop()
        for path in (root / place).iterdir():
            name = path.name
            try:
                facts = path.lstat()
            except FileNotFoundError:
                found[place + name] = ("listed, but not there",)
                continue
            kind, content = "directory", b""
            if stat.S_ISREG(facts.st_mode):
                kind, content = "file", path.read_bytes()
            elif stat.S_ISLNK(facts.st_mode):
                kind, content = "link", os.fsencode(path.readlink())
            else:
                assert stat.S_ISDIR(facts.st_mode), path
                waiting.append(f"{place}{name}/")
            found[place + name] = (kind, stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid, content)
    return found


async def unpacked(place: Path, layers: Sequence[Sequence[Entry]]) -> dict[str, tuple[object, ...]] | None:
    """What is in the image of these layers, None if it is refused."""
    shutil.rmtree(place / "layout", ignore_errors=True)
    layout = oci_layout(place / "layout", {"only": [archived(entries) for entries in layers]}, compress=plain)
    try:
        image = await unpack_image(str(place / "store"), str(layout), [])
    except OSError:
        return None
    for name in ("root", "empty"):
        (place / name).mkdir(exist_ok=True)
    lowers = ":".join([*image.layers, str(place / "empty")])
    with mounted("overlay", f"ro,lowerdir={lowers}", place / "root"):
        found = seen(place / "root")
    image.release()
    return found


async def check(place: Path, layers: Sequence[Sequence[Entry]]) -> None:
    try:
        expected = tree_of(layers)
    except Refused:
        expected = None
    assert await unpacked(place, layers) == expected


@settings(quick, max_examples=EXAMPLES, derandomize=True)
@given(layers=stacks())
async def test_the_tree_is_that_of_the_rules(place: Path, layers: list[list[Entry]]) -> None:
    await check(place, layers)


@pytest.mark.soak
@settings(quick, max_examples=SOAK_EXAMPLES)
@given(layers=stacks())
async def test_trees_are_those_of_the_rules(place: Path, layers: list[list[Entry]]) -> None:
    await check(place, layers)


def parents_of(entry: Entry) -> list[Entry]:
    return [directory(str(parent)) for parent in reversed(PurePosixPath(entry.name).parents)]


@settings(quick, max_examples=PEER_EXAMPLES, derandomize=True)
@given(layers=stacks())
def test_a_peer_makes_the_same_tree(place: Path, layers: list[list[Entry]]) -> None:
    """Of names, kinds and contents, with an entry for each directory: without one, everybody answers otherwise."""
    if shutil.which("umoci") is None:
        pytest.skip("needs umoci")
    layers = [[whole for entry in entries for whole in (*parents_of(entry), entry)] for entries in layers]
    try:
        expected = tree_of(layers)
    except Refused:
        reject()
    for name in ("layout", "bundle"):
        shutil.rmtree(place / name, ignore_errors=True)
    layout = oci_layout(place / "layout", {"only": [archived(entries) for entries in layers]}, compress=plain)
    command = ["umoci", "unpack", "--image", f"{layout}:only", str(place / "bundle")]
    subprocess.run(command, check=True, capture_output=True)
    told = {path: (facts[0], facts[4]) for path, facts in seen(place / "bundle/rootfs").items()}
    assert told == {path: (facts[0], facts[4]) for path, facts in expected.items()}
