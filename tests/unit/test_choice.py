"""Which node gets a request; and when to come again, over every wire."""

from __future__ import annotations

import random
from collections import Counter

import msgspec

from engine.client.choice import less_loaded_of_two
from engine.client.member import Member
from engine.errors import AssayError, Overloaded
from engine.server.answers import error_answer
from engine.wire.cluster import Report
from engine.wire.messages import ErrorBody, error_body, error_from_wire


def member(name: str, *, under_way: int = 0, capacity: int = 100, cores: int = 1) -> Member:
    report = Report(node=name, host=name, state="ready", under_way=under_way, capacity=capacity, cores=cores)
    return Member(None, report)


def chosen(members: list[Member], times: int = 1000) -> Counter[str]:
    numbers = random.Random(7)
    found = (less_loaded_of_two(members, numbers) for _ in range(times))
    return Counter(each.report.node for each in found if each is not None)


def test_of_two_the_less_loaded_for_its_cores() -> None:
    assert chosen([member("a", under_way=9), member("b", under_way=10)]) == {"a": 1000}
    assert chosen([member("a", under_way=9), member("b", under_way=10, cores=2)]) == {"b": 1000}
    assert chosen([member("a")]) == {"a": 1000}
    assert less_loaded_of_two([], random.Random(1)) is None


def test_the_most_loaded_of_many_is_never_chosen_and_equal_ones_alike() -> None:
    counts = chosen([member(name, under_way=under_way) for name, under_way in (("a", 1), ("b", 1), ("c", 5))])
    assert set(counts) == {"a", "b"}
    assert abs(counts["a"] - counts["b"]) < 150


def test_a_full_one_only_where_none_has_room() -> None:
    full = [member(name, under_way=100) for name in "abcdefgh"]
    assert chosen(full) == {}
    assert chosen([*full, member("free", under_way=99)]) == {"free": 1000}


def test_what_others_have_there_is_what_is_not_ones_own() -> None:
    node = member("a", under_way=3)
    node.own = 2
    node.heard(7)
    assert (node.others, node.load) == (5, 7.0)
    node.refused()
    assert node.full


def test_when_to_come_again_goes_over_every_wire() -> None:
    for error, header in (
        (Overloaded("full", retry_seconds=1.2), b"\r\nretry-after: 2\r\n"),
        (Overloaded("full"), b""),
    ):
        body = msgspec.msgpack.encode(error_body(error))
        back: AssayError = error_from_wire(msgspec.msgpack.decode(body, type=ErrorBody))
        assert isinstance(back, Overloaded)
        assert back.retry_seconds == error.retry_seconds
        head = error_answer(error).head("1", chunked=False)
        assert header in head
        assert (b"retry-after" in head) == bool(header)
