"""The programs that do nothing, and the least root file system that they need."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from engine.errors import CannotStart

Name = Literal["dynamic", "static"]
NAMES: Final[tuple[Name, ...]] = ("dynamic", "static")
SOURCE: Final = "int main(void) { return 0; }\n"
# Without a C library, so that it is the least that a program can be.
_STATIC: Final = """
__attribute__((noreturn)) void _start(void) {
#if defined(__x86_64__)
    __asm__ volatile("mov $231, %eax; xor %edi, %edi; syscall");
#elif defined(__aarch64__)
    __asm__ volatile("mov x8, #94; mov x0, #0; svc #0");
#endif
    __builtin_unreachable();
}
"""
_FLAGS: Final[dict[Name, tuple[str, ...]]] = {"dynamic": (), "static": ("-static", "-nostdlib", "-ffreestanding")}


class Programs(msgspec.Struct, frozen=True):
    """Where the programs are.

    directory  holds them, for peers that show a directory of this machine
    rootfs     holds them at its top, with the libraries that they need, and nothing else
    """

    directory: Path
    rootfs: Path

    def path(self, name: Name) -> str:
        """The program's own file on this machine."""
        return str(self.directory / name)

    def content(self, name: Name) -> bytes:
        """The program itself."""
        return (self.directory / name).read_bytes()


@contextlib.contextmanager
def programs() -> Iterator[Programs]:
    """Compile them; raises CannotStart without a compiler."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        place = Path(name)
        place.chmod(0o755)
        made = Programs(directory=place / "programs", rootfs=place / "rootfs")
        made.directory.mkdir()
        made.rootfs.mkdir()
        _compile(made.directory / "static", _STATIC, *_FLAGS["static"])
        _compile(made.directory / "dynamic", SOURCE, *_FLAGS["dynamic"])
        for program in NAMES:
            shutil.copy(made.path(program), made.rootfs / program)
        for library in _libraries(made.path("dynamic")):
            copy = made.rootfs / library.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)
        yield made


def _compile(path: Path, source: str, *flags: str) -> None:
    command = ["gcc", "-O2", *flags, "-x", "c", "-", "-o", str(path)]
    try:
        subprocess.run(command, input=source, text=True, check=True, capture_output=True)
    except FileNotFoundError:
        raise CannotStart("gcc is missing on this machine: apt-get install gcc libc6-dev") from None
    except subprocess.CalledProcessError as error:
        raise CannotStart(f"gcc cannot make {path.name}: {error.stderr.strip()[:200]}") from None


def _libraries(program: str) -> list[Path]:
    """The files that the dynamic linker maps, and the linker itself."""
    said = subprocess.run(["ldd", program], text=True, check=True, capture_output=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]
