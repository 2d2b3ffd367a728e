"""Hostile and damaged images: each trick is refused with its own words, and leaves nothing outside the store."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
from pathlib import Path

import pytest

from engine.pool.native import unpack_image
from tests.support.images import Entry, digest, directory, docker_save, file, layer, link, oci_layout
from tests.support.mounts import mounted

pytestmark = pytest.mark.kernel


async def refused(store: Path, image: Path | str) -> str:
    """The words of the refusal; nothing of the image is left, above all no layer that is half there."""
    with pytest.raises(OSError) as caught:
        await unpack_image(str(store), str(image), ["python3"])
    assert not (store / "partial").exists()
    words = str(caught.value)
    assert "\n" not in words
    assert len(words) < 500
    return words


def escaped() -> list[Path]:
    """What the tricks would have put into /tmp."""
    return [path for name in ("escaped", "made", ".wh.x") if os.path.lexists(path := Path("/tmp") / name)]


def special(name: str, kind: bytes, **more: str) -> Entry:
    return Entry(name, kind=kind, **more)  # type: ignore[arg-type]


DEEP = "/".join("d" * 129)
TRICKS: dict[str, tuple[list[Entry], str]] = {
    "absolute": ([file("/etc/passwd")], 'entry "/etc/passwd": an absolute name'),
    "dotdot": ([file("a/../../x")], "'..' in a name"),
    "dotdot_inside": ([directory("a"), file("a/../x")], "'..' in a name"),
    "only_dotdot": ([directory("..")], "'..' in a name"),
    "nul": ([Entry("a", pax=(("path", "a\0b"),))], "NUL in a name"),
    "nul_in_link": ([Entry("a", kind=tarfile.SYMTYPE, link="b", pax=(("linkpath", "a\0b"),))], "NUL in a link"),
    "through_a_symlink_out": ([link("a", "/tmp"), file("a/escaped")], "its directory is a symbolic link"),
    "through_a_symlink_up": ([link("a", "../../.."), file("a/escaped")], "its directory is a symbolic link"),
    "through_a_symlink_within": ([directory("b"), link("a", "b"), file("a/x")], "its directory is a symbolic link"),
    "through_symlinks": ([link("a", "."), link("a/b", ".."), file("a/b/x")], "its directory is a symbolic link"),
    "directory_through_a_symlink": ([link("a", "/tmp"), directory("a/made")], "its directory is a symbolic link"),
    "whiteout_through_a_symlink": ([link("a", "/tmp"), file("a/.wh.x")], "its directory is a symbolic link"),
    "opaque_through_a_symlink": ([link("a", "/tmp"), file("a/.wh..wh..opq")], "its directory is a symbolic link"),
    "through_a_file": ([file("a"), file("a/b")], "its directory is a file"),
    "through_a_whiteout": ([file(".wh.a/b")], "a whiteout is no directory"),
    "whiteout_of_nothing": ([file(".wh.")], "a whiteout of nothing"),
    "whiteout_of_the_directory": ([file("a/.wh..")], "a whiteout of nothing"),
    "whiteout_of_its_parent": ([file("a/.wh...")], "a whiteout of nothing"),
    "hard_link_out": ([link("a", "/etc/shadow", hard=True)], "an absolute name"),
    "hard_link_up": ([link("a", "../../../etc/shadow", hard=True)], "'..' in a name"),
    "hard_link_elsewhere": ([link("a", "etc/shadow", hard=True)], "a hard link to what is not in its layer"),
    "hard_link_through_a_symlink": (
        [link("a", "/etc"), link("b", "a/shadow", hard=True)],
        "a hard link to what is not in its layer",
    ),
    "hard_link_to_a_directory": ([directory("d"), link("a", "d", hard=True)], "what is no file of its layer"),
    "hard_link_to_a_whiteout": ([file(".wh.w"), link("a", "w", hard=True)], "what is no file of its layer"),
    "hard_link_to_the_root": ([link("a", ".", hard=True)], "a hard link to the root"),
    "link_to_nowhere": ([link("a", "")], "a link to nowhere"),
    "character_device": ([special("mem", tarfile.CHRTYPE)], "a device node"),
    "block_device": ([special("opt/disk", tarfile.BLKTYPE)], "a device node"),
    "device_beside_dev": ([special("dev2/null", tarfile.CHRTYPE)], "a device node"),
    "fifo": ([special("fifo", tarfile.FIFOTYPE)], "a FIFO"),
    "sparse_gnu": ([special("sparse", tarfile.GNUTYPE_SPARSE)], "a sparse file"),
    "sparse_pax": ([Entry("a", pax=(("GNU.sparse.realsize", "99999999999"),))], "a sparse file"),
    "unknown_type": ([special("a", b"Z")], "an entry of unknown type 'Z'"),
    "owner": ([file("a", uid=65_536)], "uid 65536, expected at most 65535"),
    "group": ([file("a", gid=4_000_000_000)], "gid 4000000000, expected at most 65535"),
    "owner_in_pax": ([Entry("a", pax=(("uid", "100000"),))], "uid 100000"),
    "owner_no_number": ([Entry("a", pax=(("gid", "-1"),))], 'number "-1" in an extended header'),
    "size_in_pax": ([Entry("a", b"x", pax=(("size", str(1 << 40)),))], "a size that its plain header cannot hold"),
    "long_name": ([file("n" * 256)], "a name that is too long"),
    "long_path": ([file("/".join(["n" * 100] * 41))], "a name that is too long"),
    "deep": ([directory(DEEP)], "a name that is too long"),
    "huge_header": ([Entry("a", pax=(("comment", "x" * (1 << 20)),))], "a header of"),
    "directory_then_file": ([directory("a"), file("a", "x")], "both a directory and something else"),
    "directory_then_link": ([directory("a"), link("a", "/etc")], "both a directory and something else"),
    "no_name": ([file("./")], "no name"),
}


@pytest.mark.parametrize("trick", TRICKS)
async def test_each_trick_is_refused(tmp_path: Path, trick: str) -> None:
    entries, words = TRICKS[trick]
    inside = layer(file("before", "fine"), *entries)
    image = oci_layout(tmp_path / "layout", {"only": [inside]})
    told = await refused(tmp_path / "store", image)
    assert words in told
    assert digest(inside) in told
    assert not list((tmp_path / "store/layers").iterdir())
    assert not escaped()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([directory(f"n{number}") for number in range(128)], "more than 128 names in the image's /"),
        ([directory(f"var/n{number}") for number in range(129)], "more than 128 names in the image's /var"),
        ([file("\udcff")], "a name that is not UTF-8: /"),
        ([link("var/l", "\udcff")], "a link that is not UTF-8: /var/l"),
    ],
)
async def test_what_no_root_could_show_is_refused_too(tmp_path: Path, entries: list[Entry], words: str) -> None:
    """With /etc there is one name more."""
    image = oci_layout(tmp_path / "layout", {"only": [layer(*entries)]})
    assert words in await refused(tmp_path / "store", image)
    image = oci_layout(tmp_path / "fewer", {"only": [layer(*entries[1:])]})
    await unpack_image(str(tmp_path / "store"), str(image), [])


async def test_headers_that_lie(tmp_path: Path) -> None:
    whole = layer(file("a", "x" * 1000))
    lies = {
        "cut": (whole[:1024], "the archive ends after 512 of 1000 bytes"),
        "checksum": (whole[:148] + b"0000000" + whole[155:], "archive header checksum mismatch"),
        "noise": (os.urandom(512) + whole, "the archive cannot be read"),
        "size": (_with_size(whole, 1 << 45), "would leave less than 5 % of the store's file system free"),
        "base256": (_with_size(whole, (1 << 63) - 1), "would leave less than 5 %"),
    }
    for name, (data, words) in lies.items():
        image = oci_layout(tmp_path / name, {"only": [data]})
        assert words in await refused(tmp_path / "store", image), name


def _with_size(data: bytes, size: int) -> bytes:
    header = bytearray(data[:512])
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


async def test_digests_are_checked(tmp_path: Path) -> None:
    fine = layer(file("a", "1"))
    other = layer(file("a", "2"))
    image = oci_layout(tmp_path / "blob", {"only": [fine]})
    [blob] = (path for path in (image / "blobs/sha256").iterdir() if path.read_bytes().startswith(b"\x1f\x8b"))
    for content in (gzip.compress(other), blob.read_bytes() + b"\0", blob.read_bytes()[:-9], b""):
        blob.write_bytes(content)
        assert "the file's digest is sha256:" in await refused(tmp_path / "store", image)
    blob.unlink()
    assert "No such file" in await refused(tmp_path / "store", image)

    saved = docker_save(tmp_path / "saved.tar", {"x:1": [fine]})
    saved.write_bytes(saved.read_bytes().replace(fine, other))
    assert f"layer {digest(fine)}: the archive's digest is {digest(other)}" in await refused(tmp_path / "store", saved)
    assert not list((tmp_path / "store/layers").iterdir())

    for name in ("manifest", "config"):
        image = oci_layout(tmp_path / name, {"only": [fine]})
        for path in (image / "blobs/sha256").iterdir():
            if name == "manifest" and b'"layers": [' in path.read_bytes():
                path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaversion"))
            if name == "config" and b"diff_ids" in path.read_bytes():
                path.write_bytes(path.read_bytes().replace(b"4711", b"0000"))
        assert "its contents are others" in await refused(tmp_path / "store", image)


async def test_indexes_that_name_nothing_to_run(tmp_path: Path) -> None:
    fine = layer(file("a", "1"))
    image = oci_layout(tmp_path / "layout", {"one": [fine], "two": [fine]})
    assert "2 images in it, say which one as PATH:NAME; known are one, two" in await refused(tmp_path / "store", image)
    assert 'no image "three" for linux/amd64 in it, known are one, two' in await refused(
        tmp_path / "store", f"{image}:three"
    )
    index = json.loads((image / "index.json").read_text())
    escaping = {**index, "manifests": [{**index["manifests"][0], "digest": "sha256:../../../etc/passwd"}]}
    looping = {**index, "manifests": [_described(image, json.dumps(index).encode())] * 2}
    for content, words in [
        ("{", "index.json: EOF"),
        (json.dumps({"manifests": []}), "no image for linux/amd64"),
        (json.dumps(escaping), "expected sha256: and 64 hexadecimal digits"),
        (json.dumps(looping), "2 images in it"),
        ('{"x":' + "[" * 100_000, "EOF while parsing"),
    ]:
        (image / "index.json").write_text(content)
        assert words in await refused(tmp_path / "store", image)
    (image / "index.json").unlink()
    (image / "index.json").symlink_to("/etc/passwd")
    # With nothing that could be an index it is a directory like any other.
    found = await unpack_image(str(tmp_path / "store"), str(image), ["python3"])
    assert (found.layers, found.tools) == ([str(image)], {})
    with pytest.raises(OSError, match="a plain directory has no tags"):
        await unpack_image(str(tmp_path / "store"), f"{image}:three", [])


def _described(image: Path, content: bytes) -> dict[str, object]:
    (image / "blobs/sha256" / digest(content).removeprefix("sha256:")).write_bytes(content)
    return {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": digest(content),
        "size": len(content),
        "platform": {"architecture": "amd64", "os": "linux"},
    }


async def test_archives_that_are_none(tmp_path: Path) -> None:
    saved = docker_save(tmp_path / "saved.tar", {"x:1": [layer(file("a"))]})
    for name, data, words in [
        ("empty", b"", "not an archive"),
        ("short", b"1234", "not an archive"),
        ("noise", b"1" * 2048, "not an archive"),
        ("packed", gzip.compress(saved.read_bytes()), "compressed as a whole"),
        ("plain", layer(file("a")), "neither a docker save archive nor an OCI image layout"),
        ("climbing", _saved("../../../etc/passwd"), "no ../../../etc/passwd in it"),
    ]:
        (tmp_path / name).write_bytes(data)
        assert words in await refused(tmp_path / "store", tmp_path / name), name


def _saved(layer_name: str) -> bytes:
    config = json.dumps({"rootfs": {"diff_ids": [digest(b"")]}}).encode()
    manifest = json.dumps([{"Config": "config", "RepoTags": None, "Layers": [layer_name]}]).encode()
    return layer(file("config", config), file("manifest.json", manifest))


async def test_a_bomb_ends_at_what_the_store_can_spare(tmp_path: Path) -> None:
    # Zeros compress a thousandfold; on a small file system the bound is near.
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    with mounted("tmpfs", "size=16m,nr_inodes=1000,mode=0700", store):
        image = oci_layout(tmp_path / "bomb", {"only": [layer(*(file(f"{n}", bytes(4 << 20)) for n in range(5)))]})
        assert "would leave less than 5 % of the store's file system free" in await refused(store, image)
        image = oci_layout(tmp_path / "many", {"only": [layer(*(directory(f"d/{n}") for n in range(1000)))]})
        assert "No space left on device" in await refused(store, image)
        fits = oci_layout(tmp_path / "fits", {"only": [layer(file("a", bytes(4 << 20)))]})
        found = await unpack_image(str(store), str(fits), [])
        assert len(found.layers) == 1
        found.release()


async def test_what_is_taken_over_and_what_is_not(tmp_path: Path) -> None:
    inside = layer(
        directory("./"),
        file("suid", "x", 0o6755),
        directory("sticky", 0o7777),
        Entry("capable", pax=(("SCHILY.xattr.security.capability", "\1\0\0\2\0 \0\0"), ("SCHILY.xattr.user.x", "1"))),
        Entry("opaque", kind=tarfile.DIRTYPE, pax=(("SCHILY.xattr.trusted.overlay.opaque", "y"),)),
        special("dev/null", tarfile.CHRTYPE),
        special("dev/initctl", tarfile.FIFOTYPE),
        file("dev/.wh..wh.plnk"),
        file("deep/er/file", "implied directories"),
        file("twice", "1"),
        file("twice", "2"),
        link("turned", "/etc"),
        directory("turned"),
        file("turned/file"),
        link("self", "self", hard=False),
        file("l" * 200 + "/" + "m" * 200, "a long name"),
    )
    image = oci_layout(tmp_path / "layout", {"only": [inside]})
    found = await unpack_image(str(tmp_path / "store"), str(image), [])
    root = Path(found.layers[0])
    assert found.path == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert oct((root / "suid").stat().st_mode) == "0o100755"
    assert oct((root / "sticky").stat().st_mode) == "0o41777"
    assert os.listxattr(root / "capable") == []
    assert os.listxattr(root / "opaque") == []
    assert not (root / "dev").exists()
    assert (root / "deep/er/file").read_text() == "implied directories"
    assert oct((root / "deep").stat().st_mode) == "0o40755"
    assert (root / "twice").read_text() == "2"
    assert (root / "turned/file").exists()
    assert (root / "twice").stat().st_mtime == 1_000_000_000
    assert (root / ("l" * 200) / ("m" * 200)).read_text() == "a long name"


async def test_a_store_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    image = oci_layout(tmp_path / "layout", {"only": [layer(file("a"))]})
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o777)
    assert "others may write to the image store" in await refused(store, image)


async def test_a_file_system_without_whiteouts_says_what_to_do(tmp_path: Path) -> None:
    """As in a container, whose own root is an overlay."""
    for name in ("lower", "upper", "work", "store"):
        (tmp_path / name).mkdir()
    parts = ",".join(f"{name}={tmp_path / name.removesuffix('dir')}" for name in ("lowerdir", "upperdir", "workdir"))
    with mounted("overlay", parts, tmp_path / "store"):
        fine = oci_layout(tmp_path / "fine", {"only": [layer(file("a"))]})
        found = await unpack_image(str(tmp_path / "store"), str(fine), [])
        assert len(found.layers) == 1
        found.release()
        hiding = oci_layout(tmp_path / "hiding", {"only": [layer(file(".wh.a"))]})
        assert "keeps no whiteouts: set image_store to a directory" in await refused(tmp_path / "store", hiding)
