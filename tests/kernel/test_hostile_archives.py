"""Whatever an image holds: the answer is a tree or a refusal in words, and outside of the store nothing changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.pool.native import UnpackedImage, unpack_image
from tests.support.images import Entry, docker_save, gzipped, layer, oci_layout, plain, zstd
from tests.support.layers import entry_lists
from tests.support.mounts import mounted

pytestmark = pytest.mark.kernel

EXAMPLES = 250
SOAK_EXAMPLES = 10_000
MOST_SECONDS = 10.0
BLOCK_BYTES = 512
CHECKSUM = slice(148, 156)
LAYER_NAME = re.compile(r"[0-9a-f]{64}")
MARKS = {"trusted.overlay.opaque", "trusted.overlay.origin"}
quick = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)

# Where the store's layers lie, seen from inside of one, and names that lead out of it.
OUTSIDE = "outside"
WAYS_OUT = [
    "/" + OUTSIDE,
    "../" * 3 + OUTSIDE,
    "../" * 30 + "tmp",
    "/proc/self/cwd",
    "/proc/self/fd/3",
    "/",
    "..",
    "/dev",
]
ODD_KINDS = [
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CONTTYPE,
    b"\0",
    b"S",
    b"x",
    b"g",
    b"K",
    b"L",
    b"Z",
]
RECORDS = [
    "path",
    "linkpath",
    "size",
    "uid",
    "mtime",
    "GNU.sparse.major",
    "SCHILY.xattr.trusted.overlay.redirect",
    "hdrcharset",
]


@dataclass(frozen=True)
class Place:
    root: Path

    def way_out(self, way: str) -> str:
        return way.replace("/" + OUTSIDE, str(self.root / OUTSIDE)) if way.startswith("/") else way


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A directory with the store, the image, and something that is no business of theirs."""
    root = tmp_path_factory.mktemp("hostile")
    with mounted("tmpfs", "mode=0700", root):
        outside = root / OUTSIDE
        (outside / "directory").mkdir(parents=True)
        (outside / "directory/file").write_text("1")
        (outside / "a").write_text("1")
        (outside / "link").symlink_to("a")
        yield Place(root)


def facts_of(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything that a change would change."""
    paths = [root, *(path for path in sorted(root.rglob("*")))]
    every = [(path, path.lstat()) for path in paths]
    return {
        str(path): (facts.st_ino, facts.st_mode, facts.st_nlink, facts.st_uid, facts.st_ctime_ns)
        for path, facts in every
    }


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """The entries of a layer, some of which want out, are of odd kinds, or lie in their extended headers."""
    drawn = draw(entry_lists(sound=draw(st.booleans())))
    ways = st.sampled_from(WAYS_OUT)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["a", "b/a", "dev/x", "c"]))
        match draw(st.integers(0, 6)):
            case 0:
                drawn.append(Entry(f"{draw(ways)}/{name}", b"escaped"))
            case 1:
                drawn += [Entry(name, kind=tarfile.SYMTYPE, link=draw(ways)), Entry(f"{name}/a", b"escaped")]
            case 2:
                drawn.append(Entry(name, kind=tarfile.LNKTYPE, link=f"{draw(ways)}/a"))
            case 3:
                drawn.append(Entry(name, kind=draw(st.sampled_from(ODD_KINDS)), link=draw(ways)))
            case 4:
                value = draw(ways | st.text(max_size=9) | st.integers(-1, 1 << 70).map(str))
                drawn.append(Entry(name, b"1", pax=((draw(st.sampled_from(RECORDS)), value),)))
            case 5:
                drawn += [Entry("a", kind=tarfile.SYMTYPE, link=draw(ways)), Entry("a/.wh.a"), Entry("a/.wh..wh..opq")]
            case _:
                drawn.append(Entry(name, kind=tarfile.SYMTYPE, link=draw(ways)))
    return draw(st.permutations(drawn)) if draw(st.booleans()) else drawn


@st.composite
def changes(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Nothing, mostly; or bytes changed, cut out, doubled or cut off, anywhere."""
    spots = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(min_size=1, max_size=8)), max_size=3))
    if draw(st.booleans()):
        spots = []

    def changed(data: bytes) -> bytes:
        for share, how, new in spots:
            at = int(share * len(data))
            block = at - at % BLOCK_BYTES
            match how:
                case 0 | 1:
                    data = data[:at] + new + data[at + len(new) :]
                case 2:
                    data = data[:at] + data[at + len(new) :]
                case 3:
                    data = data[: block + BLOCK_BYTES] + data[block:]
                case _:
                    data = data[:at]
        return data

    return changed


def summed(data: bytes) -> bytes:
    """The archive with right checksums wherever a header could be, so that what is wrong in it is read."""
    blocks = [bytearray(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)]
    for block in blocks:
        if block[257:262] == b"ustar":
            block[CHECKSUM] = b" " * 8
            block[CHECKSUM] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


json_values: st.SearchStrategy[Any] = st.sampled_from(
    [None, -1, 1 << 64, "", "../../x", [], {}, [None], "sha256:" + "0" * 64, "sha256:/etc/passwd"]
)


def with_another_value(path: Path, spot: list[int] | None, value: Any) -> None:
    """Changes the JSON document at the place that these numbers lead to; None leaves it as it is."""
    if spot is not None:
        path.write_text(json.dumps(_changed(json.loads(path.read_bytes()), spot, value)))


def _changed(document: Any, spot: list[int], value: Any) -> Any:
    if not spot or not isinstance(document, dict | list) or not document:
        return value
    keys = sorted(document) if isinstance(document, dict) else range(len(document))
    key = keys[spot[0] % len(keys)]
    copy = document.copy()
    copy[key] = _changed(document[key], spot[1:], value)
    return copy


@st.composite
def images(draw: st.DrawFn) -> Callable[[Place], Path]:
    """Writes an image to where it is told."""
    layers, change = draw(st.lists(entries(), min_size=1, max_size=2)), draw(changes())
    lies, packed = draw(st.booleans()), draw(changes())
    compress = draw(st.sampled_from([plain, gzipped, zstd]))
    kind, document = (
        draw(st.sampled_from(["archive", "layout", "files"])),
        draw(st.sampled_from(["manifest.json", "*.json"])),
    )
    spot, value = draw(st.none() | st.lists(st.integers(0, 9), max_size=4)), draw(json_values)

    def write(place: Place) -> Path:
        archives = []
        for drawn in layers:
            data = change(
                layer(
                    *(replace(entry, name=place.way_out(entry.name), link=place.way_out(entry.link)) for entry in drawn)
                )
            )
            archives.append(summed(data) if lies else data)
        image = place.root / "image"
        if kind == "archive":
            docker_save(image, {"a:1": archives})
            image.write_bytes(packed(image.read_bytes()))
        elif kind == "layout":
            oci_layout(image, {"1": archives}, compress=lambda data: packed(compress(data)))
            with_another_value(image / "index.json", spot, value)
        else:
            docker_save(place.root / "saved", {"a:1": archives})
            with tarfile.open(place.root / "saved") as saved:
                saved.extractall(image)
            (place.root / "saved").unlink()
            with_another_value(next(image.glob(document)), spot, value)
        return image

    return write


async def answer(place: Place, image: Path) -> UnpackedImage | str:
    """The image, or the words of its refusal."""
    began = time.monotonic()
    try:
        return await unpack_image(str(place.root / "store"), str(image), ["python3"])
    except OSError as error:
        return str(error)
    finally:
        assert time.monotonic() - began < MOST_SECONDS


def check_tree(root: Path) -> None:
    """Nothing is in a layer that could not stand in a program's root."""
    for path in root.rglob("*"):
        facts = path.lstat()
        assert not facts.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        if stat.S_ISCHR(facts.st_mode):
            assert facts.st_rdev == 0, path
        else:
            assert stat.S_IFMT(facts.st_mode) in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK), path
        assert set(os.listxattr(path, follow_symlinks=False)) <= MARKS, path


async def check(place: Place, write: Callable[[Place], Path]) -> None:
    image = place.root / "image"
    shutil.rmtree(image, ignore_errors=True)
    image.unlink(missing_ok=True)
    image = write(place)
    before = facts_of(place.root / OUTSIDE)
    told = await answer(place, image)
    if isinstance(told, str):
        assert " ended with " not in told
        assert "\n" not in told
        assert len(told) < 1000
    else:
        for directory in told.layers:
            check_tree(Path(directory))
        told.release()
    assert facts_of(place.root / OUTSIDE) == before
    assert {path.name for path in place.root.iterdir()} <= {OUTSIDE, "image", "store"}
    # It is made before an image is looked at: without it the words tell of a fault of ours.
    assert (place.root / "store").is_dir(), told
    assert {path.name for path in (place.root / "store").iterdir()} <= {"inspect", "layers", "lock", "removed"}
    assert all(LAYER_NAME.fullmatch(path.name) for path in (place.root / "store/layers").iterdir())


@settings(quick, max_examples=EXAMPLES, derandomize=True)
@given(write=images())
async def test_an_image_is_taken_or_refused(place: Place, write: Callable[[Place], Path]) -> None:
    await check(place, write)


@pytest.mark.soak
@settings(quick, max_examples=SOAK_EXAMPLES)
@given(write=images())
async def test_images_are_taken_or_refused(place: Place, write: Callable[[Place], Path]) -> None:
    await check(place, write)
