"""Runs inside the sandbox: the program, then asserts in its namespace, then a sign that the asserts were reached.

On fd 3 comes a u32 length and that much marshal data, (nonce, asserts, context, _, _). On fd 4 goes "+" and the nonce
after the last assert, or "-" and what was raised. A determined program in the same process can find the nonce: the
reward says so.
"""

from __future__ import annotations

import marshal
import sys
from os import _exit, getpid, write

from engine.harness.drivers.encoding import text_of
from engine.harness.drivers.frames import read_frame
from engine.harness.drivers.program import OWNER, SOURCE, compiled, made, read_source
from engine.harness.drivers.run_tests import run_tests


def main() -> None:
    nonce, asserts, context, _, _ = marshal.loads(read_frame(3))
    stdout, show_traceback = sys.stdout, sys.excepthook
    namespace = made().__dict__
    source = read_source()
    try:
        exec(compiled(source, SOURCE), namespace)
        exec(compiled(context, "context"), namespace)
        exec(compiled(asserts, "asserts"), namespace)
        run_tests(namespace)
        if not stdout.closed:  # as the interpreter itself at its end
            stdout.flush()
    except Exception as error:
        try:
            show_traceback(type(error), error, error.__traceback__)
        finally:
            if getpid() != OWNER:
                _exit(1)  # a child that the program forked and that came back too: the parent answers
            write(4, b"-" + text_of(error).encode("utf-8", "backslashreplace"))
            _exit(1)
    if getpid() == OWNER:
        write(4, b"+" + nonce)
    _exit(0)


if __name__ == "__main__":
    main()
