"""What judges give to a program before it begins, by the name that a request says."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

import msgspec

from engine.errors import BadInput
from engine.languages.language import Language

_PLACE: Final = "/program/prelude"
_COMPILED: Final = frozenset({"c", "cpp"})


class Prelude(msgspec.Struct, frozen=True, kw_only=True):
    """A row: the variables and the compiler's flags that it adds, and the languages that may ask for it."""

    environment: tuple[str, ...] = ("ONLINE_JUDGE=1",)
    flags: tuple[str, ...] = ("-DONLINE_JUDGE",)
    languages: frozenset[str] | None = None


PRELUDES: Final[Mapping[str, Prelude]] = {
    # Lifts the recursion limit and the limit of digits; ONLINE_JUDGE is defined and in the environment.
    "competitive": Prelude(),
    # That, and the names that LeetCode's stubs use without importing them.
    "leetcode": Prelude(languages=frozenset({"python"})),
}


class Added(msgspec.Struct, frozen=True):
    """What a prelude adds to a program's runs: files (path, content, mode), variables, flags of the compiler."""

    files: tuple[tuple[str, bytes, int], ...] = ()
    environment: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def added(name: str | None, language: Language) -> Added:
    """What the prelude `name` adds for `language`; raises BadInput for an unknown one, or one of other languages."""
    if name is None:
        return _NOTHING
    prelude = PRELUDES.get(name)
    if prelude is None:
        raise BadInput("prelude", name, f"expected one of {', '.join(PRELUDES)}")
    if prelude.languages is not None and language.name not in prelude.languages:
        raise BadInput("prelude", name, f"only for {', '.join(sorted(prelude.languages))}, not {language.name}")
    if language.name in _COMPILED:
        return Added(environment=prelude.environment, flags=prelude.flags)
    if language.name != "python":
        return Added(environment=prelude.environment)
    content = resources.files("engine.languages.preludes").joinpath(f"{name}.py").read_bytes()
    file = (f"{_PLACE}/sitecustomize.py", content, 0o444)
    return Added(files=(file,), environment=(*prelude.environment, f"PYTHONPATH={_PLACE}"))


_NOTHING: Final = Added()
