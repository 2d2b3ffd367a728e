"""Runs inside the sandbox: the program's side of asserts by proxy. It answers what the tests ask of the program.

Questions are marshal data, (what, object, name, arguments, keywords): they come from the tests, which are trusted.
Answers are what encoding.py writes, as nothing that comes from here is.
"""

from __future__ import annotations

import marshal
import sys
from os import _exit, getpid
from typing import Any, NoReturn

from engine.harness.drivers.encoding import CannotCross, encode, text_of
from engine.harness.drivers.frames import read_frame, write_frame
from engine.harness.drivers.program import SOURCE, compiled, finished, made, read_source


def serve(questions: int, answers: int) -> NoReturn:
    """Run the program, and answer until nobody asks any more."""
    owner = getpid()
    show_traceback = sys.excepthook
    program = made()
    source = read_source()
    broken = None
    try:
        exec(compiled(source, SOURCE), program.__dict__)
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
            encode([standing(program, each) for each in arguments], parts.append)
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
        encode([value, arguments] if what == "call in place" else value, parts.append)
    except CannotCross as error:
        parts = ['{"cannot_cross":']
        encode(str(error), parts.append)
        return [*parts, "}"]
    except Exception as error:
        return raised(error)
    return [*parts, "}"]


def raised(error: Exception) -> list[str]:
    """An exception by the names of its kinds, and its words."""
    name_of = type.__dict__["__name__"].__get__
    names = [name_of(kind) for kind in type.__dict__["__mro__"].__get__(type(error))[:50]]
    parts = ['{"raised":']
    encode([names, text_of(error)], parts.append)
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
