"""Tests that are text in the program's own language, as MultiPL-E has them: they go after it, and their end is awaited.

What is printed at the end is new for every run, so that an early exit is no pass. The text stands in the program's own
source, hence a program that reads that can print it: forgeable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.errors import BadInput

# How each language says it last; a compiled program says it at the end of the text's own main.
_AT_THE_END: Final[dict[str, Callable[[str, str], str]]] = {
    "bash": lambda script, mark: f"{script}\necho\necho {mark}\n",
    "javascript": lambda script, mark: f'{script}\nprocess.stdout.write("\\n{mark}\\n");\n',
    "c": lambda script, mark: _at_the_end_of_main(script, mark),
    "cpp": lambda script, mark: _at_the_end_of_main(script, mark),
}


def check_script(script: str, language: str, field: str) -> None:
    """Raises BadInput for a language whose end is not known, and for a text without one."""
    if language not in _AT_THE_END:
        raise BadInput(field, script, f"only for {', '.join(_AT_THE_END)}, not {language}")
    if not script.strip() or (language in ("c", "cpp") and "}" not in script):
        raise BadInput(field, script, "expected statements, in C and C++ a main: this passes every program")


def with_script(source: str, script: str, language: str, mark: str) -> str:
    """The program with its tests, which print `mark` on a line of its own when they have reached their end.

    Tests may begin with the end of a function that the program left open; one that is whole has it already.
    """
    if script.lstrip().startswith("}") and source.count("{") <= source.count("}"):
        script = script.lstrip().removeprefix("}")
    return f"{source}\n{_AT_THE_END[language](script, mark)}"


def reached(stdout: bytes, mark: str) -> bool:
    """Whether the mark is the last that was printed."""
    return stdout.endswith(f"\n{mark}\n".encode())


def _at_the_end_of_main(script: str, mark: str) -> str:
    # A builtin of the compiler, for which nothing has to be included.
    before, _, after = script.rpartition("}")
    return f'{before}\n__builtin_puts("\\n{mark}");\n}}{after}'
