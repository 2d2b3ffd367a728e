"""Whether an output is right as SandboxFusion has it: laxer than any checker of ours (rewards.code.checkers).

Line by line without blanks at both ends, whatever the case; a line that is one number may be off by 1e-5 of what is
expected.
"""

from __future__ import annotations

from typing import Final

_RELATIVE: Final = 1e-5
_LEAST: Final = 1e-10
_NUMBER_CHARS: Final = 400


def same_output(got: str, expected: str) -> bool:
    """Whether the output `got` is right."""
    lines, wanted = got.strip().split("\n"), expected.strip().split("\n")
    return len(lines) == len(wanted) and all(map(_same_line, lines, wanted))


def _same_line(line: str, want: str) -> bool:
    line, want = line.strip().lower(), want.strip().lower()
    return line == want or _near(line, want)


def _near(line: str, want: str) -> bool:
    if max(len(line), len(want)) > _NUMBER_CHARS:
        return False
    try:
        got, expected = float(line), float(want)
    except ValueError:
        return False
    return abs(got - expected) / max(abs(expected), _LEAST) < _RELATIVE
