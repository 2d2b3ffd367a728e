"""What LeetCode's stubs presuppose: its imports, its node classes, and lifted limits.

The names become builtins, so that a program that defines or imports one of its own has that; a name that is a builtin
already stays what it is.
"""

from __future__ import annotations

import bisect
import builtins
import collections
import copy
import functools
import heapq
import importlib.util
import itertools
import math
import operator
import string
import sys
import typing

# As LiveCodeBench's grader has it.
sys.setrecursionlimit(50_000)
sys.set_int_max_str_digits(0)


class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next


class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right


def lazy(name):
    """The module, loaded when it is first used: these cost more than all those above."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    loader = spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


names = {}
for module in (string, operator, copy, itertools, functools, math, bisect, heapq, collections, typing):
    public = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    names.update((name, getattr(module, name)) for name in public)
    names[module.__name__] = module
names.update((name, lazy(name)) for name in ("datetime", "json", "random", "re", "statistics"))
names.update(ListNode=ListNode, TreeNode=TreeNode, sys=sys)
for name, value in names.items():
    if not hasattr(builtins, name):
        setattr(builtins, name, value)
