"""How a test becomes a job, and what came out of its channel an answer.

Into the sandbox goes marshal data, which the driver reads without importing anything; it is ours, so it may be
trusted. Expected values never go in.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Sequence
from importlib import resources
from typing import Final

import msgspec

from engine.errors import BadInput
from engine.harness.arguments import call_data
from engine.harness.kinds import AssertsTest, CallTest, StdinTest, Test, TestRun
from engine.harness.plain import HEADER_BYTES, NO_ANSWER, decode_answer
from engine.languages.table import Language
from engine.program import Outcome
from engine.wire.decode import unicode

DRIVEN_LANGUAGE: Final = "python"
DRIVER_PATH: Final = "/program/driver.py"
DRIVER_ARGUMENTS: Final = ("-s", DRIVER_PATH)
_NONCE_BYTES: Final = 32


class Call(msgspec.Struct, frozen=True):
    """What one test adds to a program's job: `driver` and `channel` are None where it runs by itself."""

    stdin: bytes = b""
    driver: bytes | None = None
    channel: bytes | None = None
    nonce: bytes = b""

    @property
    def size_bytes(self) -> int:
        """Bytes held while it waits."""
        return len(self.stdin) + len(self.channel or b"")


def calls_of(tests: Sequence[Test], language: Language) -> list[Call]:
    """What each test needs; raises BadInput whose field begins with `tests[INDEX]`."""
    return [call_of(test, language, f"tests[{index}]") for index, test in enumerate(tests)]


def call_of(test: Test, language: Language, field: str) -> Call:
    """What `test` needs; raises BadInput under `field`."""
    if isinstance(test, StdinTest):
        return Call(stdin=test.stdin)
    if language.name != DRIVEN_LANGUAGE:
        kind = "call" if isinstance(test, CallTest) else "asserts"
        text = test.call if isinstance(test, CallTest) else test.asserts
        raise BadInput(f"{field}.{kind}", text, f"only for {DRIVEN_LANGUAGE} programs, this one is {language.name}")
    if isinstance(test, CallTest):
        if not all(name.isidentifier() for name in test.call.split(".")):
            raise BadInput(f"{field}.call", test.call, "expected a function's name, or Class.method")
        data = call_data(test.call, test.arguments, f"{field}.arguments")
        return Call(driver=_driver("call.py"), channel=_frame(data))
    unicode(test.asserts, f"{field}.asserts")
    nonce = os.urandom(_NONCE_BYTES)
    channel = _frame(marshal.dumps((nonce, test.asserts), 4))
    return Call(driver=_driver("asserts.py"), channel=channel, nonce=nonce)


def answer_of(test: Test, call: Call, outcome: Outcome) -> TestRun:
    """What the run of `test` came to."""
    if isinstance(test, StdinTest):
        return TestRun(outcome=outcome)
    if isinstance(test, AssertsTest):
        return _finish_of(call.nonce, outcome)
    returned, problem = decode_answer(outcome.channel)
    if not outcome.clean:
        # A value that was sent before the run went wrong does not count.
        returned, problem = msgspec.UNSET, problem or NO_ANSWER
    return TestRun(outcome=outcome, returned=returned, problem=problem)


def _finish_of(nonce: bytes, outcome: Outcome) -> TestRun:
    if outcome.clean and outcome.channel == b"+" + nonce:
        return TestRun(outcome=outcome, finished=True)
    if outcome.channel[:1] == b"-":
        problem = f"raised {outcome.channel[1:1100].decode('utf-8', 'replace')}"
    else:
        problem = "the program ended before its asserts did"
    return TestRun(outcome=outcome, problem=problem)


def _frame(body: bytes) -> bytes:
    return len(body).to_bytes(HEADER_BYTES, "big") + body


_drivers: dict[str, bytes] = {}


def _driver(name: str) -> bytes:
    if name not in _drivers:
        _drivers[name] = resources.files("engine.harness.drivers").joinpath(name).read_bytes()
    return _drivers[name]


def drivers() -> tuple[bytes, ...]:
    """The text of each, as it is sent along with a test."""
    return _driver("call.py"), _driver("asserts.py")
