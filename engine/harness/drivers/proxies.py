"""Runs inside the sandbox: what stands for the program on the side of the tests.

Whatever the program answers is rebuilt here as exact builtins, or ends the tests: nothing of the program's decides a
comparison, and nothing that it does is an exception that tests could catch, unless it raised one.
"""

from __future__ import annotations

import _symtable  # type: ignore[import-not-found]
import builtins
import marshal
import sys
from collections.abc import Callable
from os import waitpid
from typing import Any

from engine.harness.drivers.frames import read_frame, write_frame
from engine.harness.drivers.rebuilt import build, ratios_made, scan

MAX_FRAME_BYTES = 4 << 20
_USE, _GLOBAL_EXPLICIT, _GLOBAL_IMPLICIT, _SCOPE_OFFSET, _SCOPE_MASK = 16, 2, 3, 11, 15
_BOUND = 2 | 4 | 128  # assigned, a parameter, imported
# Well-known words that tests use without an import of their own, because the right program has one.
_WELL_KNOWN = {
    **dict.fromkeys(("Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"), "collections"),
    **dict.fromkeys(("isclose", "sqrt", "pi", "inf", "nan", "floor", "ceil", "fabs", "gcd", "comb", "log"), "math"),
    **dict.fromkeys(("permutations", "combinations", "product", "chain"), "itertools"),
    **dict.fromkeys(("List", "Dict", "Set", "Tuple", "Optional", "Union", "Any"), "typing"),
    "reduce": "functools",
    "deepcopy": "copy",
    "Decimal": "decimal",
    "Fraction": "fractions",
}


class Over(BaseException):
    """The tests end here, whatever they catch: a sign for fd 4, words, and how the program ended, where it did."""

    def __init__(self, sign: bytes, words: str = "", status: int | None = None) -> None:
        super().__init__(words)
        self.sign = sign
        self.words = words
        self.status = status


class Link:
    """Questions to the program's side, and its answers."""

    def __init__(self, questions: int, answers: int, child: int, *, in_place: bool) -> None:
        self._questions = questions
        self._answers = answers
        self._child = child
        self._in_place = in_place

    def call(self, at: int, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What a function returns, or the method of an object; with `in_place`, its arguments are changed as it did."""
        if not self._in_place:
            return self.ask("call", at, name, arguments, keywords)
        value, changed = self.ask("call in place", at, name, arguments, keywords)
        for old, new in zip(arguments, changed, strict=True):
            if type(old) is list and type(new) is list:
                old[:] = new
            elif type(old) in (dict, set) and type(new) is type(old):
                old.clear()
                old.update(new)
        return value

    def ask(self, what: str, at: int, name: str, arguments: Any = (), keywords: dict[str, Any] | None = None) -> Any:
        """The answer to one question; raises what was raised, and Over."""
        try:
            question = marshal.dumps((what, at, name, arguments, keywords or {}))
        except ValueError as error:
            # What was returned can be sent, unless it is a ratio or nested without end; all else is the tests' own.
            if "unmarshallable" in str(error) and not ratios_made:
                raise Over(b"~", f"an argument of {name}") from None
            raise Over(b"-", f"ValueError: {error}") from None
        try:
            write_frame(self._questions, question)
            frame = read_frame(self._answers, MAX_FRAME_BYTES)
        except (EOFError, BrokenPipeError):
            raise self._ended() from None
        except ValueError:
            raise Over(b"-", f"AssertionError: an answer larger than {MAX_FRAME_BYTES} bytes") from None
        try:
            answer = scan(frame.decode("ascii"))
            if "returned" in answer:
                return build(answer["returned"])
            if "method" in answer:
                return _Method
            names, words = (None, answer["cannot_cross"]) if "cannot_cross" in answer else build(answer["raised"])
        except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, StopIteration):
            raise Over(b"-", "AssertionError: an answer that does not decode") from None
        if names is None:
            raise Over(b"-", f"AssertionError: the returned value cannot cross: {words}")
        raise _exception(names, words)

    def _ended(self) -> Over:
        status = waitpid(self._child, 0)[1]
        how = f"by signal {status & 127}" if status & 127 else f"with exit code {status >> 8}"
        return Over(b"!", f"the program ended before its asserts did, {how}", status)


def function(link: Link, at: int, name: str) -> Callable[..., Any]:
    """What stands for a function, or for the method of an object."""

    def proxy(*arguments: Any, **keywords: Any) -> Any:
        return link.call(at, name, arguments, keywords)

    proxy.__name__ = proxy.__qualname__ = name
    return proxy


class _Method:
    """The answer that an attribute is a method."""


def class_of(link: Link, name: str) -> type:
    """What stands for a class: its objects have attributes and methods of plain data, and nothing else crosses."""

    def make(self: Any, *arguments: Any, **keywords: Any) -> None:
        object.__setattr__(self, "_at", link.ask("make", -1, name, arguments, keywords))

    def get(self: Any, attribute: str) -> Any:
        at = object.__getattribute__(self, "_at")
        found = link.ask("get", at, attribute)
        return function(link, at, attribute) if found is _Method else found

    def put(self: Any, attribute: str, value: Any) -> None:
        link.ask("set", object.__getattribute__(self, "_at"), attribute, (value,))

    body: dict[str, Any] = {"__init__": make, "__getattr__": get, "__setattr__": put}

    def refusing(operation: str) -> Callable[..., Any]:
        def refuse(*_: Any) -> Any:
            raise Over(b"~", f"{operation} of an object of {name}")

        return refuse

    # Whoever defines these decides what is equal, contained, true: only the program itself could.
    for operation in _OPERATIONS:
        body[f"__{operation}__"] = refusing(operation)
    body["__init_subclass__"] = refusing("a subclass")
    return _Class(name, (), body)


class _Class(type):
    """Of classes that stand for one of the program's."""

    def __getattr__(cls, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise Over(b"~", f"{cls.__name__}.{attribute}")


_OPERATIONS = (
    *("eq", "ne", "lt", "le", "gt", "ge", "hash", "bool", "len", "iter", "next", "reversed", "contains", "getitem"),
    *(
        "setitem",
        "delitem",
        "call",
        "enter",
        "exit",
        "str",
        "repr",
        "format",
        "bytes",
        "int",
        "float",
        "complex",
        "index",
    ),
    *("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil", "await", "aiter", "anext", "copy", "deepcopy"),
    *(
        f"{side}{name}"
        for side in ("", "r", "i")
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
    ),
    *(f"{side}{name}" for side in ("", "r", "i") for name in ("matmul", "and", "or", "xor", "lshift", "rshift")),
    *("divmod", "rdivmod", "delattr", "reduce_ex", "instancecheck", "subclasscheck"),
)


def stand_in(
    link: Link, namespace: dict[str, Any], asserts: str, context: str = "", classes: tuple[str, ...] = ()
) -> None:
    """Put proxies into the namespace for all that the tests use and do not define; raises what the program raised.

    classes  of the names, those that stand for classes: what the text says decides, and not what the program says, as a
             function's value has to be plain
    """

    def proxy(name: str) -> Any:
        return class_of(link, name) if name in classes else function(link, -1, name)

    names = _tested(f"{context}\n{asserts}", namespace)
    found = link.ask("names", -1, "", names)
    for name, standing in zip(names, found, strict=True):
        module = "numpy" if name == "np" else name
        if module in {*sys.stdlib_module_names, "numpy"} and f"{name}." in asserts and f"{name}(" not in asserts:
            namespace[name] = __import__(module)
        elif standing and name.endswith(("Error", "Exception")):
            raise Over(b"~", f"the program's own {name}")
        elif standing == 2:
            namespace[name] = link.ask("get", -1, name)
        elif standing == 1:
            namespace[name] = proxy(name)

    def attribute(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return proxy(name)

    # As whom a file of tests imports the program.
    for name in ("main", "solution"):
        program = type(sys)(name)
        program.__dict__.update(__all__=[], __getattr__=attribute)
        sys.modules[name] = program


def _tested(text: str, namespace: dict[str, Any]) -> list[str]:
    """Names that the program has to bring; well-known ones are put into `namespace` instead.

    Only where nothing else is tested may a function under test have a well-known name: abs and isclose decide asserts.
    """
    names, builtin_names = _wanted(text)
    own = [name for name in names if name not in _WELL_KNOWN]
    if not names:
        return builtin_names if len(builtin_names) == 1 else []
    if not own and len(names) == 1:
        return names
    for name in names:
        if name in _WELL_KNOWN:
            namespace[name] = getattr(__import__(_WELL_KNOWN[name]), name)
    return own


def _wanted(text: str) -> tuple[list[str], list[str]]:
    """Names that the text uses and does not bind at its top: those that are no builtins, and those that are."""
    top = _symtable.symtable(text, "asserts", "exec")
    bound = {name for name, flags in top.symbols.items() if flags & _BOUND}
    used: dict[str, None] = {}
    tables = [top]
    while tables:
        table = tables.pop()
        for name, flags in table.symbols.items():
            scope = flags >> _SCOPE_OFFSET & _SCOPE_MASK
            if flags & _USE and (table is top or scope in (_GLOBAL_EXPLICIT, _GLOBAL_IMPLICIT)) and name not in bound:
                used[name] = None
        tables += table.children
    builtin = {*vars(builtins), "__name__", "__file__", "__doc__"}
    return [name for name in used if name not in builtin], [name for name in used if name in vars(builtins)]


def _exception(names: list[str], words: str) -> Exception:
    found = [getattr(builtins, name, None) for name in names]
    kind = next((each for each in found if isinstance(each, type) and issubclass(each, Exception)), Exception)
    if issubclass(kind, StopIteration | StopAsyncIteration):
        kind = RuntimeError  # as in a generator: it would end all(map(...)) in silence
    if issubclass(kind, UnicodeError):
        kind = UnicodeError  # those of its kind are not made from words alone
    # The words begin with the exception's own name.
    said = words.partition(": ")[2]
    first = names[0]
    if first != kind.__name__:
        kind = type(first, (kind,), {})
    return kind(said) if said else kind()
