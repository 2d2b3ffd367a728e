"""The asyncio side of the native pool: jobs in, completions out, one reader for all of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

import msgspec

from engine.config import EngineConfig
from engine.crun import find_program
from engine.errors import CannotStart, SandboxError
from engine.files import JobFile
from engine.languages import ENVIRONMENT
from engine.program import Limits, Outcome
from engine.where import Outlook, place_of, read_facts

if TYPE_CHECKING:
    from engine import _native

CLOSED: Final = "the engine is closed"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as the sandbox takes it; paths are those inside."""

    argv: Sequence[str]
    limits: Limits
    files: Sequence[JobFile] = ()
    collect: Sequence[str] = ()
    stdin: bytes = b""
    channel: bytes | None = None
    merge_stderr: bool = False
    image: int = 0
    environment: Sequence[str] = ENVIRONMENT


class Completion(Protocol):
    """How one job ended, as the native module tells it."""

    @property
    def run_id(self) -> int: ...
    @property
    def fault(self) -> str | None: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def signal(self) -> int | None: ...
    @property
    def stopped_by(self) -> Literal["cpu", "wall", "output", "cancel"] | None: ...
    @property
    def cpu_seconds(self) -> float: ...
    @property
    def wall_seconds(self) -> float: ...
    @property
    def peak_memory_bytes(self) -> int: ...
    @property
    def oom_kills(self) -> int: ...
    @property
    def refused_processes(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...
    @property
    def stdout_truncated(self) -> bool: ...
    @property
    def stderr_truncated(self) -> bool: ...
    @property
    def channel(self) -> bytes: ...
    @property
    def files(self) -> list[tuple[str, bytes]]: ...


class Pool:
    """Runs at most `slots` jobs at once; its caller sees to that."""

    def __init__(self, native: _native.Pool) -> None:
        self._native = native
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[int, tuple[asyncio.Future[Completion], Callable[[], None]]] = {}
        self._readable = native.fileno()
        self._loop.add_reader(self._readable, self._take_completions)

    @classmethod
    async def start(cls, slots: int, config: EngineConfig, images: Sequence[Sequence[str]] = ((),)) -> Pool:
        """Make the slots; raises CannotStart with one line that says what to do.

        images  the layers of each, the topmost first; an empty one is this machine's own trees
        """
        module = _module()
        try:
            native = await asyncio.to_thread(
                module.Pool,
                slots=slots,
                state_dir=config.state_dir,
                trees=list(config.trees),
                images=images,
                uid_base=config.uid_base,
                fresh=config.fresh,
                allow_degraded=config.allow_degraded,
                crun=find_program() if config.runtime == "crun" else None,
            )
        except PermissionError as error:
            # The step that failed, then what would let it succeed here.
            place = place_of(read_facts())
            way_out = "; or allow it without, with --allow-degraded" if place.outlook is Outlook.DEGRADED else ""
            raise CannotStart(f"{error}; {place}{way_out}") from error
        except OSError as error:
            raise CannotStart(str(error)) from error
        return cls(native)

    async def run(self, job: Job, ended: Callable[[], None]) -> Completion:
        """Run one job; `ended` is called when its slot is free, however that comes.

        Cancelling kills the program; its slot is free a moment later. Raises SandboxError once closed.
        """
        limits = job.limits
        future: asyncio.Future[Completion] = self._loop.create_future()
        run_id = None
        try:
            run_id = self._native.submit(
                image=job.image,
                argv=job.argv,
                env=job.environment,
                files=job.files,
                collect=job.collect,
                stdin=job.stdin,
                channel=job.channel,
                merge_stderr=job.merge_stderr,
                cpu_seconds=limits.cpu_seconds,
                wall_seconds=limits.wall,
                memory_bytes=limits.memory_bytes,
                output_bytes=limits.output_bytes,
                disk_bytes=limits.disk_bytes,
                processes=limits.processes,
                open_files=limits.open_files,
                cpus=limits.cpus,
            )
        except (RuntimeError, OSError) as error:
            raise SandboxError(str(error)) from error
        finally:
            if run_id is None:
                ended()
        self._under_way[run_id] = (future, ended)
        try:
            return await future
        except asyncio.CancelledError:
            self._native.cancel(run_id)
            raise

    def facts(self) -> dict[str, str]:
        """What the supervisor found at start."""
        return self._native.facts()

    async def close(self) -> None:
        """Kill what runs and remove every trace; whoever still waits for a run gets SandboxError."""
        self._loop.remove_reader(self._readable)
        try:
            await asyncio.to_thread(self._native.close)
        finally:
            for future, ended in self._under_way.values():
                ended()
                if not future.done():
                    future.set_exception(SandboxError(CLOSED))
            self._under_way.clear()

    def _take_completions(self) -> None:
        try:
            os.eventfd_read(self._readable)
        except BlockingIOError:
            return
        for completion in self._native.completed():
            future, ended = self._under_way.pop(completion.run_id)
            ended()
            if not future.done():
                future.set_result(completion)


def outcome_of(
    completion: Completion,
    queue_seconds: float,
    compiled: Outcome | None = None,
    not_enforced: tuple[str, ...] = (),
) -> Outcome:
    """The facts of a run that has been judged: a fault that is still there is the program's doing."""
    stopped_by = completion.stopped_by
    if stopped_by == "cancel":
        # Whoever cancelled waits no longer, so this one was killed by an engine that is closing.
        raise SandboxError(CLOSED)
    faulted = completion.fault is not None
    return Outcome(
        exit_code=None if faulted else completion.exit_code,
        signal=completion.signal or signal.SIGKILL.value if faulted else completion.signal,
        stopped_by=stopped_by,
        cpu_seconds=completion.cpu_seconds,
        wall_seconds=completion.wall_seconds,
        queue_seconds=queue_seconds,
        peak_memory_bytes=completion.peak_memory_bytes,
        oom_kills=completion.oom_kills,
        refused_processes=completion.refused_processes,
        stdout=completion.stdout,
        stderr=completion.stderr,
        stdout_truncated=completion.stdout_truncated,
        stderr_truncated=completion.stderr_truncated,
        files=dict(completion.files),
        channel=completion.channel,
        compile=compiled,
        not_enforced=not_enforced,
    )


def static_program() -> bytes:
    """The static program, whose probes the self-test sends into slots."""
    from engine import _native

    return _native.static_program()


async def bare_runs(argv: Sequence[str], in_flight: int, seconds: float) -> tuple[float, int, str, list[int]]:
    """Seconds, errors, first error and nanoseconds per run of a command with nothing around it, the floor of benches.

    Raises CannotStart for a debug build, whose numbers would mean nothing, and OSError if the command cannot run.
    """
    from engine import _native

    if _native.build_profile != "release":
        raise CannotStart("the native module is a debug build: its numbers mean nothing, build it with `make build`")
    return await asyncio.to_thread(_native.bare_runs, argv, in_flight, seconds)


# Of the native module, which is not there where only clients run.
UnpackedImage: TypeAlias = "_native.UnpackedImage"


async def unpack_image(store: str, place: str, tools: Sequence[str]) -> UnpackedImage:
    """The image at `place`, unpacked into `store`; raises OSError that says what is wrong."""
    image: UnpackedImage = await asyncio.to_thread(_module().unpack_image, store, place, tools)
    return image


def list_images(store: str, places: Sequence[str]) -> tuple[list[tuple[str, int, bool]], list[list[str] | str]]:
    """Digest, bytes and use of each layer in the store, and the digests of each image or why it has none.

    Raises OSError if the store cannot be read.
    """
    listed: tuple[list[tuple[str, int, bool]], list[list[str] | str]] = _module().list_images(store, places)
    return listed


def prune_images(store: str) -> tuple[list[tuple[str, int, bool]], int, int]:
    """Remove the layers that no engine uses: these, the bytes of half ones, and how many are in use; raises OSError."""
    pruned: tuple[list[tuple[str, int, bool]], int, int] = _module().prune_images(store)
    return pruned


def _module() -> ModuleType:
    try:
        from engine import _native
    except ImportError as error:
        raise CannotStart(
            f"the engine runs on Linux with the native module, which is not here ({error}); "
            "the clients need neither: connect to a daemon"
        ) from None
    return _native
