"""Which programs may be forks of a Python that has started already, and what that has imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

# What programs usually import, and what these import: together 10 MB in each slot and some 60 ms at its first use.
USUAL: Final = (
    "typing",
    "collections",
    "itertools",
    "functools",
    "math",
    "re",
    "heapq",
    "bisect",
    "random",
    "string",
    "json",
    "copy",
    "operator",
    "decimal",
    "fractions",
    "datetime",
    "statistics",
    "hashlib",
    "dataclasses",
    "enum",
    "io",
    "time",
    "threading",
    "textwrap",
    "contextlib",
    "queue",
    "traceback",
    "inspect",
    "unittest",
    # What the driver of asserts hides a process with.
    "_ctypes",
)


class Flavour(msgspec.Struct, frozen=True, kw_only=True):
    """A Python that is kept ready in slots: for programs that are run with exactly these words.

    number   as the pool counts them
    image    of what slots show, as the pool counts these
    script   the path of what it runs
    modules  names that are imported beside the usual ones
    """

    number: int
    image: int
    argv: tuple[str, ...]
    environment: tuple[str, ...]
    script: str
    modules: tuple[str, ...] = ()

    def is_for(self, source: bytes) -> bool:
        """Whether this program imports one of `modules`, as far as its lines tell; always, if there are none."""
        if not self.modules:
            return True
        tops = b"|".join(re.escape(name.partition(".")[0]).encode() for name in self.modules)
        line = rb"^[ \t]*(?:import|from)[ \t][^\n]*\b(?:" + tops + rb")\b"
        return re.search(line, source, re.MULTILINE) is not None


def flavours(
    named: Iterable[Sequence[str]],
    *,
    image: int,
    environment: Sequence[str],
    scripts: Mapping[tuple[str, ...], str],
    first: int,
) -> list[Flavour]:
    """Those of one image, numbered from `first`: for each way to run a script the named ones, then the usual one.

    scripts  the path of what is run, by the words that run it
    """
    wanted = [(argv, script, tuple(modules)) for argv, script in scripts.items() for modules in (*named, ())]
    return [
        Flavour(
            number=number,
            image=image,
            argv=argv,
            environment=tuple(environment),
            script=script,
            modules=modules,
        )
        for number, (argv, script, modules) in enumerate(wanted, first)
    ]
