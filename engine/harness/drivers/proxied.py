"""Runs inside the sandbox: asserts in this process, the program in another, which they see only as a proxy.

This one forks before it has read anything. From then on nobody may look into it, as it is undumpable, and the program's
side has none of its descriptors. On fd 3 come a u32 length and marshal data, (nonce, asserts, context, classes,
in_place). On fd 4 goes "+" and the nonce after the last assert, "-" and what was raised, "!" and how the program ended,
"~" and what the tests use that cannot cross, or "?" and why tests cannot be kept safe here.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import builtins
import marshal
import sys
from os import O_WRONLY, _exit, close, dup2, fork, getpid, kill, pipe, write
from os import open as open_file
from typing import NoReturn

from engine.harness.drivers.frames import read_frame
from engine.harness.drivers.program import compiled
from engine.harness.drivers.proxies import Link, Over, stand_in
from engine.harness.drivers.run_tests import run_tests
from engine.harness.drivers.served import serve

_PR_SET_DUMPABLE = 4


def set_dumpable(value: int) -> None:
    """Whether processes of the same user may look into this one; raises OSError, ImportError."""
    import _ctypes

    address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]
    if _ctypes.call_function(address, (_PR_SET_DUMPABLE, value, 0, 0, 0)) != 0:
        raise OSError("prctl")


def end(sign: bytes, words: str = "", code: int = 0) -> NoReturn:
    """Say it and end."""
    write(4, sign + words[:1000].encode("utf-8", "backslashreplace"))
    _exit(code)


def end_as_the_program(over: Over) -> NoReturn:
    """The run ends as the program did, so that its outcome is the program's."""
    if over.status is not None and over.status & 127:
        write(4, over.sign + over.words.encode())
        kill(getpid(), over.status & 127)
    end(over.sign, over.words, 1 if over.status is None else over.status >> 8)


def test(asserts: str, context: str, classes: tuple[str, ...], link: Link) -> None:
    """Run the tests; raises what they raise, and Over."""
    module = type(sys)("__main__")
    namespace = module.__dict__
    namespace["__builtins__"] = builtins
    sys.modules["__main__"] = module
    stand_in(link, namespace, asserts, context, classes)
    try:
        exec(compiled(context, "context"), namespace)
        exec(compiled(asserts, "asserts"), namespace)
        run_tests(namespace)
    except SystemExit as error:
        # unittest.main ends so; the program's own exit never comes here.
        if error.code not in (None, 0, False):
            raise AssertionError("the tests ended with exit code " + repr(error.code)[:80]) from None


def main() -> None:
    try:
        # Before there is anything to see: an open descriptor of our memory would stay good.
        set_dumpable(0)
    except (ImportError, AttributeError, OSError) as error:
        end(b"?", f"this Python cannot hide a process: {error}")
    questions, answers = pipe(), pipe()
    try:
        child = fork()
    except OSError as error:
        end(b"?", f"fork: {error}")
    if child == 0:
        for fd in (3, 4, questions[1], answers[0]):
            close(fd)
        set_dumpable(1)
        serve(questions[0], answers[1])
    close(questions[0])
    close(answers[1])
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    # What tests print is nobody's business, least of all the program's.
    dup2(open_file("/dev/null", O_WRONLY), 1)
    del sys.path[0]
    nonce, asserts, context, classes, in_place = marshal.loads(read_frame(3))
    show_traceback = sys.excepthook
    try:
        test(asserts, context, classes, Link(questions[1], answers[0], child, in_place=in_place))
    except Over as over:
        if over.sign == b"!":
            end_as_the_program(over)
        end(over.sign, over.words, int(over.sign == b"-"))
    except BaseException as error:
        show_traceback(type(error), error, error.__traceback__)
        end(b"-", f"{type(error).__name__}: {error}".removesuffix(": "), 1)
    write(4, b"+" + nonce)
    _exit(0)


if __name__ == "__main__":
    main()
