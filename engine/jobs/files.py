"""A program's files as a job takes them: names that stay where it may write, a number and a size that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.errors import BadInput
from engine.languages.language import Language
from engine.pool.job import JobFile
from engine.program import WRITABLE, Limits, Program
from engine.wire.decode import unicode

MAX_FILES: Final = 1000
# The names travel in one message, the files in another, as descriptors.
MAX_COLLECTED: Final = 64
MAX_COLLECTED_BYTES: Final = 32 << 10
_MAX_NAME_BYTES: Final = 255
_MAX_PATH_BYTES: Final = 2000
_PAGE_BYTES: Final = 4096
_WORK: Final = "/work"
_CONFINED: Final = ("/work/", "/tmp/")


def job_files(program: Program, language: Language, limits: Limits) -> list[JobFile]:
    """The source and the files sent along; raises BadInput for one that cannot be written where it is asked for."""
    source = unicode(language.opened(program.source), "source")
    files: list[JobFile] = [(f"{_WORK}/{language.source_name}", source, 0o644)]
    if program.files:
        files += _sent_along(program.files, language.source_name)
    _check_size(files, "files" if program.files else "source", limits)
    return files


def check_confined(files: Sequence[JobFile]) -> None:
    """Raises BadInput for a file where there is no directory of its own to have it."""
    for path, _, _ in files:
        if not path.startswith(_CONFINED):
            raise BadInput("files", path, 'runtime "landlock" has only /work and /tmp')


def _check_size(files: Sequence[JobFile], field: str, limits: Limits) -> None:
    # What does not fit must be refused here: in the sandbox it would look like a fault of ours.
    needed = _bytes_on_disk(files)
    if needed > limits.disk_bytes:
        raise BadInput(field, f"{needed} bytes", f"more than limits.disk_bytes, {limits.disk_bytes}")


def files_alone(sent: dict[str, bytes], limits: Limits) -> list[JobFile]:
    """The files sent along, where there is no source; raises BadInput."""
    files = _sent_along(sent, "")
    _check_size(files, "files", limits)
    return files


def with_room(limits: Limits, files: Sequence[JobFile], ours: Sequence[JobFile]) -> Limits:
    """The limits under which `ours` (a compiled program, a driver) fit beside the program's own `files`."""
    if _bytes_on_disk(files) + (more := _bytes_on_disk(ours)) <= limits.disk_bytes:
        return limits
    # What the program may write must not depend on how large our own part is.
    return msgspec.structs.replace(limits, disk_bytes=limits.disk_bytes + more)


def _bytes_on_disk(files: Sequence[JobFile]) -> int:
    # An inode counts like a page; so do the directories on the way, the first of which is there.
    return sum((path.count("/") - 1) * _PAGE_BYTES + len(content) for path, content, _ in files)


def _sent_along(sent: dict[str, bytes], source_name: str) -> list[JobFile]:
    if len(sent) > MAX_FILES:
        raise BadInput("files", len(sent), f"at most {MAX_FILES} files")
    source = f"{_WORK}/{source_name}"
    files: dict[str, JobFile] = {}
    directories: set[str] = set()
    for name, content in sent.items():
        path = place_of(name)
        if path == source or path in files:
            raise BadInput("files", name, "there is a file of that name already")
        files[path] = (path, content, 0o644)
        parts = path.split("/")
        directories.update("/".join(parts[:length]) for length in range(2, len(parts)))
    for path in directories:
        if path in files or path == source:
            raise BadInput("files", path.removeprefix(f"{_WORK}/"), "both a file and a directory")
    directories -= set(WRITABLE)
    if len(directories) > MAX_FILES:
        raise BadInput("files", len(directories), f"at most {MAX_FILES} directories")
    return list(files.values())


def place_of(name: str) -> str:
    """Where the file goes; raises BadInput if that is no file below a directory that programs may write to."""
    if name.endswith("/"):
        raise BadInput("files", name, "expected a file's path")
    _check_path(name, "files")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or name.endswith("/."):
        raise BadInput("files", name, "expected a file's path")
    path = "/".join(["" if name.startswith("/") else _WORK, *parts])
    if path.startswith("/run/shm/"):
        path = f"/dev/shm/{path.removeprefix('/run/shm/')}"
    if path == "/run/shm" or not any(path.startswith(f"{place}/") for place in WRITABLE):
        raise BadInput("files", name, f"expected a path relative to {_WORK}, or one below {', '.join(WRITABLE)}")
    return path


def collected_names(names: Sequence[str]) -> list[str]:
    """The paths to bring back, as asked for: relative to /work or absolute; raises BadInput."""
    if isinstance(names, str):
        raise BadInput("collect", names, "expected a list of paths")
    if len(names) > MAX_COLLECTED:
        raise BadInput("collect", len(names), f"at most {MAX_COLLECTED} paths")
    for name in names:
        _check_path(name, "collect")
    size_bytes = sum(len(name.encode()) for name in names)
    if size_bytes > MAX_COLLECTED_BYTES:
        raise BadInput("collect", f"{size_bytes} bytes", f"at most {MAX_COLLECTED_BYTES} bytes of paths")
    return list(dict.fromkeys(names))


def _check_path(name: str, field: str) -> None:
    if not name:
        raise BadInput(field, name, "expected a path")
    if "\0" in name:
        raise BadInput(field, name, "NUL in a path")
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise BadInput(field, name, "lone surrogates: not Unicode text") from None
    parts = encoded.split(b"/")
    if b".." in parts:
        raise BadInput(field, name, "'..' in a path")
    if len(encoded) > _MAX_PATH_BYTES or max(map(len, parts)) > _MAX_NAME_BYTES:
        raise BadInput(field, name, f"at most {_MAX_NAME_BYTES} bytes a name and {_MAX_PATH_BYTES} a path")
