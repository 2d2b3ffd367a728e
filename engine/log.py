"""What is logged: one line for each thing, as text for people or as JSON for machines.

A line's fields are given apart from its message: `log.info("refused: %s", error, extra=fields(op="run"))`. Which
request a line is about is known from where it is logged.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final, Literal

import msgspec

LogFormat = Literal["text", "json"]
# Fields of every line about the request for which something is done, in whatever task or thread that is.
ABOUT: Final[ContextVar[Mapping[str, object] | None]] = ContextVar("about", default=None)
# Whoever asks may have chosen words that are in a message, and a traceback has its values.
_MESSAGE_CHARS: Final = 2_000
_FAULT_CHARS: Final = 16_000


def fields(**given: object) -> dict[str, object]:
    """Fields of a line, as logging's `extra`."""
    return {"fields": given}


class TextLines(logging.Formatter):
    """Time in the machine's zone, level, fields as NAME=VALUE, message; below them where a fault came from."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """See `logging.Formatter`."""
        told = "".join(f"{name}={_one_line(value)} " for name, value in _fields(record).items())
        return f"{record.asctime} {record.levelname} {told}{_message(record)}"


class JsonLines(logging.Formatter):
    """An object with `time` (UTC), `level`, `logger`, `message`, the fields, and `fault`, a traceback, where one is."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **{name: _plain(value) for name, value in _fields(record).items()},
        }
        if record.exc_info:
            # Its end says what failed.
            line["fault"] = _encodable(self.formatException(record.exc_info)[-_FAULT_CHARS:])
        return msgspec.json.encode(line).decode()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given: Mapping[str, object] = getattr(record, "fields", {})
    return {**(ABOUT.get() or {}), **given}


def _message(record: logging.LogRecord) -> str:
    return _encodable(_cut(record.getMessage()))


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else _encodable(_cut(str(value)))


def _one_line(value: object) -> str:
    text = _encodable(_cut(str(value)))
    return text if text.isprintable() and " " not in text else repr(text)


def _cut(text: str) -> str:
    return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 3] + "..."


def _encodable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
