"""Runs inside the sandbox: tests that are defined and that a framework would call, unittest's or pytest's."""

from __future__ import annotations

import sys
from typing import Any

_FUNCTION = type(lambda: None)


def run_tests(namespace: dict[str, Any]) -> None:
    """Call what is named like a test; raises what it raises, and AssertionError for unittest's failures."""
    unittest = sys.modules.get("unittest")
    found = [(name, value) for name, value in namespace.items() if name.lower().startswith("test") or _is_case(value)]
    for name, value in found:
        if unittest is not None and _is_case(value):
            _run_case(unittest, value)
        elif isinstance(value, type) and name.startswith("Test"):
            for method in [each for each in dir(value) if each.startswith("test")]:
                _run_method(value(), method)
        elif isinstance(value, _FUNCTION) and name.startswith("test") and _wants_nothing(value):
            value()


def _is_case(value: object) -> bool:
    unittest = sys.modules.get("unittest")
    return unittest is not None and isinstance(value, type) and issubclass(value, unittest.TestCase)


def _wants_nothing(function: Any) -> bool:
    code = function.__code__
    return bool(code.co_argcount == len(function.__defaults__ or ()) and not code.co_kwonlyargcount)


def _run_method(case: Any, name: str) -> None:
    for before in ("setup_method", "setUp"):
        if hasattr(case, before):
            getattr(case, before)()
    getattr(case, name)()


def _run_case(unittest: Any, case: type) -> None:
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    result = unittest.TestResult()
    suite.run(result)
    for _, trace in (*result.failures, *result.errors):
        raise AssertionError(trace.strip().rpartition("\n")[2])
    if result.unexpectedSuccesses:
        raise AssertionError("a test that was to fail did not")
