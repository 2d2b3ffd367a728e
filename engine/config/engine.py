"""The configuration: a TOML file into frozen dataclasses; a key that is not known is an error that names it."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import tempfile
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from engine.errors import BadInput, CannotStart
from engine.machine import resources
from engine.program import MIB, Limits

_T = TypeVar("_T")
HOST: Final = "host"
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MODULE_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_GIB: Final = 1024 * MIB
_MEMORY_SHARE: Final = 0.8
# A keeper, the child that it has parked, and Pythons that are kept ready.
_OURS_IN_A_SLOT: Final = 4
_LEAST: Final = {
    "slots": 1,
    "memory_bytes": 64 * MIB,
    "uid_base": 1,
    "queue_runs": 0,
    "queue_bytes": 1,
    "store_bytes": 0,
}
Runtime = Literal["native", "crun", "landlock"]
RUNTIMES: Final[tuple[Runtime, ...]] = typing.get_args(Runtime)
Fresh = Literal["proved", "always"]


class Warm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of Python that slots keep ready: with these modules imported, beside the usual ones of the library."""

    preload: tuple[str, ...]


def _ceilings() -> Limits:
    return Limits(
        cpu_seconds=600,
        wall_seconds=1800,
        memory_bytes=16 * _GIB,
        output_bytes=64 * MIB,
        disk_bytes=4 * _GIB,
        processes=1024,
        open_files=4096,
        cpus=64,
    )


def _compile_limits() -> Limits:
    return Limits(cpu_seconds=20, wall_seconds=30, memory_bytes=_GIB, output_bytes=64 << 10)


def _state_dir() -> str:
    """/run/assay for root, else below the directory that systemd makes for each user who is logged in."""
    if sys.platform == "win32":
        raise CannotStart("the engine runs on Linux, not on Windows itself: connect to a daemon, or use WSL2")
    if os.geteuid() == 0:
        return "/run/assay"
    return f"{os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.getuid()}'}/assay"


def _image_store() -> str:
    """A directory that outlives restarts."""
    if os.geteuid() == 0:
        return "/var/lib/assay/images"
    return f"{os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'}/assay/images"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """How the engine runs programs.

    slots           Programs that may be live at once, many more than cores; the default is the machine's answer.
    memory_bytes    Memory that all programs together may use; the default is four fifths of the machine's.
    state_dir       Locks, and what the self-test proved; /run/assay, or $XDG_RUNTIME_DIR/assay without root.
    trees           Directories of this machine that programs see, read-only, at their own paths.
    rootfs          What programs see that name no image: "host", those trees; or the name or the place of an image.
    images          Images by name, each a directory, an OCI layout or a docker save archive as PATH[:NAME], or "host".
    image_store     Where the layers of images are kept, unpacked; it outlives restarts.
    runtime         What slots are: namespaces, used again ("native"); containers, used once ("crun"); or "landlock".
    scratch_dir     Directory below which programs have their files where the runtime is "landlock"; $TMPDIR, or /tmp.
    warm_start      Python programs begin as forks of an interpreter that has started and imported already.
    warm            Kinds of it by name, each with modules to preload; programs that import one of these are its forks.
    fresh           What is made new after a run: what cannot prove it was left alone ("proved"), or all ("always").
    uid_base        First of the user ids that root's slots use, 65,536 each; other users' come from /etc/subuid.
    queue_runs      Requests that may wait; one more is refused at once.
    queue_bytes     Bytes of sources, files and inputs that all requests together may hold.
    store_bytes     Bytes of compile results that are kept.
    allow_degraded  Start even where a limit does not bite; every reply then says which.
    limits          Limits of a run that names none of its own.
    compile_limits  Limits of a compile step that names none of its own.
    ceilings        The most that a request may ask for, each limit by itself.
    """

    slots: int | None = None
    memory_bytes: int | None = None
    state_dir: str = dataclasses.field(default_factory=_state_dir)
    trees: tuple[str, ...] = ("/usr",)
    rootfs: str = HOST
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)
    image_store: str = dataclasses.field(default_factory=_image_store)
    runtime: Runtime = "native"
    scratch_dir: str = dataclasses.field(default_factory=tempfile.gettempdir)
    warm_start: bool = True
    warm: Mapping[str, Warm] = dataclasses.field(default_factory=dict)
    fresh: Fresh = "proved"
    uid_base: int = 1_879_048_192
    queue_runs: int = 4096
    queue_bytes: int = 256 * MIB
    store_bytes: int = 256 * MIB
    allow_degraded: bool = False
    limits: Limits = dataclasses.field(default_factory=Limits)
    compile_limits: Limits = dataclasses.field(default_factory=_compile_limits)
    ceilings: Limits = dataclasses.field(default_factory=_ceilings)

    def __post_init__(self) -> None:
        for name, known in (("runtime", RUNTIMES), ("fresh", typing.get_args(Fresh))):
            if (value := getattr(self, name)) not in known:
                raise BadInput(name, value, f"expected {' or '.join(known)}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise BadInput(name, value, f"expected at least {least}")
        for name, place in self.images.items():
            if not _IMAGE_NAME.fullmatch(name):
                raise BadInput(f"images.{name}", place, "expected a name of letters, digits and . _ -")
            if name == HOST and place != HOST:
                raise BadInput(f"images.{name}", place, "this name is this machine's own trees")
        if self.runtime == "landlock":
            for name, place in (("rootfs", self.rootfs), *((f"images.{name}", at) for name, at in self.images.items())):
                if place != HOST:
                    raise BadInput(name, place, 'runtime "landlock" shows this machine\'s own trees only')
        for name, warm in self.warm.items():
            for module in warm.preload:
                if not _MODULE_NAME.fullmatch(module):
                    raise BadInput(f"warm.{name}.preload", module, "expected the name of a module")
            if not warm.preload:
                raise BadInput(f"warm.{name}.preload", [], "expected names of modules")
        if Path(self.state_dir).resolve() in (store := Path(self.image_store).resolve(), *store.parents):
            raise BadInput("image_store", self.image_store, f"below state_dir {self.state_dir}, which slots do not see")
        check_ceilings(self.limits, self.ceilings)
        check_ceilings(self.compile_limits, self.ceilings, "compile_limits")


class Room(msgspec.Struct, frozen=True):
    """What all programs that run at once may use together; the queue sees to it."""

    memory_bytes: int
    processes: int


def room_for_programs(config: EngineConfig, slots: int) -> Room:
    """What programs may use here; raises CannotStart where the machine cannot even have so many slots."""
    processes = resources.pid_max() // 2
    if slots * _OURS_IN_A_SLOT > processes:
        raise CannotStart(
            f"{slots} slots have more processes of their own than half of kernel.pid_max: "
            f"use fewer slots, or raise it with sysctl kernel.pid_max"
        )
    memory_bytes = config.memory_bytes or int(resources.memory_bytes() * _MEMORY_SHARE)
    return Room(memory_bytes, processes - slots * _OURS_IN_A_SLOT)


def ceilings_here(config: EngineConfig, room: Room) -> Limits:
    """The configured ceilings, lowered to what there is room for; raises CannotStart if the defaults do not fit."""
    for name, most in (("processes", room.processes), ("memory_bytes", room.memory_bytes)):
        if (value := getattr(config.limits, name)) > most:
            raise CannotStart(f"limits.{name} {value}: all programs together have {most} here")
    return msgspec.structs.replace(
        config.ceilings,
        processes=min(config.ceilings.processes, room.processes),
        memory_bytes=min(config.ceilings.memory_bytes, room.memory_bytes),
    )


def check_ceilings(limits: Limits, ceilings: Limits, field: str = "limits") -> None:
    """Raises BadInput if a limit is above its ceiling."""
    for name in Limits.__struct_fields__:
        value, ceiling = getattr(limits, name), getattr(ceilings, name)
        if value is not None and ceiling is not None and value > ceiling:
            unit = {"bytes": " bytes", "seconds": " s"}.get(name.rpartition("_")[2], "")
            raise BadInput(f"{field}.{name}", value, f"the ceiling here is {ceiling}{unit}")
