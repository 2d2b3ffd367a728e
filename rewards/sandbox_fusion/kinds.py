"""Whose rows they are: SandboxFusion's classes of data sets that are judged here, told by name or by columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from engine.errors import BadInput
from engine.wire.decode import check_text

Kind = Literal["CommonOJDataset", "MBPPDataset", "HumanEvalDataset"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# A column that no other kind has.
_TOLD_BY: Final[Mapping[str, Kind]] = {"test_list": "MBPPDataset", "entry_point": "HumanEvalDataset"}
# MultiPL-E's rows are HumanEvalDataset's there too.
SAME: Final[Mapping[str, Kind]] = {"MultiPLEDataset": "HumanEvalDataset"}


def kind_of(row: Mapping[str, Any], named: str | None, field: str = "config.dataset_type") -> Kind:
    """The kind that is named, else what its columns say; raises BadInput."""
    if named is not None:
        for kind in KINDS:
            if named == kind:
                return kind
        if named in SAME:
            return SAME[named]
        raise BadInput(field, named, f"expected one of {', '.join((*KINDS, *SAME))}")
    told = next((kind for column, kind in _TOLD_BY.items() if column in row), None)
    if told is not None:
        return told
    return "HumanEvalDataset" if "prompt" in row and "tests" in row else "CommonOJDataset"


def column(row: Mapping[str, Any], name: str, field: str) -> Any:
    """A column that may be JSON in a text; raises BadInput where it is missing or broken."""
    if name not in row:
        raise BadInput(f"{field}.{name}", None, "required")
    value = row[name]
    if not isinstance(value, str):
        return value
    try:
        data = json.loads(value, strict=False)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{field}.{name}", value, f"not JSON: {error}") from None
    check_text(data, f"{field}.{name}")
    return data
