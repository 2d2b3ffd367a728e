"""How a test becomes a job, and what came out of its channel an answer.

Into the sandbox goes marshal data, which the driver reads without importing anything; it is ours, so it may be
trusted. Expected values never go in.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from engine.errors import BadInput, SandboxError
from engine.harness.arguments import call_data
from engine.harness.bundle import bundle
from engine.harness.kinds import AssertsTest, CallTest, DialogueTest, StdinTest, Test, TestRun
from engine.harness.plain import HEADER_BYTES, NO_ANSWER, decode_answer
from engine.languages.language import Language
from engine.program import Outcome
from engine.wire.decode import unicode

DRIVEN_LANGUAGE: Final = "python"
DRIVER: Final = "/program/driver.py"
DRIVER_ARGUMENTS: Final = ("-s", DRIVER)
# The modules of drivers/ that each kind of test is run by.
_CALL: Final = ("program", "frames", "encoding", "call")
_IN_PROCESS: Final = ("program", "frames", "encoding", "run_tests", "asserts")
_PROXIED: Final = ("program", "frames", "encoding", "rebuilt", "run_tests", "served", "proxies", "proxied")
DRIVER_MODULES: Final = (_CALL, _IN_PROCESS, _PROXIED)
_NONCE_BYTES: Final = 32


class Call(msgspec.Struct, frozen=True):
    """What one test adds to a program's job: `driver` is empty and `channel` None where it runs by itself.

    driver      what stands in our file DRIVER
    processes   that our side takes beside the program's own
    """

    stdin: bytes = b""
    arguments: tuple[str, ...] = ()
    files: dict[str, bytes] = {}
    driver: bytes = b""
    channel: bytes | None = None
    nonce: bytes = b""
    processes: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes held while it waits."""
        return len(self.stdin) + len(self.channel or b"") + sum(map(len, self.files.values()))


def calls_of(tests: Sequence[Test], language: Language) -> list[Call]:
    """What each test needs; raises BadInput whose field begins with `tests[INDEX]`."""
    return [call_of(test, language, f"tests[{index}]") for index, test in enumerate(tests)]


def call_of(test: Test, language: Language, field: str) -> Call:
    """What `test` needs; raises BadInput under `field`."""
    if isinstance(test, StdinTest):
        _check_names(test.files, field)
        return Call(stdin=test.stdin, arguments=test.arguments, files=test.files)
    if language.name != DRIVEN_LANGUAGE:
        kind = "call" if isinstance(test, CallTest) else "asserts"
        text = test.call if isinstance(test, CallTest) else test.asserts
        raise BadInput(f"{field}.{kind}", text, f"only for {DRIVEN_LANGUAGE} programs, this one is {language.name}")
    if isinstance(test, CallTest):
        if not all(name.isidentifier() for name in test.call.split(".")):
            raise BadInput(f"{field}.call", test.call, "expected a function's name, or Class.method")
        if test.in_place is not None and not 0 <= test.in_place < len(test.arguments):
            raise BadInput(f"{field}.in_place", test.in_place, f"there are {len(test.arguments)} arguments")
        data = call_data(test.call, test.arguments, test.in_place, f"{field}.arguments")
        return Call(driver=bundle(*_CALL), channel=_frame(data))
    for name in ("asserts", "context"):
        unicode(getattr(test, name), f"{field}.{name}")
    nonce = os.urandom(_NONCE_BYTES)
    channel = _frame(marshal.dumps((nonce, test.asserts, test.context, test.classes, test.in_place), 4))
    if test.in_process:
        return Call(driver=bundle(*_IN_PROCESS), channel=channel, nonce=nonce)
    return Call(driver=bundle(*_PROXIED), channel=channel, nonce=nonce, processes=1)


def partners_calls(tests: Sequence[DialogueTest]) -> list[Call]:
    """What the partner is given in each; raises BadInput whose field begins with `tests[INDEX]`."""
    for index, test in enumerate(tests):
        _check_names(test.files, f"tests[{index}]")
    return [Call(arguments=test.arguments, files=test.files) for test in tests]


def _check_names(files: Iterable[str], field: str) -> None:
    for name in files:
        if "/" in name or "\0" in name or name in ("", ".", ".."):
            raise BadInput(f"{field}.files", name, "expected a file's name, without a directory")


def answer_of(test: Test, call: Call, outcome: Outcome) -> TestRun:
    """What the run of `test` came to."""
    if isinstance(test, StdinTest):
        return TestRun(outcome=outcome)
    if isinstance(test, AssertsTest):
        return _finish_of(test, call.nonce, outcome)
    returned, problem = decode_answer(outcome.channel)
    if not outcome.clean:
        # A value that was sent before the run went wrong does not count.
        returned, problem = msgspec.UNSET, problem or NO_ANSWER
    return TestRun(outcome=outcome, returned=returned, problem=problem)


def _finish_of(test: AssertsTest, nonce: bytes, outcome: Outcome) -> TestRun:
    if outcome.clean and outcome.channel == b"+" + nonce:
        return TestRun(outcome=outcome, finished=True)
    sign, words = outcome.channel[:1], outcome.channel[1:1100].decode("utf-8", "replace")
    # The program has no hand on this channel, unless it shares its process with the tests.
    if sign == b"?" and not test.in_process:
        raise SandboxError(f"asserts cannot be kept apart from the program: {words}")
    if sign == b"~" and not test.in_process:
        return TestRun(outcome=outcome, uses=words, problem=f"the tests use {words}, which cannot cross")
    if sign == b"-":
        problem = f"raised {words}"
    elif sign == b"!" and not test.in_process:
        problem = words
    else:
        problem = "the program ended before its asserts did"
    return TestRun(outcome=outcome, problem=problem)


def _frame(body: bytes) -> bytes:
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def known_scripts() -> list[bytes]:
    """What DRIVER may be: a Python that is ready compiles them ahead."""
    return [bundle(*modules) for modules in DRIVER_MODULES]
