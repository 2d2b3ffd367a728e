"""Runs inside the sandbox: the program's side of asserts by proxy. It answers what the tests ask of the program.

Questions are marshal data, (what, object, name, arguments, keywords): they come from the tests, which are trusted.
Answers are what call.py writes, as nothing that comes from here is.
"""

from __future__ import annotations

import builtins
import marshal
import sys
from os import _exit, getpid, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from engine.harness.drivers import call
else:
    import call

SOURCE = "/work/main.py"

# Functions below look names up in this copy, whatever the program does to the real one.
globals()["__builtins__"] = {**vars(builtins)}


def read_exactly(fd: int, size: int) -> bytes:
    """So many bytes; raises EOFError."""
    data = bytearray()
    while len(data) < size:
        piece = read(fd, min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def read_frame(fd: int, most: int = 1 << 32) -> bytes:
    """A u32 length and that much; raises EOFError, and ValueError for more than `most`."""
    size = int.from_bytes(read_exactly(fd, 4), "big")
    if size > most:
        raise ValueError("a frame too large")
    return read_exactly(fd, size)


def write_frame(fd: int, body: bytes) -> None:
    """The same the other way; raises BrokenPipeError."""
    frame = memoryview(len(body).to_bytes(4, "big") + body)
    while frame:
        frame = frame[write(fd, frame) :]


def serve(questions: int, answers: int) -> NoReturn:
    """Run the program, and answer until nobody asks any more."""
    owner = getpid()
    for ours in ("call", "served", "proxies", "rebuilt", "run_tests"):
        del sys.modules[ours]  # the program may have modules of these names
    show_traceback = sys.excepthook
    # Not __main__: what a program does when it is run by itself is not wanted here.
    program = type(sys)("main")
    program.__dict__.update(__file__=SOURCE, __builtins__=builtins)
    sys.modules["main"] = sys.modules["__main__"] = program
    sys.argv, sys.path[0] = [SOURCE], "/work"
    with open(SOURCE, "rb") as file:
        source = file.read()
    broken = None
    try:
        exec(compile(source, SOURCE, "exec", dont_inherit=True), program.__dict__)
    except Exception as error:
        broken = raised(error)
        show_traceback(type(error), error, error.__traceback__)
    objects: list[Any] = []
    while True:
        if getpid() != owner:
            _exit(1)  # a child that the program forked and that came back too: the parent answers
        try:
            question = marshal.loads(read_frame(questions))
        except EOFError:
            _exit(0)
        body = "".join(answer(program, objects, *question) if broken is None else broken).encode()
        if getpid() != owner:
            _exit(1)
        write_frame(answers, body)


def answer(program: Any, objects: list[Any], what: str, at: int, name: str, arguments: Any, keywords: Any) -> list[str]:
    """One frame, in parts."""
    parts = ['{"returned":']
    try:
        if what == "names":
            call.encode([standing(program, each) for each in arguments], parts.append)
            return [*parts, "}"]
        value = own(program, name) if at < 0 else getattr(objects[at], name)
        if what == "set":
            setattr(objects[at], name, arguments[0])
            value = None
        elif what == "make":
            objects.append(value(*arguments, **keywords))
            value = len(objects) - 1
        elif what == "get":
            if callable(value):
                return ['{"method":0}']
        else:
            value = finished(value(*arguments, **keywords))
        call.encode([value, arguments] if what == "call in place" else value, parts.append)
    except call.CannotCross as error:
        parts = ['{"cannot_cross":']
        call.encode(str(error), parts.append)
        return [*parts, "}"]
    except Exception as error:
        return raised(error)
    return [*parts, "}"]


def raised(error: Exception) -> list[str]:
    """An exception by the names of its kinds, and its words."""
    name_of = type.__dict__["__name__"].__get__
    names = [name_of(kind) for kind in type.__dict__["__mro__"].__get__(type(error))[:50]]
    parts = ['{"raised":']
    call.encode([names, call._text_of(error)], parts.append)
    return [*parts, "}"]


def standing(program: Any, name: str) -> int:
    """What stands under a name: nothing, something to call, a value."""
    if name in program.__dict__:
        return 1 if callable(program.__dict__[name]) else 2
    return int(hasattr(program.__dict__.get("Solution"), name))


def own(program: Any, name: str) -> Any:
    """What the program calls so, or the method of that name of its class Solution; raises NameError."""
    if name in program.__dict__:
        return program.__dict__[name]
    solution = program.__dict__.get("Solution")
    if not hasattr(solution, name):
        raise NameError(f"name {name!r} is not defined")
    return getattr(solution(), name)


def finished(value: Any) -> Any:
    """What a coroutine returns, anything else as it is."""
    if type(value) is not COROUTINE:
        return value
    import asyncio

    return asyncio.run(value)


async def _nothing() -> None: ...


_coroutine = _nothing()
_coroutine.close()
COROUTINE = type(_coroutine)
