"""One run as the sandbox takes it, and how it ended."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from engine.errors import SandboxError
from engine.languages.language import ENVIRONMENT
from engine.program import Limits, Outcome

CLOSED: Final = "the engine is closed"
# Of a run that others needed the memory of: nothing follows about its program.
EVICTED: Final[Literal["evicted"]] = "evicted"
# Of one that was evicted although all its memory was set aside: the kernel did, for want of memory elsewhere.
TAKEN_BACK: Final = "the sandbox took back memory that was set aside"

# Absolute path inside, content, mode.
JobFile = tuple[str, bytes, int]


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
    flavour: int | None = None
    environment: Sequence[str] = ENVIRONMENT


class Completion(Protocol):
    """How one job ended, as the native module tells it."""

    @property
    def run_id(self) -> int: ...
    @property
    def warm(self) -> bool: ...
    @property
    def fault(self) -> str | None: ...
    @property
    def blameless(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def signal(self) -> int | None: ...
    @property
    def stopped_by(self) -> Literal["cpu", "wall", "output", "cancel", "evicted"] | None: ...
    @property
    def cpu_seconds(self) -> float: ...
    @property
    def wall_seconds(self) -> float: ...
    @property
    def held_seconds(self) -> float: ...
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


class Joined(NamedTuple):
    """How two jobs ended that talked with each other.

    partner_first  the partner's end came before the other's
    left_alone     the other was ended by us, because its partner had ended badly
    """

    completion: Completion
    partner: Completion
    partner_first: bool
    left_alone: bool


def outcome_of(
    completion: Completion,
    queue_seconds: float,
    compiled: Outcome | None = None,
    not_enforced: tuple[str, ...] = (),
    *,
    left_alone: bool = False,
) -> Outcome:
    """The facts of a run that has been judged: a fault that is still there is the program's doing.

    left_alone  it was cancelled because the one that it talked with had gone
    """
    stopped_by = completion.stopped_by
    if stopped_by == "cancel":
        if not left_alone:
            # Whoever cancelled waits no longer, so this one was killed by an engine that is closing.
            raise SandboxError(CLOSED)
        stopped_by = None
    if stopped_by == EVICTED:
        raise SandboxError(TAKEN_BACK)
    faulted = completion.fault is not None
    return Outcome(
        started="warm" if completion.warm else "cold",
        exit_code=None if faulted else completion.exit_code,
        signal=completion.signal or signal.SIGKILL.value if faulted else completion.signal,
        stopped_by=stopped_by,
        cpu_seconds=completion.cpu_seconds,
        wall_seconds=completion.wall_seconds,
        queue_seconds=queue_seconds + completion.held_seconds,
        peak_memory_bytes=completion.peak_memory_bytes,
        oom_kills=completion.oom_kills,
        refused_processes=completion.refused_processes,
        stdout=completion.stdout,
        # One that never began has nothing to say for itself.
        stderr=completion.stderr or (f"assay: {completion.fault}\n".encode() if faulted else b""),
        stdout_truncated=completion.stdout_truncated,
        stderr_truncated=completion.stderr_truncated,
        files=dict(completion.files),
        channel=completion.channel,
        compile=compiled,
        not_enforced=not_enforced,
    )
