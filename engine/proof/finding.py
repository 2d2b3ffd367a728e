"""What the self-test found."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What the self-test found about one limit.

    name      of the limit, as `not_enforced` lists it
    limit     what the probe was allowed, for people
    enforced  whether it was stopped there
    seen      what was seen, for people
    seconds   clock time that it took
    advice    what to do where it is not enforced, else ""
    promised  whether the runtime is meant to enforce it to the letter
    """

    name: str
    limit: str
    enforced: bool
    seen: str
    seconds: float
    advice: str = ""
    promised: bool = True
