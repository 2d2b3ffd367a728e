"""What the commands share: exit codes, sizes in bytes, words of help."""

from __future__ import annotations

import re
from typing import Final

from engine.errors import BadInput

# Exit codes; `assay run` answers OUR_FAULT, as timeout(1) and env(1) do, where the others answer FAILED.
FAILED: Final = 1
WRONG_USE: Final = 2
NOT_JUDGED: Final = 3
OUR_FAULT: Final = 125
INTERRUPTED: Final = 130

ALLOW_DEGRADED: Final = "start even where a limit does not bite; every reply then says which"
CONFIG: Final = "TOML file whose table [engine] is used"
OWN_SCORER: Final = "a scorer of your own, module:name (engine.scorer.Scorer); may be given again"
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(field: str, text: str) -> int:
    """Bytes from text like 256M; raises BadInput."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or not (found := int(float(match[1]) * _UNITS[match[2].upper()])):
        raise BadInput(field, text, "expected bytes or a number with K, M or G, like 256M")
    return found
