"""Images out of this machine's own programs, for the tests that run something in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.images import directory, entries_of, file, layer, link, oci_layout

HELLO = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { char s[9]; read(0, s, 9); printf("%.9s\\n", s); }'


def built(source: str, place: Path, *compiler: str) -> bytes:
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs {compiler[0]}")
    subprocess.run([*compiler, "-O1", "-x", "c", "-o", place, "-"], input=source.encode(), check=True)
    return place.read_bytes()


def libraries(program: Path) -> list[Path]:
    """What the loader of a dynamic program needs, by the names that it asks for."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(word) for word in listed.split() if word.startswith("/")]


def glibc_layers() -> list[bytes]:
    """Layers of an image with bash and ls, and with files that its upper layers hide, replace and bring back."""
    bash, ls = Path("/usr/bin/bash"), Path("/usr/bin/ls")
    programs = [bash, ls, *sorted({*libraries(bash), *libraries(ls)})]
    data = [file(f"opt/{name}", f"{name} below") for name in ("kept", "gone", "changed")]
    lowest = layer(
        *entries_of(*programs),
        directory("opt"),
        *data,
        directory("opt/whole"),
        file("opt/whole/old", "1"),
        directory("opt/emptied"),
        file("opt/emptied/old", "1"),
        directory("opt/again"),
        file("opt/again/old", "1"),
        file("opt/rooted", "1", 0o600),
        file("opt/theirs", "1", 0o600, uid=1000, gid=1000),
        file("opt/suid", "1", 0o6755),
        link("opt/link", "kept"),
        link("opt/hard", "opt/kept", hard=True),
        directory("work"),
        file("work/hidden", "ours is on top"),
        file("hello", "at the top"),
        link("pointer", "opt/kept"),
    )
    middle = layer(
        file("opt/.wh.gone"),
        file("opt/.wh.whole"),
        file("opt/emptied/.wh..wh..opq"),
        file("opt/emptied/new", "2"),
        # Hidden and made anew by the same layer, whichever comes first.
        file("opt/.wh.again"),
        file("opt/again/new", "2"),
    )
    highest = layer(file("opt/changed", "changed above"), directory("opt/whole"), file("opt/whole/third", "3"))
    # The same layer twice, as builders leave empty ones.
    return [lowest, middle, layer(), highest, layer()]


def python_image(root: Path) -> Path:
    """A directory with an interpreter where no table would look for it; /etc and /home are missing."""
    interpreter = Path("/usr/bin/python3").resolve()
    for source in libraries(interpreter):
        target = root / str(source).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    (root / "usr/local/bin").mkdir(parents=True)
    shutil.copy(interpreter, root / "usr/local/bin/python3")
    library = Path(f"lib/{interpreter.name}")
    ignored = shutil.ignore_patterns("__pycache__", "test", "idlelib", "ensurepip", "dist-packages")
    shutil.copytree(Path("/usr") / library, root / "usr/local" / library, ignore=ignored)
    return root


def add_numpy(root: Path) -> None:
    """Puts this environment's numpy, and the libraries that its own need, into a `python_image`."""
    installed = Path(pytest.importorskip("numpy").__file__).parent.parent
    packages = root / "usr/local/lib" / Path("/usr/bin/python3").resolve().name / "dist-packages"
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(installed / name, packages / name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    for source in {path for compiled in (packages / "numpy").rglob("*.so") for path in libraries(compiled)}:
        target = root / str(source).lstrip("/")
        if not source.is_relative_to(packages) and not target.exists():
            shutil.copy(source, target)


def musl_image(root: Path) -> Path:
    """A program linked against musl, with musl's own loader, as the image of one layer."""
    root.mkdir()
    program = built(HELLO, root.parent / "hello-musl", "musl-gcc")
    static = built(HELLO, root.parent / "hello-static", "musl-gcc", "-static")
    loader = Path("/lib/ld-musl-x86_64.so.1")
    entries = [
        *entries_of(loader),
        directory("bin"),
        file("bin/hello", program, 0o755),
        file("bin/static", static, 0o755),
    ]
    return oci_layout(root / "layout", {"only": [layer(*entries)]})
