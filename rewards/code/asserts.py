"""What an asserts test tests, as far as its text shows it before anything runs."""

from __future__ import annotations

import ast
import re
import warnings
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


def names_of(asserts: str) -> frozenset[str]:
    """Names that the text uses and does not define itself; among them are those of what is tested."""
    text = asserts[:MAX_PARSED_CHARS]
    return frozenset(_NAME.findall(text)) - {bound[1] or bound[2] for bound in _BOUND.finditer(text)}
