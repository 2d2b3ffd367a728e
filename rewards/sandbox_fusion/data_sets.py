"""Data sets by name: files of JSON lines, whose rows are read when they are asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import BadInput, SandboxError
from rewards.sandbox_fusion.kinds import KINDS, SAME, Kind, kind_of


class DataSetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[rewards.data_sets.NAME]` of the configuration file.

    file      JSON lines, one row each
    kind      "CommonOJDataset", "MBPPDataset", "HumanEvalDataset" or "MultiPLEDataset"; None means told by the columns
    id_field  the column with a row's id; None means the first there is of id, task_id, name
    """

    file: str
    kind: str | None = None
    id_field: str | None = None

    def __post_init__(self) -> None:
        known = (*KINDS, *SAME)
        if self.kind is not None and self.kind not in known:
            raise BadInput("kind", self.kind, f"expected one of {', '.join(known)}")


RowId = int | str


def id_of(row: Mapping[str, Any], id_field: str | None = None) -> RowId | None:
    """The id of a row, if it has one."""
    for name in (id_field,) if id_field else ("id", "task_id", "name"):
        value = row.get(name)
        if type(value) in (int, str):
            return value
    return None


class DataSet:
    """One file, and where each row stands in it."""

    def __init__(self, name: str, config: DataSetConfig) -> None:
        """Read the file once; raises BadInput that says `path:line: what is wrong`."""
        self.name = name
        self._config = config
        self._places: dict[RowId, tuple[int, int]] = {}
        place = f"rewards.data_sets.{name}.file"
        try:
            # Kept open, so that what was read at the start is what is read later, whatever becomes of the name.
            self._file = Path(config.file).open("rb")  # noqa: SIM115 (closed by `close`)
        except OSError as error:
            raise BadInput(place, config.file, error.strerror or "cannot be read") from None
        try:
            self._read(place)
        except BadInput:
            self.close()
            raise

    def _read(self, field: str) -> None:
        at, path = 0, self._config.file
        for number, line in enumerate(self._file, start=1):
            if line.strip():
                try:
                    row_id = id_of(_row(line), self._config.id_field)
                    if row_id is None or row_id in self._places:
                        raise ValueError("no id" if row_id is None else f"the id {row_id!r} is that of another row")
                except ValueError as error:
                    raise BadInput(field, path, f"{path}:{number}: {error}") from None
                self._places[row_id] = (at, len(line))
            at += len(line)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def ids(self, offset: int, limit: int) -> list[RowId]:
        """Ids in the file's order."""
        return list(self._places)[offset : offset + limit]

    def row(self, row_id: RowId) -> dict[str, Any]:
        """The row; raises BadInput for an id that is not there, SandboxError where the file has changed."""
        place = self._places.get(row_id)
        if place is None:
            other: RowId | None = str(row_id) if isinstance(row_id, int) else _number(row_id)
            place = None if other is None else self._places.get(other)
        if place is None:
            raise BadInput("id", row_id, f"no row of {self.name} has it")
        line = os.pread(self._file.fileno(), place[1], place[0])
        try:
            return _row(line)
        except ValueError as error:
            raise SandboxError(f"the file of the data set {self.name} has changed: {error}") from None

    def kind(self, row: Mapping[str, Any]) -> Kind:
        """What the row is."""
        return kind_of(row, self._config.kind)


def _row(line: bytes) -> dict[str, Any]:
    """Raises ValueError, which says what is wrong with it."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.ValidationError as error:
        raise ValueError(f"not a map: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


@contextlib.contextmanager
def opened(configs: Mapping[str, DataSetConfig]) -> Iterator[dict[str, DataSet]]:
    """The data sets of a configuration; raises BadInput."""
    with contextlib.ExitStack() as files:
        found = {}
        for name, config in configs.items():
            found[name] = DataSet(name, config)
            files.callback(found[name].close)
        yield found
