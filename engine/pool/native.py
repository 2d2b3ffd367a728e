"""The door to the native module: nothing else of the sandbox imports it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from engine.errors import CannotStart

if TYPE_CHECKING:
    from engine import _native


def static_program() -> bytes:
    """The static program, whose probes the self-test sends into slots."""
    program: bytes = module().static_program()
    return program


async def bare_runs(argv: Sequence[str], in_flight: int, seconds: float) -> tuple[float, int, str, list[int]]:
    """Seconds, errors, first error and nanoseconds per run of a command with nothing around it, the floor of benches.

    Raises CannotStart for a debug build, whose numbers would mean nothing, and OSError if the command cannot run.
    """
    native = module()
    if native.build_profile != "release":
        raise CannotStart("the native module is a debug build: its numbers mean nothing, build it with `make build`")
    ran: tuple[float, int, str, list[int]] = await asyncio.to_thread(native.bare_runs, argv, in_flight, seconds)
    return ran


# Of the native module, which is not there where only clients run.
NativePool: TypeAlias = "_native.Pool"
UnpackedImage: TypeAlias = "_native.UnpackedImage"


async def unpack_image(store: str, place: str, tools: Sequence[str]) -> UnpackedImage:
    """The image at `place`, unpacked into `store`; raises OSError that says what is wrong."""
    image: UnpackedImage = await asyncio.to_thread(module().unpack_image, store, place, tools)
    return image


def list_images(store: str, places: Sequence[str]) -> tuple[list[tuple[str, int, bool]], list[list[str] | str]]:
    """Digest, bytes and use of each layer in the store, and the digests of each image or why it has none.

    Raises OSError if the store cannot be read.
    """
    listed: tuple[list[tuple[str, int, bool]], list[list[str] | str]] = module().list_images(store, places)
    return listed


def prune_images(store: str) -> tuple[list[tuple[str, int, bool]], int, int]:
    """Remove the layers that no engine uses: these, the bytes of half ones, and how many are in use; raises OSError."""
    pruned: tuple[list[tuple[str, int, bool]], int, int] = module().prune_images(store)
    return pruned


def module() -> ModuleType:
    """The native module; raises CannotStart where it is not."""
    try:
        return import_module("engine._native")
    except ImportError as error:
        raise CannotStart(
            f"the engine runs on Linux with the native module, which is not here ({error}); "
            "the clients need neither: connect to a daemon"
        ) from None
