"""Writes images: OCI layouts and `docker save` archives out of tar entries, with nothing but the standard library."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_BLOCK_BYTES = 100_000


@dataclass(frozen=True)
class Entry:
    """One entry of a layer; `pax` are records of an extended header before it."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    link: str = ""
    uid: int = 0
    gid: int = 0
    pax: tuple[tuple[str, str], ...] = ()


def file(name: str, content: bytes | str = b"", mode: int = 0o644, **more: Any) -> Entry:
    return Entry(name, content.encode() if isinstance(content, str) else content, mode=mode, **more)


def directory(name: str, mode: int = 0o755, **more: Any) -> Entry:
    return Entry(name, kind=tarfile.DIRTYPE, mode=mode, **more)


def link(name: str, target: str, *, hard: bool = False) -> Entry:
    return Entry(name, kind=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, mode=0o777, link=target)


def layer(*entries: Entry) -> bytes:
    """An uncompressed archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.size, info.type, info.mode, info.linkname = len(entry.content), entry.kind, entry.mode, entry.link
            info.uid, info.gid, info.mtime = entry.uid, entry.gid, 1_000_000_000
            info.pax_headers = dict(entry.pax)
            tar.addfile(info, io.BytesIO(entry.content))
    return archive.getvalue()


def plain(data: bytes) -> bytes:
    return data


def gzipped(data: bytes) -> bytes:
    """Two members: what comes after the first counts too."""
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)


def zstd(data: bytes) -> bytes:
    """A skippable frame and two frames of stored blocks."""
    half = len(data) // 2
    skipped = b"\x50\x2a\x4d\x18" + len(b"note").to_bytes(4, "little") + b"note"
    return skipped + _zstd_frame(data[:half]) + _zstd_frame(data[half:])


def _zstd_frame(data: bytes) -> bytes:
    # One segment with its size in four bytes; a block's header is last, type 0 (stored) and size.
    frame = ZSTD_MAGIC + b"\xa0" + len(data).to_bytes(4, "little")
    starts = range(0, len(data), _ZSTD_BLOCK_BYTES) or range(1)
    for start in starts:
        block = data[start : start + _ZSTD_BLOCK_BYTES]
        last = start + _ZSTD_BLOCK_BYTES >= len(data)
        frame += (len(block) << 3 | last).to_bytes(3, "little") + block
    return frame


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _config(layers: Sequence[bytes], env: Sequence[str], architecture: str) -> bytes:
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": list(env), "User": "4711", "Entrypoint": ["/never"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(data) for data in layers]},
        }
    ).encode()


def oci_layout(
    path: Path,
    images: dict[str, Sequence[bytes]],
    *,
    compress: Callable[[bytes], bytes] = gzipped,
    env: Sequence[str] = (),
    architecture: str = "amd64",
) -> Path:
    """An image layout that holds the layers (the lowest first) of each tag."""
    blobs = path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(media_type: str, data: bytes) -> dict[str, Any]:
        name = digest(data)
        (blobs / name.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": name, "size": len(data)}

    manifests = []
    for tag, layers in images.items():
        manifest = {
            "schemaVersion": 2,
            "config": blob("config.v1+json", _config(layers, env, architecture)),
            "layers": [blob("layer.v1.tar", compress(data)) for data in layers],
        }
        described = blob("manifest.v1+json", json.dumps(manifest).encode())
        manifests.append({**described, "annotations": {"org.opencontainers.image.ref.name": tag}})
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return path


def docker_save(path: Path, images: dict[str, Sequence[bytes]], *, env: Sequence[str] = ()) -> Path:
    """An archive as `docker save` wrote it before it wrote image layouts too."""
    members: dict[str, bytes] = {}
    manifest = []
    for tag, layers in images.items():
        config = _config(layers, env, "amd64")
        config_name = digest(config).removeprefix("sha256:") + ".json"
        names = [f"{digest(data).removeprefix('sha256:')}/layer.tar" for data in layers]
        members |= {config_name: config, **dict(zip(names, layers, strict=True))}
        manifest.append({"Config": config_name, "RepoTags": [tag], "Layers": names})
    members["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def entries_of(*paths: Path, below: str = "") -> Iterable[Entry]:
    """Files of this machine at their own paths, with their directories."""
    seen: set[Path] = set()
    for path in paths:
        for parent in reversed(path.parents):
            if parent != Path("/") and parent not in seen:
                seen.add(parent)
                yield directory(below + str(parent).lstrip("/"))
        yield file(below + str(path).lstrip("/"), path.resolve().read_bytes(), path.stat().st_mode & 0o777)
