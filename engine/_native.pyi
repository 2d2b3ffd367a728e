"""The native module: the pool's client side, and pure functions; pyproject.toml names who may import it."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias, final

from typing_extensions import Buffer

__all__ = [
    "Completion",
    "Crun",
    "Pool",
    "RepeatDetector",
    "UnpackedImage",
    "__version__",
    "bare_runs",
    "build_profile",
    "cut_json",
    "cut_msgpack",
    "grade_answer",
    "grade_answers",
    "inspect_reference",
    "list_images",
    "prune_images",
    "read_answer",
    "repeat_peer",
    "static_program",
    "unpack_image",
]

__version__: str
build_profile: Literal["debug", "release"]

@final
class Completion:
    """How one job ended: either `fault` is set, or the rest is fact.

    fault is a sentence about ours (supervisor lost, keeper lost, a system call that failed): no verdict may follow.
    blameless: no program can have brought the fault about, for descriptors did not get through a socket.
    """

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

@final
class Crun:
    """The crun program at a path; `root` is the directory of its containers' state, None crun's own."""

    def __new__(cls, program: str, root: str | None) -> Crun: ...
    def __call__(
        self,
        operation: str,
        arguments: Sequence[str],
        *,
        stdin: int | bytes | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        capture: bool = False,
    ) -> tuple[int, str, bytes, bytes]:
        """Run `crun OPERATION ARGUMENTS` to its end (GIL released): exit code, crun's own message, stdout, stderr.

        Streams are descriptors; None is /dev/null, or with `capture` the stream comes back. Raises OSError if crun
        cannot be started.
        """

class _Limits(Protocol):
    """Seconds, bytes, numbers; `wall` is seconds too."""

    @property
    def cpu_seconds(self) -> float: ...
    @property
    def wall(self) -> float: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def output_bytes(self) -> int: ...
    @property
    def disk_bytes(self) -> int: ...
    @property
    def processes(self) -> int: ...
    @property
    def open_files(self) -> int: ...
    @property
    def cpus(self) -> float: ...

class _Job(Protocol):
    """What is to be run.

    image: index of the one in `images` that the program sees.
    flavour: index of the one in `flavours` that it may be a fork of; left aside where anything else differs.
    files: absolute path inside (below /work: the program's own; below /program: root's, read-only), content, mode.
    collect: paths to bring back, relative to /work or absolute inside; regular files only.
    channel: None, or what the program reads on fd 3; what it writes on fd 4 comes back as `Completion.channel`.
    """

    @property
    def image(self) -> int: ...
    @property
    def flavour(self) -> int | None: ...
    @property
    def argv(self) -> Sequence[str]: ...
    @property
    def environment(self) -> Sequence[str]: ...
    @property
    def files(self) -> Sequence[tuple[str, bytes, int]]: ...
    @property
    def collect(self) -> Sequence[str]: ...
    @property
    def stdin(self) -> bytes: ...
    @property
    def channel(self) -> bytes | None: ...
    @property
    def merge_stderr(self) -> bool: ...
    @property
    def limits(self) -> _Limits: ...

@final
class Pool:
    """Slots on this machine, behind one I/O thread and one supervisor process.

    Starting blocks (GIL released) until every slot is ready, and raises `PermissionError` or `OSError` whose text is
    one line that says what is missing and what to do. Methods may be called from any thread.
    """

    def __new__(
        cls,
        *,
        slots: int,
        cores: int,
        memory_bytes: int,
        state_dir: str,
        trees: Sequence[str],
        images: Sequence[Sequence[str]],
        flavours: Sequence[tuple[int, Sequence[str], Sequence[str], str, Sequence[str], Sequence[str]]],
        known: Sequence[bytes],
        uid_base: int,
        fresh: str,
        allow_degraded: bool,
        crun: str | None,
        scratch: str | None,
    ) -> Pool:
        """`state_dir` holds the lock files of running instances; `trees` are shown read-only at their own paths.

        cores: that all programs may use together; where more wants to run, wall limits leave out what waits for one.
        memory_bytes: that all programs may use together; where more is used, a run that uses more than was reserved for
            it is killed, `stopped_by` "evicted".

        images: the directories of each image's layers, the topmost first; an empty one is this machine's own trees.
        flavours: of Pythons that slots may keep ready: image, argv, environment, path of what they run, modules they
            import where these are there, and modules without which they are not ready.
        known: what a script below /program may be, which these Pythons compile ahead.
        crun: the path of the crun program that makes the slots, or None.
        scratch: the directory below which slots without namespaces have theirs, or None; with neither they are native.
        """

    def fileno(self) -> int:
        """An eventfd that is readable while completions wait (the caller reads it, then calls `completed`)."""

    def submit(self, job: _Job, reserved_bytes: int) -> int:
        """Hand one job over and return its run_id; at most `slots` may be under way.

        reserved_bytes: memory that it keeps whatever others need.

        Raises RuntimeError once closed.
        """

    def submit_joined(self, first: _Job, second: _Job, reserved_bytes: tuple[int, int]) -> tuple[int, int]:
        """Hand over two jobs, both or none, each of which reads what the other writes to its standard output.

        What one writes is kept and counted as always, and what it writes after the other's end too. Their `stdin` is
        left aside, and it ends with the other's run. Raises RuntimeError once closed.
        """

    def cancel(self, run_id: int) -> None:
        """Kill that run; its completion still comes, `stopped_by` "cancel". Unknown and finished ids are ignored."""

    def zygotes(self) -> list[tuple[int, int, str | None]]:
        """Of each flavour: Pythons that became ready, that were lost, and why the last of these."""

    def completed(self) -> list[Completion]:
        """Take what has ended since the last call."""

    def facts(self) -> dict[str, str]:
        """What the supervisor found at its start: instance, cgroup, rootfs, uids, seconds taken, and all pids."""

    def close(self) -> None:
        """Kill what runs, remove every trace, wait for the supervisor's end (at most 5 s, GIL released). Idempotent."""

_Graded: TypeAlias = tuple[Literal["correct", "incorrect", "undecided"], str | None, str | None]

def grade_answer(answers: Sequence[str], reference: str, declared: Mapping[str, object] | None = None) -> _Graded:
    """Verdict, how it was reached (where it is correct), reason (where it is not); GIL released, at most about 20 ms.

    answers: one, or the contents of several boxes in one breath.
    declared: every key of `engine.exact.Declared`, or None. Raises ValueError for a type that there is not.
    """

def grade_answers(pairs: Sequence[tuple[Sequence[str], str, Mapping[str, object] | None]]) -> list[_Graded]:
    """The same for many, in one stretch without the GIL."""

def inspect_reference(
    reference: str, declared: Mapping[str, object] | None = None
) -> tuple[str | None, str | None, str | None, str | None, int | None]:
    """Type, the value written back, what a decimal may be; or None thrice, why there is none, and at which byte."""

def read_answer(answer: str, reference: str, declared: Mapping[str, object] | None = None) -> tuple[bool, str]:
    """True and how an answer is read against that reference, or False and why it is not."""

def cut_json(text: bytes, piece_bytes: int) -> list[tuple[int, int, int, int]]:
    """Where to cut a large JSON text, so that no piece of a container is much longer than `piece_bytes`; GIL released.

    Rows of kind, from, to, count: 0 a list begins, 1 a map (under the key at from:to, if that is not empty), 2 `count`
    elements of it, 3 it ends. None at all if the text is small or no container. Raises ValueError that says where the
    structure is broken; what is in the pieces is not looked at.
    """

def cut_msgpack(text: bytes, piece_bytes: int) -> list[tuple[int, int, int, int]]:
    """The same for MessagePack."""

_Repeat: TypeAlias = tuple[Literal["loop", "near-loop", "certain"], int, int, int, int]

@final
class RepeatDetector:
    """Many sequences under the same rules. Every error is ValueError(field, value, message); the GIL is released.

    A repeat is a row of kind, at, start, period (0: none) and truncate_at, all counted in tokens.
    """

    def __new__(
        cls,
        *,
        loop_copies: int,
        loop_tokens: int,
        near_share: float,
        window: int,
        certain_tokens: int,
        certain_probability: float,
    ) -> RepeatDetector: ...
    def open(self, state: bytes | None = None) -> int:
        """The id of a new sequence, or of one that goes on from a `state`."""

    def feed(
        self,
        ids: Buffer | Sequence[int],
        tokens: Buffer | Sequence[int],
        offsets: Buffer | Sequence[int],
        logprobs: Buffer | Sequence[float] | None = None,
    ) -> list[tuple[int, _Repeat]]:
        """Feed ids[k] the tokens from offsets[k] up to offsets[k + 1]; those that repeat themselves from now on.

        Buffers (int32 or int64; float32 or float64) are read where they lie: nobody may write them meanwhile.
        """

    def told(self, sequence: int) -> _Repeat | None:
        """What was found so far."""

    def state(self, sequence: int) -> bytes: ...
    def close(self, sequence: int) -> None: ...
    def __len__(self) -> int: ...
    def memory_bytes(self) -> int:
        """What all sequences hold together."""

def repeat_peer(
    detector: RepeatDetector, peer: Literal["naive", "automaton"], tokens: Buffer | Sequence[int]
) -> tuple[float, int | None, int]:
    """What else could look for repeats, for the bench: seconds, the length at which it was told, bytes held.

    naive: rules 1 and 2, each period counted anew and every 16-gram kept. automaton: rule 2 by a suffix automaton.
    """

@final
class UnpackedImage:
    """An image that is ready: its layers' directories (the topmost first), its PATH, and where each tool is inside.

    Its layers are in use, so that nobody prunes them, until it is released or gone.
    """

    @property
    def layers(self) -> list[str]: ...
    @property
    def path(self) -> str: ...
    @property
    def tools(self) -> dict[str, str]: ...
    def release(self) -> None: ...

def unpack_image(store: str, reference: str, tools: Sequence[str]) -> UnpackedImage:
    """Make an image ready.

    reference: a directory, an OCI image layout or a docker save archive, as PATH or PATH:NAME.
    Blocks (GIL released) until every layer is in the store. Raises OSError whose text says what is wrong.
    """

def list_images(store: str, references: Sequence[str]) -> tuple[list[tuple[str, int, bool]], list[list[str] | str]]:
    """Digest, bytes and whether it is in use, of each layer in the store; and of each image the digests of its layers.

    An image that cannot be used has a sentence instead. Raises OSError if the store cannot be read.
    """

def prune_images(store: str) -> tuple[list[tuple[str, int, bool]], int, int]:
    """Remove the layers that nobody uses: these, the bytes of what killed processes had left, and how many are in use.

    Blocks (GIL released). Raises OSError.
    """

def bare_runs(argv: Sequence[str], in_flight: int, seconds: float) -> tuple[float, int, str, list[int]]:
    """Run a command with nothing of ours around it: posix_spawn, waitid, two pipes read to their end.

    An argument `{}` stands for a name that no other run has. Seconds taken, runs that failed, what the first of these
    said, and nanoseconds of each other run. Blocks for `seconds` (GIL released). Raises OSError if nothing can be run.
    """

def static_program() -> bytes:
    """The static program that is supervisor, keeper and probe: about 3 MB, copied with every call."""
