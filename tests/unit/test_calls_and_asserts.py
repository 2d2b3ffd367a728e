"""What a test adds to a job, and when what came back counts."""

from __future__ import annotations

import msgspec
import pytest

from engine.errors import BadInput
from engine.harness.channel import answer_of, call_of
from engine.harness.kinds import AssertsTest, CallTest, StdinTest
from engine.languages.table import LANGUAGES
from engine.program import Outcome

PYTHON = LANGUAGES["python"]
ONE = b'\0\0\0\x10{"returned":[1]}'


def test_a_returned_value_counts_only_after_a_clean_end() -> None:
    test = CallTest("f", [])
    call = call_of(test, PYTHON, "tests[0]")
    assert answer_of(test, call, Outcome(exit_code=0, channel=ONE)).returned == [1]
    for outcome in (
        Outcome(exit_code=1, channel=ONE),
        Outcome(signal=9, stopped_by="cpu", channel=ONE),
        Outcome(exit_code=0, stdout_truncated=True, channel=ONE),
    ):
        run = answer_of(test, call, outcome)
        assert run.returned is msgspec.UNSET
        assert run.problem is not None


def test_asserts_are_finished_only_by_their_own_nonce() -> None:
    test = AssertsTest("assert True")
    call, other = call_of(test, PYTHON, "tests[0]"), call_of(test, PYTHON, "tests[0]")
    assert call.nonce != other.nonce
    good = b"+" + call.nonce
    assert answer_of(test, call, Outcome(exit_code=0, channel=good)).finished
    for code, channel in ((0, b""), (0, b"+" + other.nonce), (0, good * 2), (0, good[:-1]), (1, good), (0, call.nonce)):
        run = answer_of(test, call, Outcome(exit_code=code, channel=channel))
        assert not run.finished
        assert run.problem is not None
    run = answer_of(test, call, Outcome(exit_code=1, channel=b"-AssertionError: no"))
    assert run.problem == "raised AssertionError: no"


def test_a_stdin_test_uses_no_channel() -> None:
    call = call_of(StdinTest(b"x"), LANGUAGES["c"], "tests[0]")
    assert (call.stdin, call.channel, call.driver) == (b"x", None, b"")


@pytest.mark.parametrize("name", ["", "1x", "a b", "a.", ".a", "f()", "__import__('os')"])
def test_a_call_names_a_function(name: str) -> None:
    with pytest.raises(BadInput, match=r"tests\[3\]\.call"):
        call_of(CallTest(name, []), PYTHON, "tests[3]")


def test_calls_and_asserts_are_for_python() -> None:
    with pytest.raises(BadInput, match="only for python"):
        call_of(CallTest("f", []), LANGUAGES["cpp"], "tests[0]")
    with pytest.raises(BadInput, match="only for python"):
        call_of(AssertsTest("assert 1"), LANGUAGES["bash"], "tests[0]")
