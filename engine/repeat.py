"""Where a sequence of tokens, or a text, begins to repeat itself.

A sequence is told once, at the first token at which a rule holds: a short period that is kept up ("loop"), too many
16-grams that were there shortly before ("near-loop"), or, where log-probabilities are given, a model that has been
certain for too long ("certain"). What is told was compared token by token, never by hashes alone: see native/src/repeat
for how, and docs/python.md for what is missed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

import msgspec

from engine.errors import BadInput, CannotStart

if TYPE_CHECKING:
    from typing_extensions import Buffer

# What is longer is cut, so that a loop without spaces has tokens too. A sign that is drawn out, like a line under a
# heading, is one token in a model's tokens as well.
_WORDS: Final = re.compile(r"\s{0,8}(?:[A-Za-z_]{1,16}|[0-9]{1,3}|(\S)\1{0,15})|\s{1,8}")
_BIG: Final = 1 << 31


class _Tensor(Protocol):
    """What torch's tensors have."""

    def numpy(self) -> Any: ...


class _Array(Protocol):
    """What numpy's arrays have; that they are buffers their types do not say before Python 3.12."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


_Row: TypeAlias = tuple[Literal["loop", "near-loop", "certain"], int, int, int, int]
Integers: TypeAlias = "Buffer | _Array | _Tensor | Sequence[int]"
Floats: TypeAlias = "Buffer | _Array | _Tensor | Sequence[float]"


class RepeatRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The thresholds; a sequence repeats itself once one of the three rules holds.

    loop_copies          loop: copies in a row of the same 1 to 64 tokens, the first included, and
    loop_tokens          tokens after the first copy
    near_share           near-loop: share of the last `window` tokens that end a 16-gram which was there before, and
    window               tokens that are looked back, for both; a power of two from 256 to 32,768
    certain_tokens       certain: tokens in a row, and
    certain_probability  what the sampler gave each of them more than

    Raises BadInput for a value of the wrong type; what else is wrong, RepeatDetector says.
    """

    loop_copies: int = 4
    loop_tokens: int = 64
    near_share: float = 0.6
    window: int = 4096
    certain_tokens: int = 3000
    certain_probability: float = 0.99

    def __post_init__(self) -> None:
        for name in ("loop_copies", "loop_tokens", "window", "certain_tokens"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value < _BIG:
                raise BadInput(f"rules.{name}", value, f"expected a whole number below {_BIG}")
        for name in ("near_share", "certain_probability"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise BadInput(f"rules.{name}", value, "expected a number from 0 to 1")


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """What repeats itself. Places count tokens from the start of the sequence; for a text, characters.

    kind         the rule that held
    at           how many had been fed when it first held
    start        where the first copy begins (loop), what was there before (near-loop), or the certain stretch
    period       of a loop; None for the others
    truncate_at  the end of the first copy: what is before it is no repeat
    """

    kind: Literal["loop", "near-loop", "certain"]
    at: int
    start: int
    period: int | None
    truncate_at: int


class RepeatDetector:
    """Looks at many sequences, each under the id that `open` gave; calls may come from any thread.

    A sequence costs 6 KiB at first and 82 KiB from 2,049 tokens on, with the default window.
    Raises BadInput for rules that make no sense together.
    """

    def __init__(self, rules: RepeatRules | None = None) -> None:
        # Imported when it is needed: what only asks a daemon must do without.
        from engine import _native

        self.rules = rules or RepeatRules()
        try:
            self._native = _native.RepeatDetector(**msgspec.structs.asdict(self.rules))
        except ValueError as error:
            field, _, message = error.args
            raise BadInput(f"rules.{field}", getattr(self.rules, field), message) from None

    def open(self, state: bytes | None = None) -> int:
        """The id of a new sequence, or of one that goes on from where `state` was taken.

        Raises BadInput if `state` is damaged, of another version, or was taken under other rules.
        """
        if state is not None and not isinstance(state, bytes):
            raise BadInput("state", state, "expected bytes")
        try:
            return self._native.open(state)
        except ValueError as error:
            raise BadInput(*error.args) from None

    def feed(
        self, ids: Integers, tokens: Integers, offsets: Integers, logprobs: Floats | None = None
    ) -> list[tuple[int, Repeat]]:
        """Feed many sequences; the ids of those that repeat themselves from now on, and what was found.

        ids       [n]; one may come several times
        tokens    [sum of all], the sequences' one behind the other: int32 or int64, 0 to 2**32 - 1
        offsets   [n + 1]; those of ids[k] are tokens[offsets[k]:offsets[k + 1]]
        logprobs  [sum of all], natural logarithms: float32 or float64; without them, or where one is nan, no token
                  counts as certain

        Arrays of numpy, tensors of torch on the CPU and array.array are read where they lie, which nobody may write
        meanwhile; the GIL is released. Lists are copied. Sequences that were told already are passed over. Raises
        BadInput, and then nothing was fed.
        """
        try:
            told = self._native.feed(
                _plain("ids", ids),
                _plain("tokens", tokens),
                _plain("offsets", offsets),
                None if logprobs is None else _plain("logprobs", logprobs),
            )
        except ValueError as error:
            raise BadInput(*error.args) from None
        return [(sequence, _repeat(row)) for sequence, row in told]

    def feed_one(self, sequence: int, tokens: Integers, logprobs: Floats | None = None) -> Repeat | None:
        """The same for one sequence: what was found if it repeats itself from now on."""
        given = _plain("tokens", tokens)
        if not hasattr(given, "__len__"):
            raise BadInput("tokens", given, "expected a list or an array of int32 or int64")
        told = self.feed([sequence], given, [0, len(given)], logprobs)
        return told[0][1] if told else None

    def repeat(self, sequence: int) -> Repeat | None:
        """What was found in that sequence so far. Raises BadInput for an unknown id."""
        row = self._of(self._native.told, sequence)
        return None if row is None else _repeat(row)

    def state(self, sequence: int) -> bytes:
        """The sequence as bytes, at most 17 KiB with the default window, for `open`. Raises BadInput."""
        state: bytes = self._of(self._native.state, sequence)
        return state

    def close(self, sequence: int) -> None:
        """Forget the sequence; its id is never given again. Raises BadInput for an unknown id."""
        self._of(self._native.close, sequence)

    def __len__(self) -> int:
        """Sequences that are open."""
        return len(self._native)

    @property
    def memory_bytes(self) -> int:
        """What all sequences together hold."""
        return self._native.memory_bytes()

    @staticmethod
    def _of(method: Any, sequence: int) -> Any:
        try:
            return method(sequence)
        except (TypeError, OverflowError):
            raise BadInput("sequence", sequence, "expected the id of an open sequence") from None
        except ValueError as error:
            raise BadInput(*error.args) from None


def repeats_in_text(text: str, rules: RepeatRules | None = None) -> Repeat | None:
    """What a text repeats, by the rules for tokens: its words, digits and signs, each with the space before it.

    Places are characters. Words stand nearer to a model's tokens, for which the thresholds are, than characters: a
    period of 64 characters is shorter than a sentence. Linear time.
    """
    known: dict[str, int] = {}
    tokens, ends = [], [0]
    for found in _WORDS.finditer(text):
        tokens.append(known.setdefault(found[0], len(known)))
        ends.append(found.end())
    detector = RepeatDetector(rules)
    repeat = detector.feed_one(detector.open(), tokens)
    if repeat is None:
        return None
    start, truncate_at = ends[repeat.start], ends[repeat.truncate_at]
    return Repeat(
        kind=repeat.kind,
        at=ends[repeat.at],
        start=start,
        period=None if repeat.period is None else truncate_at - start,
        truncate_at=truncate_at,
    )


def measured_peer(peer: Literal["naive", "automaton"], tokens: Sequence[int]) -> tuple[float, int | None, int]:
    """For benches: seconds that another way takes for `tokens`, where it told something, and the bytes it holds.

    naive: the first two rules, each period counted anew for every token and every 16-gram kept. automaton: a suffix
    automaton of all tokens, asked for 16-grams alone. Raises CannotStart for a debug build, whose numbers mean nothing.
    """
    from engine import _native

    if _native.build_profile != "release":
        raise CannotStart("the native module is a debug build: its numbers mean nothing, build it with `make build`")
    return _native.repeat_peer(_native.RepeatDetector(**msgspec.structs.asdict(RepeatRules())), peer, tokens)


def _repeat(row: _Row) -> Repeat:
    kind, at, start, period, truncate_at = row
    return Repeat(kind=kind, at=at, start=start, period=period or None, truncate_at=truncate_at)


def _plain(field: str, values: Any) -> Any:
    """The same memory as something with a buffer: tensors have none of their own."""
    numpy = getattr(values, "numpy", None)
    if numpy is None:
        return values
    try:
        return numpy()
    except (TypeError, RuntimeError) as error:
        raise BadInput(field, values, f"expected a tensor on the CPU without a gradient: {error}") from None
