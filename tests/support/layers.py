"""Random stacks of layers, and what an image's tree must be by the rules of the OCI specification.

The model writes one layer after the other into a single tree; nothing in it knows of overlays. Where the specification
leaves the choice to whoever unpacks, it does as Assay does: in what is refused, and in whose a directory without an
entry of its own is.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.support.images import Entry, layer

_FILE_BITS = 0o777
_DIRECTORY_BITS = 0o1777
_MAX_ID = 65_535
_MAX_NAME_BYTES = 255
# Few and short, so that entries meet; and some that could be taken for something else.
_PLAIN = ["a", "b", "c"]
_ODD = ["..a", ".a", ".wh", ".whb", "a b", "a:b,c", "b\\", "\udcff\u00e9", "line\n", "n" * _MAX_NAME_BYTES]
_NEVER = ["..", "n" * (_MAX_NAME_BYTES + 1)]
_HIDING = [".wh.a", ".wh.b", ".wh.c", ".wh..wh..opq", ".wh..wh..opq"]
_ODDLY_HIDING = [".wh..a", ".wh..wh.plnk", ".wh..wh.a", ".wh." + "n" * 251, ".wh.", ".wh..", ".wh..."]


class Refused(Exception):
    """The image is not taken."""


@dataclass
class Node:
    """What stands under a name; `layer` wrote it last."""

    kind: str
    layer: int
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    children: dict[str, Node] = field(default_factory=dict)

    def facts(self) -> tuple[object, ...]:
        """As `seen` tells them of a real one."""
        return (self.kind, self.mode, self.uid, self.gid, self.content)


def tree_of(layers: Sequence[Sequence[Entry]]) -> dict[str, tuple[object, ...]]:
    """Path and facts of everything in the image of these layers, the lowest first; raises Refused."""
    root = Node("directory", -1)
    for number, entries in enumerate(layers):
        for entry in entries:
            _Layer(root, number).add(entry)
    if not all(map(_is_text, root.children)):
        raise Refused("no text at the top")
    return dict(_paths(root, ""))


def _is_text(name: str) -> bool:
    return name.encode(errors="replace").decode() == name


def _paths(node: Node, place: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    for name, child in node.children.items():
        yield place + name, child.facts()
        yield from _paths(child, f"{place}{name}/")


@dataclass
class _Layer:
    root: Node
    number: int

    def add(self, entry: Entry) -> None:
        parts = _parts(entry.name)
        if not parts:
            if entry.kind != tarfile.DIRTYPE:
                raise Refused("no name")
            return
        *parents, name = parts
        if max(entry.uid, entry.gid) > _MAX_ID or any(part.startswith(".wh.") for part in parents):
            raise Refused(entry)
        if name.startswith(".wh."):
            self._hide(parents, name.removeprefix(".wh."))
            return
        if entry.kind == tarfile.DIRTYPE or (entry.kind == tarfile.REGTYPE and entry.name.endswith("/")):
            node = self._directory([*parents, name], replaces=True)
            node.mode, node.uid, node.gid = entry.mode & _DIRECTORY_BITS, entry.uid, entry.gid
            return
        if entry.kind == tarfile.LNKTYPE:
            new = self._target(entry.link)
        elif entry.kind == tarfile.SYMTYPE:
            new = Node("link", self.number, 0o777, entry.uid, entry.gid, entry.link.encode(errors="surrogateescape"))
        else:
            new = Node("file", self.number, entry.mode & _FILE_BITS, entry.uid, entry.gid, entry.content)
        directory = self._directory(parents)
        if self._ours(there := directory.children.get(name)) and there is not None and there.kind == "directory":
            raise Refused("both a directory and something else")
        directory.children[name] = new

    def _ours(self, node: Node | None) -> bool:
        return node is not None and node.layer == self.number

    def _directory(self, parts: Sequence[str], *, replaces: bool = False) -> Node:
        """The directory there, with those above it; made if it is not there or something else of lower layers."""
        node = self.root
        for index, part in enumerate(parts):
            there = node.children.get(part)
            if there is None or there.kind != "directory":
                if self._ours(there) and not (replaces and index == len(parts) - 1):
                    raise Refused("below a file or a link")
                node.children[part] = Node("directory", self.number)
            elif not self._ours(there):
                there.layer, there.mode, there.uid, there.gid = self.number, 0o755, 0, 0
            node = node.children[part]
        return node

    def _target(self, link: str) -> Node:
        """A file or link of this layer."""
        node: Node | None = self.root
        for part in _parts(link):
            if node is None or (node is not self.root and not self._ours(node)):
                break
            node = node.children.get(part)
        if node is None or not self._ours(node) or node.kind == "directory":
            raise Refused("a hard link to what is no file of the layer")
        return node

    def _hide(self, parents: Sequence[str], name: str) -> None:
        if name in ("", ".", ".."):
            raise Refused("a whiteout of nothing")
        if name == ".wh..opq":
            self._empty(self._directory(parents))
        elif not name.startswith(".wh."):
            directory = self._directory(parents)
            there = directory.children.get(name)
            if there is not None and self._ours(there):
                self._empty(there)
            else:
                directory.children.pop(name, None)

    def _empty(self, node: Node) -> None:
        """Takes away what lower layers have there."""
        node.children = {name: child for name, child in node.children.items() if self._ours(child)}
        for child in node.children.values():
            self._empty(child)


def _parts(name: str) -> list[str]:
    if name.startswith("/"):
        raise Refused("absolute")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if any(part == ".." or len(part.encode(errors="surrogateescape")) > _MAX_NAME_BYTES for part in parts):
        raise Refused("a name that cannot be")
    return parts


def archived(entries: Sequence[Entry]) -> bytes:
    """The layer of these entries."""
    return layer(*entries)


# Rare things are rare, or most stacks would be refused.
_parts_of_names = st.sampled_from(_PLAIN * 12 + _ODD)
_last_parts = st.sampled_from(_PLAIN * 16 + _ODD + _HIDING * 4 + _ODDLY_HIDING)
_rarely = st.integers(0, 99).map(lambda number: number == 99)
_contents = st.sampled_from([b"", b"1", b"2", b"x" * 1000])
_modes = st.sampled_from([0o755, 0o644, 0o600, 0, 0o4755, 0o7777, 0o100640])
_ids = st.sampled_from([0, 0, 0, 1000, _MAX_ID])
_kinds = st.sampled_from([tarfile.DIRTYPE] * 3 + [tarfile.REGTYPE] * 4 + [tarfile.SYMTYPE, tarfile.LNKTYPE])


@st.composite
def names(draw: st.DrawFn) -> str:
    parts = [*draw(st.lists(_parts_of_names, max_size=2)), draw(_last_parts)]
    if draw(_rarely):
        parts.insert(draw(st.integers(0, len(parts))), draw(st.sampled_from([*_NEVER, ".wh.a", ".", ""])))
    return draw(st.sampled_from(["", "", "", "./"])) + "/".join(parts)


@st.composite
def entry_lists(draw: st.DrawFn, sound: bool) -> list[Entry]:
    """The entries of one layer, that is taken if it is to be sound; hard links are mostly to what came before."""
    entries: list[Entry] = []
    for _ in range(draw(st.integers(0, 8))):
        kind, name, link = draw(_kinds), draw(names()), ""
        if kind == tarfile.REGTYPE and draw(_rarely):
            name += "/"
        if kind == tarfile.SYMTYPE:
            link = draw(st.sampled_from(["a", "b", "../b", "/etc", "c/a", "."]))
        files = [entry.name for entry in entries if entry.kind in (tarfile.REGTYPE, tarfile.SYMTYPE)]
        if kind == tarfile.LNKTYPE:
            if not files and not draw(_rarely):
                continue
            link = draw(names()) if not files or draw(_rarely) else draw(st.sampled_from(files))
        uid = _MAX_ID + 1 if draw(_rarely) else draw(_ids)
        content = draw(_contents) if kind == tarfile.REGTYPE else b""
        more = [*entries, Entry(name, content, kind, draw(_modes), link, uid, draw(_ids))]
        if not sound or _is_taken(more):
            entries = more
    return entries


def _is_taken(entries: Sequence[Entry]) -> bool:
    try:
        tree_of([entries])
    except Refused:
        return False
    return True


@st.composite
def stacks(draw: st.DrawFn) -> list[list[Entry]]:
    """One to four layers, the lowest first; sometimes one of them comes twice."""
    # What refuses one layer refuses all: left to chance, few trees would ever be seen.
    sound = draw(st.integers(0, 3)) < 3
    layers = draw(st.lists(entry_lists(sound), min_size=1, max_size=4))
    if len(layers) < 4 and draw(st.booleans()):
        layers.insert(draw(st.integers(0, len(layers))), draw(st.sampled_from(layers)))
    return layers
