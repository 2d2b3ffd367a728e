"""The languages, in one table, and how a request names one.

A new language is one more row in the file of its family, and a program in engine/languages/programs. Paths are this
machine's own; an image has its tools wherever its PATH finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import BadInput
from engine.languages.compiled import COMPILED
from engine.languages.interpreted import INTERPRETED
from engine.languages.jvm import JVM
from engine.languages.language import Language
from engine.languages.node import NODE


class LanguageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A language as it is on this machine: `version` as its tool prints it, else `problem` says what to do."""

    name: str
    aliases: tuple[str, ...]
    version: str | None = None
    problem: str | None = None


_TABLE: Final = (*INTERPRETED, *COMPILED, *NODE, *JVM)

LANGUAGES: Final[Mapping[str, Language]] = {language.name: language for language in _TABLE}


def _with_standard(language: Language, standard: str) -> Language:
    argv = [f"-std={standard}" if word.startswith("-std=") else word for word in language.compile or ()]
    return msgspec.structs.replace(language, compile=tuple(argv))


_BY_WORD: Final = {
    **{word: language for language in _TABLE for word in (language.name, language.name.lower(), *language.aliases)},
    **{
        word: _with_standard(language, standard)
        for language in _TABLE
        for standard in language.standards
        for word in (standard, standard.replace("++", "pp"))
    },
}
_BY_EXTENSION: Final = {extension: language for language in _TABLE for extension in language.extensions}


def language_named(word: str, field: str = "language") -> Language:
    """The language of that name, alias or standard (`c++20`), in any case; raises BadInput with the known ones."""
    language = _BY_WORD.get(word) or _BY_WORD.get(word.lower())
    if language is None:
        raise BadInput(field, word, f"unknown language, known are {', '.join(LANGUAGES)}")
    return language


def language_of_file(path: Path) -> Language | None:
    """The language that a file's name tells, or None."""
    return _BY_EXTENSION.get(path.suffix) or _BY_EXTENSION.get(path.suffix.lower())


def sample(language: Language) -> str:
    """Source that says hello to the word that it reads, ends badly for the word `fail`, and never for `spin`.

    Runners of tests read it from the file `word`, the others from their standard input.
    """
    return resources.files("engine.languages.programs").joinpath(f"{language.name}.txt").read_text()
