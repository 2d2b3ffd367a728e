"""What a completion answers: the part after thinking.

The answer is what follows the LAST end-of-thinking marker, wherever it stands, so that there is one answer and a fake
marker inside the thinking only moves the answer further on. A completion that begins to think and never ends has no
answer. The price: a program that has such a marker in its own source is cut there.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_COMPLETION_CHARS = 1_000_000

_THINKING = (("<think>", "</think>"), ("◁think▷", "◁/think▷"))


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no program or answer in the completion; `reason` says why. That is the completion's fault."""

    reason: str


def answer_part(completion: str) -> str | Nothing:
    """The text after the last end of thinking; all of it if there is no sign of thinking."""
    if len(completion) > MAX_COMPLETION_CHARS:
        return Nothing(f"completion longer than {MAX_COMPLETION_CHARS:,} characters")
    ends = [(at, marker) for _, marker in _THINKING if (at := completion.rfind(marker)) >= 0]
    if ends:
        at, marker = max(ends)
        return completion[at + len(marker) :]
    if completion.lstrip().startswith(tuple(begin for begin, _ in _THINKING)):
        return Nothing("thinking never ended")
    return completion
