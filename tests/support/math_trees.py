r"""Random trees of constants, polynomials and functions: written as TeX, rewritten, and valued by python-flint.

A tree is a tuple of its kind and its parts, like ("add", a, b); ("int", n), ("x",), ("pi",) and ("e",) are leaves, and
("pow", a, n) has an integer.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

Tree = tuple[Any, ...]

_UNARY: Final = ("neg", "sqrt", "ln", "exp", "sin", "cos", "arctan")
_BINARY: Final = ("add", "sub", "mul", "div")
_FN: Final = {"ln": "\\ln", "sin": "\\sin", "cos": "\\cos", "arctan": "\\arctan"}


def constant(random: Random, depth: int) -> Tree:
    """Of integers, pi, e and functions of them."""
    return _tree(random, depth, [("pi",), ("e",)], [*_BINARY, *_BINARY, *_UNARY, "pow"])


def polynomial(random: Random, depth: int) -> Tree:
    """In x and y, over the integers."""
    return _tree(random, depth, [("x",), ("x",), ("y",)], ["add", "sub", "mul", "add", "mul", "pow", "neg"])


def function(random: Random, depth: int) -> Tree:
    """Of x."""
    return _tree(random, depth, [("x",), ("x",), ("x",)], [*_BINARY, *_BINARY, *_UNARY, "pow"])


def _tree(random: Random, depth: int, leaves: list[Tree], kinds: list[str]) -> Tree:
    if depth == 0 or random.random() < 0.15:
        return random.choice([*leaves, ("int", random.randint(1, 9)), ("int", random.randint(2, 40))])
    kind = random.choice(kinds)
    if kind == "pow":
        return ("pow", _tree(random, depth - 1, leaves, kinds), random.randint(2, 3))
    count = 2 if kind in _BINARY else 1
    return (kind, *(_tree(random, depth - 1, leaves, kinds) for _ in range(count)))


def written(tree: Tree) -> str:
    """As TeX, with brackets around every part."""
    kind, *parts = tree
    if kind == "int":
        return str(parts[0])
    if kind in ("x", "y", "e"):
        return str(kind)
    if kind == "pi":
        return "\\pi"
    if kind == "pow":
        return f"\\left({written(parts[0])}\\right)^{{{parts[1]}}}"
    texts = [written(part) for part in parts]
    if kind == "div":
        return f"\\frac{{{texts[0]}}}{{{texts[1]}}}"
    if kind == "sqrt":
        return f"\\sqrt{{{texts[0]}}}"
    if kind == "exp":
        return f"e^{{{texts[0]}}}"
    if kind == "neg":
        return f"\\left(-{_closed(parts[0])}\\right)"
    if kind in _FN:
        return f"{_FN[kind]}\\left({texts[0]}\\right)"
    sign = {"add": "+", "sub": "-", "mul": " \\cdot "}[kind]
    return f"\\left({_closed(parts[0])}{sign}{_closed(parts[1])}\\right)"


def _closed(tree: Tree) -> str:
    return written(tree) if tree[0] != "int" or tree[1] >= 0 else f"\\left({written(tree)}\\right)"


def rewritten(tree: Tree, random: Random) -> Tree:
    """The same value in other words, wherever the tree has one."""
    kind, *parts = tree
    parts = [rewritten(part, random) if isinstance(part, tuple) else part for part in parts]
    same: Tree = (kind, *parts)
    if random.random() < 0.5:
        return same
    if kind in ("add", "mul"):
        return (kind, parts[1], parts[0])
    if kind == "sub":
        return random.choice([("neg", ("sub", parts[1], parts[0])), ("add", parts[0], ("neg", parts[1]))])
    if kind == "div":
        return ("div", ("mul", ("int", 3), parts[0]), ("mul", ("int", 3), parts[1]))
    if kind == "pow":
        times: Tree = parts[0]
        for _ in range(parts[1] - 1):
            times = ("mul", times, parts[0])
        return times
    if kind == "neg":
        return ("sub", ("int", 2), ("add", ("int", 2), parts[0]))
    if kind == "sqrt":
        return ("div", ("sqrt", ("mul", ("int", 4), parts[0])), ("int", 2))
    if kind == "exp":
        return ("mul", ("exp", ("sub", parts[0], ("int", 1))), ("e",))
    if kind == "sin":
        return ("neg", ("sin", ("neg", parts[0])))
    if kind == "cos":
        return ("cos", ("neg", parts[0]))
    return same


def changed(tree: Tree, random: Random) -> Tree:
    """With one leaf or sign changed; the value may stay the same."""
    kind, *parts = tree
    if kind == "int":
        return ("int", parts[0] + 1)
    if not parts:
        return random.choice([("add", tree, ("int", 1)), ("mul", tree, ("int", 2)), ("int", 2)])
    if kind in ("add", "sub") and random.random() < 0.3:
        return ("sub" if kind == "add" else "add", *parts)
    if kind == "pow" and random.random() < 0.5:
        return ("pow", parts[0], parts[1] + 1)
    place = random.choice([place for place, part in enumerate(parts) if isinstance(part, tuple)])
    parts[place] = changed(parts[place], random)
    return (kind, *parts)


def enclosed(tree: Tree, x: Any, arb: Any) -> Any:
    """An `arb` around the value where x is that `arb`; not finite where it has no real value."""
    kind, *parts = tree
    if kind == "int":
        return arb(parts[0])
    if kind == "x":
        return x
    if kind == "pi":
        return arb.pi()
    if kind == "e":
        return arb(1).exp()
    if kind == "pow":
        return enclosed(parts[0], x, arb) ** parts[1]
    values = [enclosed(part, x, arb) for part in parts]
    a, b = values[0], values[-1]
    if kind in _BINARY:
        return {"add": a.__add__, "sub": a.__sub__, "mul": a.__mul__, "div": a.__truediv__}[kind](b)
    named = {"sqrt": a.sqrt, "ln": a.log, "exp": a.exp, "sin": a.sin, "cos": a.cos, "arctan": a.atan}
    return -a if kind == "neg" else named[kind]()


def expanded(tree: Tree, x: Any, y: Any) -> Any:
    """A tree of `polynomial`, of two of flint's polynomials."""
    kind, *parts = tree
    if kind == "int":
        return x * 0 + parts[0]
    if kind in ("x", "y"):
        return x if kind == "x" else y
    a = expanded(parts[0], x, y)
    if kind == "neg":
        return -a
    if kind == "pow":
        return a ** parts[1]
    b = expanded(parts[1], x, y)
    return {"add": a + b, "sub": a - b}[kind] if kind != "mul" else a * b
