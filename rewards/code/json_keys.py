"""Keys as they were before JSON made text of them."""

from __future__ import annotations

import math
import re
from typing import Any, Final

_WORDS: Final = {"true": True, "false": False, "null": None}
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,3999})")
_FLOAT_CHARS: Final = 32
_NONE_READ: Final = object()


def read_keys(value: Any) -> Any:
    """A copy in which the text keys of a map are numbers, booleans and None, if all of them are written like that.

    As the grader of APPS reads them; where only some are, or two would be one key, the map stays as it is. `value` is
    plain data of bounded depth.
    """
    if isinstance(value, list | tuple):
        return type(value)(read_keys(each) for each in value)
    if not isinstance(value, dict):
        return value
    keys = [_read(key) for key in value]
    values = [read_keys(each) for each in value.values()]
    if _NONE_READ in keys or len({*keys}) < len(keys):
        keys = list(value)
    return dict(zip(keys, values, strict=True))


def _read(key: object) -> Any:
    if not isinstance(key, str):
        return _NONE_READ
    if key in _WORDS:
        return _WORDS[key]
    if _INTEGER.fullmatch(key):
        return int(key)
    if len(key) > _FLOAT_CHARS:
        return _NONE_READ
    try:
        number = float(key)
    except ValueError:
        return _NONE_READ
    # Only what json.dumps writes: not 1_0, not 1e5, not nan.
    return number if math.isfinite(number) and repr(number) == key else _NONE_READ
