"""What can go wrong, as one tree.

    AssayError
    ├── BadInput          the request is wrong: names the field and the value      (HTTP 422)
    ├── Overloaded        refused or expired in the queue, nothing was run         (HTTP 504)
    └── SandboxError      a fault of ours: no verdict can be given                 (HTTP 503)
        ├── CannotStart   this machine or user lacks what the sandbox needs; says what to do
        └── Refused       a daemon takes nothing from this client: its token, version or address is wrong

None of these is ever turned into a verdict or a reward.
"""

from __future__ import annotations

import reprlib

_SHOWN_VALUE_CHARS = 80


class AssayError(Exception):
    """Base of every error that Assay raises on purpose."""


class BadInput(AssayError, ValueError):
    """A request that cannot be run: `field` is its dotted path, `value` what stood there."""

    def __init__(self, field: str, value: object, message: str) -> None:
        self.field = field
        self.value = value
        self.message = message
        super().__init__(field, value, message)

    def below(self, place: str) -> BadInput:
        """The same about a field that stands inside `place`."""
        return BadInput(f"{place}.{self.field}", self.value, self.message)

    def __str__(self) -> str:
        return f"{self.field} {self.shown_value}: {self.message}"

    @property
    def shown_value(self) -> str:
        """The value as text, cut to a length that fits a log line."""
        # Cut before repr, so that a huge value costs nothing.
        value = self.value
        text = repr(value[: _SHOWN_VALUE_CHARS + 1]) if isinstance(value, str | bytes) else _BOUNDED.repr(value)
        return text if len(text) <= _SHOWN_VALUE_CHARS else text[: _SHOWN_VALUE_CHARS - 3] + "..."


class _Bounded(reprlib.Repr):
    """Ends for any value, however deep, long or hostile to being shown."""

    def repr_int(self, x: int, level: int) -> str:
        # repr() of a longer one raises or takes quadratic time.
        return repr(x) if x.bit_length() <= 1_000 else f"<an integer of {x.bit_length():,} bits>"


_BOUNDED = _Bounded()
_BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxdict = _BOUNDED.maxset = _BOUNDED.maxfrozenset = 20
_BOUNDED.maxstring = _BOUNDED.maxother = _SHOWN_VALUE_CHARS


class Overloaded(AssayError):
    """The queue is full, or the request's own deadline passed in it; the program was not run.

    `retry_seconds`, where it is known: when there will be room again.
    """

    def __init__(self, message: str, *, retry_seconds: float | None = None) -> None:
        self.retry_seconds = retry_seconds
        super().__init__(message)


class SandboxError(AssayError):
    """A fault of the sandbox, the queue or the machine: says nothing about the program."""


class CannotStart(SandboxError):
    """The engine cannot start here; the message is one line that says what to do."""


class Refused(SandboxError):
    """The daemon takes nothing from this client, whatever it asks: its token, version or address is wrong."""
