"""A driver is one file that means what its modules mean."""

from __future__ import annotations

import ast
from importlib import resources

import pytest

from engine.harness.bundle import bundle
from engine.harness.channel import DRIVER_MODULES, known_scripts

# Of a message between supervisor and keeper, 64 KiB, in which all of them go with the words around them.
MOST_BYTES = 48 << 10


def names_of(module: str) -> set[str]:
    """What the module itself defines at its top."""
    names = set()
    for statement in ast.parse(resources.files("engine.harness.drivers").joinpath(f"{module}.py").read_text()).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return names


@pytest.mark.parametrize("modules", DRIVER_MODULES, ids=lambda modules: modules[-1])
def test_no_two_modules_give_a_name_to_different_things(modules: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for module in modules:
        for name in names_of(module):
            assert seen.setdefault(name, module) == module, name


@pytest.mark.parametrize("modules", DRIVER_MODULES, ids=lambda modules: modules[-1])
def test_what_only_readers_need_stays_here(modules: tuple[str, ...]) -> None:
    text = bundle(*modules).decode()
    for node in ast.walk(ast.parse(text)):
        assert not isinstance(node, ast.AnnAssign)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.returns is None
            assert ast.get_docstring(node) is None
        if isinstance(node, ast.ImportFrom):
            assert node.module in {"os", "_json", "fractions"}


def test_all_of_them_fit_into_one_message() -> None:
    assert sum(map(len, known_scripts())) < MOST_BYTES
