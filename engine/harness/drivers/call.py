"""Runs inside the sandbox: calls one function of the program and answers with what it returned.

On fd 3 comes a u32 length and that much marshal data, (call, in_place, arguments). On fd 4 goes one u32 length and that
much JSON: {"returned": value}, {"raised": text} or {"cannot_cross": text}. The judge is outside and believes nothing
but one whole frame, so a program that tampers with this file can only change what it returns itself.
"""

from __future__ import annotations

import builtins
import marshal
import sys
from _json import encode_basestring_ascii as quote
from os import _exit, getpid, read, write

TYPE_CHECKING = False  # the real one takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

SOURCE = "/work/main.py"
MAX_DEPTH = 200
SAFE_INT = 1 << 53
# Of a fraction's two parts; 4,300 decimal digits, where Python itself ends.
MAX_RATIO_DIGITS = 4300
MAX_RATIO_BITS = 14_288
OWNER = getpid()
MODULES = sys.modules

# Functions below look names up in this copy, whatever the program does to the real one.
globals()["__builtins__"] = {**vars(builtins)}


class CannotCross(Exception):
    """A value that is no plain data."""


def encode(value: Any, put: Callable[[str], object], depth: int = 0) -> None:
    """Write `value` as tagged JSON; subclasses are reduced by the base type's own methods, never by their own.

    Raises CannotCross.
    """
    kind = type(value)
    if value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif issubclass(kind, str):
        put(quote(str.__str__(value)))
    elif issubclass(kind, int):
        number = int.__add__(value, 0)
        # Hexadecimal: decimal text of long integers is slow to make and refused from 4,300 digits on.
        put(int.__repr__(number) if -SAFE_INT < number < SAFE_INT else f'{{"i":"{number:x}"}}')
    elif issubclass(kind, float):
        put(_float_text(float.__float__(value)))
    elif issubclass(kind, list):
        _encode_items(list.__iter__(value), "[", "]", put, depth)
    elif issubclass(kind, tuple):
        _encode_items(tuple.__iter__(value), '{"t":[', "]}", put, depth)
    elif issubclass(kind, dict):
        _encode_items(dict.items(value), '{"d":[', "]}", put, depth)
    elif issubclass(kind, set):
        _encode_items(set.__iter__(value), '{"s":[', "]}", put, depth)
    elif issubclass(kind, frozenset):
        _encode_items(frozenset.__iter__(value), '{"z":[', "]}", put, depth)
    elif issubclass(kind, bytes):
        put(f'{{"b":"{bytes.hex(value)}"}}')
    elif issubclass(kind, complex):
        both = complex.__pos__(value)
        put(f'{{"c":[{_float_text(both.real)},{_float_text(both.imag)}]}}')
    else:
        _encode_number(value, kind, put)


def _encode_number(value: Any, kind: type, put: Callable[[str], object]) -> None:
    """A number of a module that the program has imported, as a builtin or as a ratio."""
    if (fractions := MODULES.get("fractions")) is not None and issubclass(kind, fractions.Fraction):
        base = fractions.Fraction
        _encode_ratio(base.numerator.__get__(value), base.denominator.__get__(value), put)
        return
    if (decimal := MODULES.get("decimal")) is not None and issubclass(kind, decimal.Decimal):
        _encode_decimal(value, decimal.Decimal, put)
        return
    if (numpy := MODULES.get("numpy")) is not None and issubclass(kind, (numpy.number, numpy.bool_)):
        number = numpy.generic.item(value)
        if type(number) in (bool, int, float, complex):
            encode(number, put)
            return
    raise CannotCross(type.__repr__(kind))


def _encode_decimal(value: Any, base: Any, put: Callable[[str], object]) -> None:
    if not base.is_finite(value):
        encode(float("nan" if base.is_nan(value) else "-inf" if base.is_signed(value) else "inf"), put)
        return
    _, digits, exponent = base.as_tuple(value)
    if not any(digits):
        encode(0, put)  # whatever its exponent
    elif len(digits) + abs(exponent) > MAX_RATIO_DIGITS:
        raise CannotCross(f"a Decimal of more than {MAX_RATIO_DIGITS} digits")
    else:
        numerator, denominator = base.as_integer_ratio(value)
        _encode_ratio(numerator, denominator, put)


def _encode_ratio(numerator: int, denominator: int, put: Callable[[str], object]) -> None:
    numerator, denominator = int.__add__(numerator, 0), int.__add__(denominator, 0)
    if denominator == 1:
        encode(numerator, put)
    elif max(numerator.bit_length(), denominator.bit_length()) > MAX_RATIO_BITS:
        raise CannotCross(f"a fraction of more than {MAX_RATIO_DIGITS} digits")
    else:
        put(f'{{"q":["{numerator:x}","{denominator:x}"]}}')


def _encode_items(items: Iterable[Any], opening: str, closing: str, put: Callable[[str], object], depth: int) -> None:
    if depth == MAX_DEPTH:
        raise CannotCross(f"nested deeper than {MAX_DEPTH}")
    put(opening)
    comma = ""
    for item in items:
        put(comma)
        if opening == '{"d":[':
            put("[")
            encode(item[0], put, depth + 1)
            put(",")
            encode(item[1], put, depth + 1)
            put("]")
        else:
            encode(item, put, depth + 1)
        comma = ","
    put(closing)


def _float_text(number: float) -> str:
    text = float.__repr__(number)
    return f'{{"f":"{text}"}}' if text in ("nan", "inf", "-inf") else text


def _read_exactly(size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        piece = read(3, size - len(data))
        if not piece:
            _exit(70)
        data += piece
    return data


def _answer(parts: list[str], code: int, flush: Callable[[], None]) -> NoReturn:
    if getpid() != OWNER:
        _exit(code)  # a child that the program forked and that came back too: the parent answers
    try:
        flush()
    except Exception:
        code = code or 120  # as the interpreter itself ends when standard output cannot be flushed
    body = "".join(parts).encode()
    frame = len(body).to_bytes(4, "big") + body
    while frame:
        frame = frame[write(4, frame) :]
    _exit(code)


def _text_of(error: BaseException) -> str:
    name = type.__dict__["__name__"].__get__(type(error))
    try:
        said = str.__str__(str(error))[:1000]
    except Exception:
        said = ""
    return f"{name}: {said}" if said else name


async def _nothing() -> None: ...


def main() -> None:
    call, in_place, arguments = marshal.loads(_read_exactly(int.from_bytes(_read_exactly(4), "big")))
    coroutine = _nothing()
    coroutine.close()
    stdout, show_traceback = sys.stdout, sys.excepthook

    def flush() -> None:
        if not stdout.closed:  # as the interpreter itself at its end
            stdout.flush()

    sys.argv, sys.path[0] = [SOURCE], "/work"
    # Not __main__: what a program does when it is run by itself is not wanted here.
    program = type(sys)("main")
    program.__dict__.update(__file__=SOURCE, __builtins__=builtins)
    sys.modules["main"] = sys.modules["__main__"] = program
    with open(SOURCE, "rb") as file:
        source = file.read()
    try:
        exec(compile(source, SOURCE, "exec", dont_inherit=True), program.__dict__)
        names = call.split(".")
        solution = program.__dict__.get("Solution")
        if len(names) == 1 and names[0] not in program.__dict__ and hasattr(solution, names[0]):
            names.insert(0, "Solution")  # data sets name the function alone, whichever shape is handed in
        if names[0] not in program.__dict__:
            raise NameError(f"name {names[0]!r} is not defined")
        function = program.__dict__[names[0]]
        for name in names[1:]:
            function = getattr(function() if isinstance(function, type) else function, name)
        returned = function(*arguments)
        if type(returned) is type(coroutine):
            import asyncio

            returned = asyncio.run(returned)
        if in_place is not None:
            returned = arguments[in_place]
    except Exception as error:
        parts = ['{"raised":', quote(_text_of(error)), "}"]
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
        parts = ['{"cannot_cross":', quote(_text_of(error)), "}"]
    _answer(parts, 0, flush)


if __name__ == "__main__":
    main()
