"""Exact arithmetic on answers, from the native module."""

from __future__ import annotations


def numbers_equal(answer: str, reference: str) -> bool | None:
    """Whether two exact numbers (integers, decimals, fractions) are equal; None if `answer` is not one of these.

    Raises ValueError if `reference` is not a number. Linear time; more than 1,000 digits is not a number.
    """
    # Imported when it is called: what only asks a daemon must not need it.
    from engine import _native

    return _native.numbers_equal(answer, reference)
