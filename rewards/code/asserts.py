"""What an asserts test tests, as far as its text shows it before anything runs."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# Of all asserts of an item together: parsing takes 2 us and a hundred times the memory a character, on the event loop.
MAX_PARSED_CHARS: Final = 32_768
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_BOUND: Final = re.compile(r"\b(?:def|class|for|as|import)[ \t]+(\w+)|^[ \t]*(\w+)[ \t]*=(?!=)", re.MULTILINE)


def problem_of(asserts: str, *, parses: bool = True) -> str | None:
    """Why every program would pass these statements, or none could; None if there is nothing to be said.

    Empty texts, comments, and functions or classes that nobody calls test nothing. `parses` says whether it is a
    problem that this Python cannot parse the text.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(asserts).body
    except (SyntaxError, ValueError) as error:
        if not parses:
            return None
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"not Python: {error.msg if isinstance(error, SyntaxError) else error}{line}"
    except (RecursionError, MemoryError):
        # Python's own limits on nesting: whoever runs it will see.
        return None
    if not body:
        return "expected at least one statement: this passes every program"
    if any(_tests(statement) for statement in body):
        return None
    if any(_is_named_as_a_test(statement) for statement in body):
        return None
    defined = [each.name for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    if defined:
        return f"{defined[-1]} is defined and never called, so this passes every program: add a line that calls it"
    return "nothing is asserted or called, so this passes every program"


def _tests(statement: ast.stmt) -> bool:
    """Whether running it may fail for a program: whatever is no definition, import or plain value."""
    match statement:
        case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return False
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(statement.decorator_list)
        case ast.ClassDef():
            return bool(statement.decorator_list) or any(_tests(each) for each in statement.body)
        case ast.Assign() | ast.AnnAssign():
            return statement.value is not None and any(isinstance(each, ast.Call) for each in ast.walk(statement.value))
        case _:
            return True


def _is_named_as_a_test(statement: ast.stmt) -> bool:
    """Whether pytest or unittest would call it, and so the driver does (engine/harness/drivers/run_tests.py)."""
    match statement:
        case ast.FunctionDef(name=name, args=arguments):
            return name.startswith("test") and len(arguments.args) == len(arguments.defaults) and _tests_in(statement)
        case ast.ClassDef(name=name, bases=bases):
            named = name.startswith("Test") or any(ast.unparse(base).endswith("TestCase") for base in bases)
            return named and any(
                isinstance(each, ast.FunctionDef) and each.name.startswith("test") and _tests_in(each)
                for each in statement.body
            )
        case _:
            return False


def _tests_in(function: ast.FunctionDef) -> bool:
    return any(_tests(statement) for statement in function.body)


# What one process cannot do to another: take its output, patch it, look into its objects, await what it made.
_OUTPUT: Final = ("redirect_stdout", "redirect_stderr", "stdin", "stdout", "stderr", "capsys", "capfd", "caplog")
_PATCHES: Final = (
    "mock",
    "patch",
    "monkeypatch",
    "inspect",
    "getsource",
    "signature",
    "globals",
    "locals",
    "importlib",
)
_INSIDE: Final = (
    "__globals__",
    "__code__",
    "__annotations__",
    "__doc__",
    "__dict__",
    "Generator",
    "Iterator",
    "asyncio",
)
_IN_PROCESS: Final = frozenset({*_OUTPUT, *_PATCHES, *_INSIDE})


@dataclass(frozen=True, slots=True)
class Needs:
    """What the text of an asserts test shows before it runs.

    in_process  the word that says that the program has to be in the same process; None if there is none
    in_place    some test calls a function without looking at what it returns: what it does to its arguments is tested
    classes     names of the program's that are used as classes: capitalised, and what they make has attributes
    """

    in_process: str | None = None
    in_place: bool = False
    classes: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def needs_of(asserts: str) -> Needs:
    """What the text needs; nothing of one that is longer than `MAX_PARSED_CHARS`, or that this Python cannot parse."""
    if len(asserts) > MAX_PARSED_CHARS:
        return Needs()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(asserts)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Needs()
    defined = {each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    words = {word for each in nodes for word in _words_of(each)} - defined
    in_place = any(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Call)
        and isinstance(each.value.func, ast.Name)
        and each.value.func.id not in defined
        and not hasattr(builtins, each.value.func.id)
        and bool(each.value.args)
        for each in nodes
    )
    return Needs(min(words & _IN_PROCESS, default=None), in_place, tuple(sorted(_classes(nodes) - defined)))


def _classes(nodes: list[ast.AST]) -> set[str]:
    looked_into = [each.value for each in nodes if isinstance(each, ast.Attribute)]
    names = {_last_name(each) for each in looked_into}
    made = [each for each in looked_into if isinstance(each, ast.Call)]
    for each in nodes:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
            made += [each.value for target in each.targets if _last_name(target) in names]
    called = {each.func.id for each in made if isinstance(each.func, ast.Name)}
    return {name for name in called if name[:1].isupper()}


def _last_name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def _words_of(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return (name,)
        case ast.Import(names=names):
            return tuple(each.name for each in names)
        case ast.ImportFrom(module=module, names=names):
            return (module or "", *(each.name for each in names))
        case ast.AsyncFunctionDef() | ast.Await():
            return ("asyncio",)
        case _:
            return ()


def names_of(asserts: str) -> frozenset[str]:
    """Names that the text uses and does not define itself; among them are those of what is tested."""
    text = asserts[:MAX_PARSED_CHARS]
    return frozenset(_NAME.findall(text)) - {bound[1] or bound[2] for bound in _BOUND.finditer(text)}
