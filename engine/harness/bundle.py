"""A driver as one file: the modules that it needs, without what only readers and type checkers need."""

from __future__ import annotations

import ast
from functools import cache
from importlib import resources
from typing import Final

_PLACE: Final = "engine.harness.drivers"
_FOR_CHECKERS: Final = frozenset({"__future__", "typing", "types", "collections.abc"})


@cache
def bundle(*names: str) -> bytes:
    """These modules of drivers/ in one text, each before those that import from it.

    They share one namespace: no two may give a name to different things.
    """
    place = resources.files(_PLACE)
    statements = [
        statement
        for name in names
        for statement in ast.parse(place.joinpath(f"{name}.py").read_text("utf-8")).body
        if not _stays_here(statement)
    ]
    return ast.unparse(_Bare().visit(ast.Module(statements, []))).encode()


def _stays_here(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.ImportFrom):
        return False
    module = statement.module or ""
    return module in _FOR_CHECKERS or module.startswith(_PLACE)


class _Bare(ast.NodeTransformer):
    """Takes docstrings and annotations away."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return ast.Pass() if is_text else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        return ast.Assign([node.target], self.visit(node.value), lineno=node.lineno) if node.value else ast.Pass()

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        node.returns = None
        self.generic_visit(node)
        return node
