"""The kinds of test that a program can be put to, and notebooks; nothing here knows a right answer."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.program import Outcome


class StdinTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Run the program with `stdin` as its standard input, with `arguments`, and with `files` (by name) in /work."""

    stdin: bytes = b""
    arguments: tuple[str, ...] = ()
    files: dict[str, bytes] = {}


class CallTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Call a function of the program: `call` is its name, or Class.method of a class that is made without arguments.

    A function that is not there is looked for in a class Solution. `arguments` are plain data: None, bool, int, float,
    complex, str, bytes, list, tuple, set, frozenset, dict.

    in_place    the answer is this argument as the function leaves it, by its index; None: what it returns
    """

    call: str
    arguments: list[Any] = []
    in_place: int | None = None


class AssertsTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Run `asserts`, Python text, in a process that sees the program as a proxy: calls and plain data cross, no more.

    context     text that runs before, beside the tests: helpers that they need
    classes     of the names that the tests use, those that are classes of the program's
    in_place    what a function does to its arguments is seen by the tests
    in_process  run them in the program's own namespace and process, where a cheating one can forge the end
    """

    asserts: str
    context: str = ""
    classes: tuple[str, ...] = ()
    in_place: bool = False
    in_process: bool = False


class DialogueTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the partner of a program is given, with which it talks: `arguments`, and `files` (by name) in /work."""

    arguments: tuple[str, ...] = ()
    files: dict[str, bytes] = {}


Test = StdinTest | CallTest | AssertsTest


class Dialogue(msgspec.Struct, frozen=True, kw_only=True):
    """What a program and its partner came to; each one's stdout is what it said.

    partner         None if the program does not compile; if the partner does not, this one's `compile` says so
    partner_first   the partner's end came before the program's; where it was no clean end, the program was ended for it
    """

    outcome: Outcome
    partner: Outcome | None = None
    partner_first: bool = False


class TestRun(msgspec.Struct, frozen=True, kw_only=True):
    """What one test's run came to.

    outcome     the kernel's facts
    returned    CallTest: what the function returned, as exact builtins; msgspec.UNSET if there is no such value
    finished    AssertsTest: the asserts ran to their end and none failed
    uses        AssertsTest: what the tests use that cannot cross, so that only `in_process` can tell; else None
    problem     why there is no returned value or no finish ("raised ValueError: ..."), else None; the program's words
    """

    __test__ = False  # pytest takes classes of this name for its own

    outcome: Outcome
    returned: object = msgspec.UNSET
    finished: bool = False
    uses: str | None = None
    problem: str | None = None


class Notebook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cells of Python, and what they find.

    cell_seconds   clock time of one cell, which is interrupted then; 0: no limit but the other
    total_seconds  clock time of all cells, from when the kernel is ready
    files, image   as of a Program
    """

    cells: tuple[str, ...]
    cell_seconds: float = 0.0
    total_seconds: float = 45.0
    files: dict[str, bytes] = {}
    image: str | None = None


class NotebookCell(msgspec.Struct, frozen=True, kw_only=True):
    """What one cell gave, by the program's own word: `display` has maps of MIME types, `error` those of a kernel."""

    stdout: str
    stderr: str
    display: list[dict[str, Any]]
    error: list[dict[str, Any]]


class NotebookRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a notebook came to.

    outcome    of what runs the kernel
    cells      one for each cell; None if it did not get to its end
    timed_out  the time of all cells was over
    missing    what the program's Python lacks to run notebooks at all, else None
    """

    outcome: Outcome
    cells: list[NotebookCell] | None = None
    timed_out: bool = False
    missing: str | None = None
