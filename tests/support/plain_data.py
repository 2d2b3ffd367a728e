"""Random plain data, and a form of it in which everything that differs shows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

UNICODE = st.text(max_size=20)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)


def plain_data(text: st.SearchStrategy[str] = UNICODE) -> st.SearchStrategy[Any]:
    """Values of all the types that call tests know, their texts from `text`."""
    atoms = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(-(1 << 200), 1 << 200)
        | st.floats()
        | st.complex_numbers()
        | text
        | st.binary(max_size=20)
    )
    keys = atoms | st.lists(atoms, max_size=3).map(tuple) | st.frozensets(atoms, max_size=3)
    tag_like = st.dictionaries(text.map("${}".format), atoms, min_size=1, max_size=2)
    return st.recursive(
        atoms,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=4).map(tuple)
            | st.sets(keys, max_size=4)
            | st.frozensets(keys, max_size=4)
            | st.dictionaries(keys, inner, max_size=4)
            | st.dictionaries(text, inner, max_size=4)
            | tag_like
        ),
        max_leaves=20,
    )


def shape(value: Any) -> Any:
    """A form in which nan equals nan, 0.0 differs from -0.0, and True from 1."""
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, complex):
        return ("complex", value.real.hex(), value.imag.hex())
    if isinstance(value, list | tuple):
        return (type(value), [shape(item) for item in value])
    if isinstance(value, set | frozenset):
        return (type(value), sorted(map(repr, map(shape, value))))
    if isinstance(value, dict):
        return (dict, [(shape(key), shape(item)) for key, item in value.items()])
    return (type(value), value)
