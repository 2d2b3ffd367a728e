"""Runs inside the sandbox: calls one function of the program and answers with what it returned.

On fd 3 comes a u32 length and that much marshal data, (call, in_place, arguments). On fd 4 goes one u32 length and that
much JSON: {"returned": value}, {"raised": text} or {"cannot_cross": text}. The judge is outside and believes nothing
but one whole frame, so a program that tampers with this file can only change what it returns itself.
"""

from __future__ import annotations

import marshal
import sys
from _json import encode_basestring_ascii as quote
from collections.abc import Callable
from os import _exit, getpid
from typing import NoReturn

from engine.harness.drivers.encoding import CannotCross, encode, text_of
from engine.harness.drivers.frames import read_frame, write_frame
from engine.harness.drivers.program import OWNER, SOURCE, compiled, finished, made, read_source


def _answer(parts: list[str], code: int, flush: Callable[[], None]) -> NoReturn:
    if getpid() != OWNER:
        _exit(code)  # a child that the program forked and that came back too: the parent answers
    try:
        flush()
    except Exception:
        code = code or 120  # as the interpreter itself ends when standard output cannot be flushed
    write_frame(4, "".join(parts).encode())
    _exit(code)


def main() -> None:
    call, in_place, arguments = marshal.loads(read_frame(3))
    stdout, show_traceback = sys.stdout, sys.excepthook

    def flush() -> None:
        if not stdout.closed:  # as the interpreter itself at its end
            stdout.flush()

    namespace = made().__dict__
    source = read_source()
    try:
        exec(compiled(source, SOURCE), namespace)
        names = call.split(".")
        solution = namespace.get("Solution")
        if len(names) == 1 and names[0] not in namespace and hasattr(solution, names[0]):
            names.insert(0, "Solution")  # data sets name the function alone, whichever shape is handed in
        if names[0] not in namespace:
            raise NameError(f"name {names[0]!r} is not defined")
        function = namespace[names[0]]
        for name in names[1:]:
            function = getattr(function() if isinstance(function, type) else function, name)
        returned = finished(function(*arguments))
        if in_place is not None:
            returned = arguments[in_place]
    except Exception as error:
        parts = ['{"raised":', quote(text_of(error)), "}"]
        try:
            show_traceback(type(error), error, error.__traceback__)
        finally:
            _answer(parts, 1, flush)
    parts = ['{"returned":']
    try:
        encode(returned, parts.append)
        parts.append("}")
    except CannotCross as error:
        parts = ['{"cannot_cross":', quote(str(error)), "}"]
    except Exception as error:
        parts = ['{"cannot_cross":', quote(text_of(error)), "}"]
    _answer(parts, 0, flush)


if __name__ == "__main__":
    main()
