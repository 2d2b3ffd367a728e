"""Bounded, fair between clients, and nobody who was let in is turned away but by their own deadline."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable

import pytest

from engine.errors import BadInput, Overloaded, SandboxError
from engine.lease import MEMORY_AT_FIRST, Lease, Ticket
from engine.pool.job import Completion, Job, Joined
from engine.program import MIB, Limits
from engine.queue import Queue

# In MiB, as every number of memory here.
MEMORY = 1000
PART = MEMORY_AT_FIRST // MIB


class NoSlots:
    """The queue alone is tested: nothing is run."""

    async def run(self, job: Job, ended: Callable[[], None], reserved_bytes: int) -> Completion:
        raise NotImplementedError

    async def run_joined(
        self,
        job: Job,
        partner: Job,
        ended: tuple[Callable[[], None], Callable[[], None]],
        reserved_bytes: tuple[int, int],
    ) -> Joined:
        raise NotImplementedError


def queue(*, on_demand: bool = False, memory: int = MEMORY, **changes: int) -> Queue:
    return Queue(
        NoSlots(),
        on_demand=on_demand,
        memory_bytes=memory * MIB,
        **({"slots": 1, "processes": 100, "queue_runs": 10, "queue_bytes": 1000} | changes),
    )


def needs(memory: int, cpu_seconds: float = 1.0, processes: int = 1) -> Limits:
    return Limits(memory_bytes=memory * MIB, cpu_seconds=cpu_seconds, processes=processes)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Clock:
    """The loop's time, which stands still between two calls of `pass_by`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._now = loop.time()
        patch.setattr(loop, "time", lambda: self._now)

    async def pass_by(self, seconds: float) -> None:
        self._now += seconds
        await settle()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clock]:
    with monkeypatch.context() as patch:
        yield Clock(patch)


def enter(at: Queue, client: str = "", size_bytes: int = 1, deadline_seconds: float | None = None) -> Ticket:
    return at.enter(client, size_bytes, deadline_seconds)


async def test_a_free_slot_is_given_without_waiting() -> None:
    at = queue()
    request = enter(at)
    lease = await at.lease(request, needs(1))
    assert lease.waited_seconds == 0.0
    assert (at.running, at.queued) == (1, 0)
    lease.give_back()
    at.leave(request)
    assert (at.running, at.queued, at.bytes_held) == (0, 0, 0)


async def test_a_full_queue_refuses_at_once() -> None:
    at = queue(queue_runs=2)
    running = enter(at)
    await at.lease(running, needs(1))
    waiting = [enter(at), enter(at)]
    with pytest.raises(Overloaded, match="the queue is full: 2 requests wait"):
        enter(at)
    assert at.refused == 1
    at.leave(waiting[0])
    enter(at)


async def test_bytes_are_bounded() -> None:
    at = queue(queue_bytes=100)
    first = enter(at, size_bytes=60)
    with pytest.raises(Overloaded, match="hold 60 bytes"):
        enter(at, size_bytes=41)
    at.leave(first)
    enter(at, size_bytes=100)
    with pytest.raises(BadInput, match="queue_bytes"):
        enter(at, size_bytes=101)


async def test_who_cannot_be_reached_in_time_is_told_at_once(clock: Clock) -> None:
    at = queue(queue_runs=1000)

    async def work(client: str) -> None:
        request = enter(at, client)
        lease = await at.lease(request, needs(1))
        served.append(lease)

    served: list[Lease] = []
    tasks = [asyncio.create_task(work("greedy")) for _ in range(100)]
    await settle()
    # One slot, a second each.
    for _ in range(10):
        await clock.pass_by(1.0)
        served[-1].give_back()
        await settle()
    with pytest.raises(Overloaded, match=r"89 requests come first and take some \d+ s: over 30 s"):
        enter(at, "greedy", deadline_seconds=30)
    assert at.refused == 1
    # Close enough to be worth waiting, and another client whose turn comes next.
    at.leave(enter(at, "greedy", deadline_seconds=60))
    at.leave(enter(at, "other", deadline_seconds=1))
    at.leave(enter(at, "greedy"))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_clients_are_served_in_turn() -> None:
    at = queue(queue_runs=1000)
    served: list[str] = []

    async def work(client: str) -> None:
        request = enter(at, client)
        lease = await at.lease(request, needs(1))
        served.append(client)
        await asyncio.sleep(0)
        lease.give_back()
        at.leave(request)

    blocker = enter(at, "blocker")
    blocker_lease = await at.lease(blocker, needs(1))
    tasks = [asyncio.create_task(work("greedy")) for _ in range(100)]
    await settle()
    tasks += [asyncio.create_task(work(client)) for client in ("a", "b", "a", "b", "c")]
    await settle()
    blocker_lease.give_back()
    await asyncio.gather(*tasks)
    assert served[:9] == ["greedy", "a", "b", "c", "greedy", "a", "b", "greedy", "greedy"]
    assert len(served) == 105
    assert at.running == 0


async def test_one_client_is_first_come_first_served() -> None:
    at = queue()
    order: list[int] = []

    async def work(number: int) -> None:
        request = enter(at)
        lease = await at.lease(request, needs(1))
        order.append(number)
        lease.give_back()
        at.leave(request)

    blocker = enter(at)
    blocker_lease = await at.lease(blocker, needs(1))
    tasks = [asyncio.create_task(work(number)) for number in range(9)]
    await settle()
    blocker_lease.give_back()
    await asyncio.gather(*tasks)
    assert order == list(range(9))


async def test_the_clients_own_deadline_expires_it() -> None:
    at = queue()
    holder = enter(at)
    holder_lease = await at.lease(holder, needs(1))
    late = enter(at, deadline_seconds=0.02)
    with pytest.raises(Overloaded, match=r"queue deadline passed after 0\.02 s"):
        await at.lease(late, needs(1))
    at.leave(late)
    assert (at.expired, at.queued) == (1, 0)
    holder_lease.give_back()
    assert at.running == 0


async def test_an_error_of_the_queue_needs_no_collection() -> None:
    at = queue()
    holder = enter(at)
    await at.lease(holder, needs(1))
    late = enter(at, deadline_seconds=0.01)
    gc.disable()
    try:
        with pytest.raises(Overloaded) as caught:
            await at.lease(late, needs(1))
        error = weakref.ref(caught.value)
        del caught
        # asyncio has it until this task's turn is over.
        await asyncio.sleep(0)
        assert error() is None
    finally:
        gc.enable()


async def test_without_a_deadline_or_with_patience_it_waits(clock: Clock) -> None:
    at = queue()
    holder = enter(at)
    await at.lease(holder, needs(1))
    tasks = [
        asyncio.create_task(at.lease(enter(at), needs(1))),
        asyncio.create_task(at.lease(enter(at, deadline_seconds=0.01), needs(1), patient=True)),
    ]
    await settle()
    await clock.pass_by(1000)
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_running_does_not_use_up_the_deadline_but_waiting_does(clock: Clock) -> None:
    at = queue()
    request = enter(at, deadline_seconds=0.1)
    lease = await at.lease(request, needs(1))
    await clock.pass_by(0.12)
    lease.give_back()
    lease = await at.lease(request, needs(1))
    lease.give_back()
    holder = enter(at)
    holder_lease = await at.lease(holder, needs(1))
    task = asyncio.create_task(at.lease(request, needs(1)))
    await settle()
    await clock.pass_by(0.06)
    holder_lease.give_back()
    lease = await task
    assert lease.waited_seconds == pytest.approx(0.06)
    lease.give_back()
    await at.lease(holder, needs(1))
    task = asyncio.create_task(at.lease(request, needs(1)))
    await settle()
    await clock.pass_by(0.03)
    assert not task.done()
    await clock.pass_by(0.02)
    assert task.done()
    with pytest.raises(Overloaded, match=r"deadline passed after 0\.1 s"):
        await task


async def test_cancelled_while_waiting_leaves_no_trace() -> None:
    at = queue()
    holder, waiting, next_one = enter(at), enter(at), enter(at)
    holder_lease = await at.lease(holder, needs(1))
    task = asyncio.create_task(at.lease(waiting, needs(1)))
    follower = asyncio.create_task(at.lease(next_one, needs(1)))
    await settle()
    task.cancel()
    # The slot becomes free before the cancelled task has run again.
    holder_lease.give_back()
    with pytest.raises(asyncio.CancelledError):
        await task
    await follower
    assert (at.running, next_one.leases, waiting.leases) == (1, 1, 0)


async def test_cancelled_after_the_grant_gives_the_slot_back() -> None:
    at = queue()
    holder, granted, next_one = enter(at), enter(at), enter(at)
    holder_lease = await at.lease(holder, needs(1))
    task = asyncio.create_task(at.lease(granted, needs(1)))
    follower = asyncio.create_task(at.lease(next_one, needs(1)))
    await settle()
    holder_lease.give_back()
    assert granted.leases == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await follower
    assert (at.running, next_one.leases, granted.leases) == (1, 1, 0)


async def test_leaving_while_the_slot_is_still_in_use() -> None:
    at = queue()
    request = enter(at)
    lease = await at.lease(request, needs(1))
    at.leave(request)
    assert (at.running, at.queued) == (1, 0)
    lease.give_back()
    assert (at.running, at.queued) == (0, 0)


async def test_memory_admits_and_nobody_overtakes_a_large_one() -> None:
    at = queue(slots=4)
    small = [enter(at, str(number)) for number in range(3)]
    large = enter(at, "large")
    first_leases = [await at.lease(small[0], needs(400)), await at.lease(small[1], needs(400))]
    big = asyncio.create_task(at.lease(large, needs(900)))
    await settle()
    little = asyncio.create_task(at.lease(small[2], needs(100)))
    await settle()
    assert (big.done(), little.done()) == (False, False)
    first_leases[0].give_back()
    await settle()
    assert not big.done()
    first_leases[1].give_back()
    await big
    await little
    assert at.running == 2


async def test_alone_anything_fits() -> None:
    at = queue(slots=2)
    request = enter(at)
    assert (await at.lease(request, needs(10 * MEMORY))).waited_seconds == 0.0


async def test_a_large_one_that_gives_up_lets_the_others_go_on() -> None:
    at = queue(slots=2)
    holder, large, small = enter(at), enter(at, deadline_seconds=0.02), enter(at)
    await at.lease(holder, needs(500))
    big = asyncio.create_task(at.lease(large, needs(900)))
    await settle()
    little = asyncio.create_task(at.lease(small, needs(100)))
    with pytest.raises(Overloaded):
        await big
    await asyncio.wait_for(little, 1)


async def test_closing_turns_everybody_away() -> None:
    at = queue()
    holder, waiting = enter(at), enter(at)
    holder_lease = await at.lease(holder, needs(1))
    task = asyncio.create_task(at.lease(waiting, needs(1)))
    await settle()
    at.close("the engine is closed")
    with pytest.raises(SandboxError, match="closed"):
        await task
    with pytest.raises(SandboxError, match="closed"):
        enter(at)
    holder_lease.give_back()
    with pytest.raises(SandboxError, match="closed"):
        holder_lease = await at.lease(holder, needs(1))


async def test_a_short_run_goes_first_but_not_before_one_that_has_waited(clock: Clock) -> None:
    at = queue()
    holder_lease = await at.lease(enter(at), needs(1))
    order: list[str] = []

    async def work(name: str, cpu_seconds: float) -> None:
        lease = await at.lease(enter(at), needs(1, cpu_seconds=cpu_seconds))
        order.append(name)
        lease.give_back()

    tasks = []
    for name, cpu_seconds, passes in (("long", 10, 1), ("short", 1, 9), ("late", 1, 0)):
        tasks.append(asyncio.create_task(work(name, cpu_seconds)))
        await settle()
        await clock.pass_by(passes)
    holder_lease.give_back()
    await asyncio.gather(*tasks)
    assert order == ["short", "long", "late"]


async def test_who_holds_the_fewest_slots_goes_first() -> None:
    at = queue(slots=5)
    first = [await at.lease(enter(at, "loops"), needs(1)) for _ in range(4)] + [
        await at.lease(enter(at, "a"), needs(1))
    ]
    more = asyncio.create_task(at.lease(enter(at, "loops"), needs(1)))
    await settle()
    others = [asyncio.create_task(at.lease(enter(at, client), needs(1))) for client in ("a", "b")]
    await settle()
    for lease in first[:2]:
        lease.give_back()
        await settle()
    assert (more.done(), [task.done() for task in others]) == (False, [True, True])
    first[2].give_back()
    await more


async def test_one_client_leaves_some_for_others() -> None:
    at = queue(slots=16, memory=1600)
    tasks = [asyncio.create_task(at.lease(enter(at, "greedy"), needs(10))) for _ in range(20)]
    await settle()
    assert sum(task.done() for task in tasks) == 14
    await asyncio.wait_for(at.lease(enter(at, "late"), needs(100)), 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    large = queue(slots=16, memory=1600)
    tasks = [asyncio.create_task(large.lease(enter(large, "greedy"), needs(700))) for _ in range(2)]
    await settle()
    assert [task.done() for task in tasks] == [True, True]
    third = asyncio.create_task(large.lease(enter(large, "greedy"), needs(100)))
    await settle()
    assert not third.done()
    await asyncio.wait_for(large.lease(enter(large, "late"), needs(100)), 1)
    (await tasks[0]).give_back()
    await third


async def test_processes_admit_too() -> None:
    at = queue(slots=4)
    lease = await at.lease(enter(at, "a"), needs(1, processes=60))
    waiting = asyncio.create_task(at.lease(enter(at, "b"), needs(1, processes=60)))
    await settle()
    assert not waiting.done()
    lease.give_back()
    await waiting


async def test_two_slots_are_taken_at_once_or_none() -> None:
    at = queue(slots=3)
    pairs = [asyncio.create_task(at.lease_together(enter(at, client), needs(1), needs(1))) for client in "abc"]
    await settle()
    # One slot is free, and nobody holds it while waiting for another.
    assert ([task.done() for task in pairs], at.running) == ([True, False, False], 2)
    small = asyncio.create_task(at.lease(enter(at, "d"), needs(1)))
    await settle()
    assert not small.done(), "nobody overtakes whose turn it is"
    for task in pairs:
        first, second = await asyncio.wait_for(task, 1)
        assert first.waited_seconds == second.waited_seconds
        first.give_back()
        await settle()
        second.give_back()
    (await small).give_back()
    assert at.running == 0


async def test_two_slots_need_the_memory_and_processes_of_both() -> None:
    at = queue(slots=4)
    holder = await at.lease(enter(at, "a"), needs(400))
    pair = asyncio.create_task(at.lease_together(enter(at, "b"), needs(300), needs(400)))
    await settle()
    assert not pair.done()
    holder.give_back()
    leases = await pair
    assert [lease.want.memory_bytes for lease in leases] == [300 * MIB, 400 * MIB]
    third = asyncio.create_task(at.lease(enter(at, "c"), needs(500)))
    await settle()
    assert not third.done()
    leases[1].give_back()
    await third


async def test_a_pair_that_is_cancelled_gives_both_back() -> None:
    at = queue(slots=2)
    holder_lease = await at.lease(enter(at), needs(1))
    request = enter(at)
    pair = asyncio.create_task(at.lease_together(request, needs(1), needs(1)))
    await settle()
    holder_lease.give_back()
    assert request.leases == 2
    pair.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pair
    assert (at.running, request.leases) == (0, 0)


async def test_more_slots_than_there_are_is_told_at_once() -> None:
    at = queue(slots=1)
    request = enter(at)
    with pytest.raises(SandboxError, match="2 programs have to run at once, and the slots here are 1"):
        await at.lease_together(request, needs(1), needs(1))
    at.leave(request)
    assert (at.running, at.queued) == (0, 0)


async def test_one_client_may_have_a_pair_in_the_fewest_slots() -> None:
    for slots in range(2, 20):
        at = queue(slots=slots)
        first, second = await asyncio.wait_for(at.lease_together(enter(at), needs(1), needs(1)), 1)
        first.give_back()
        second.give_back()


async def test_a_part_of_its_memory_is_set_aside_until_a_run_was_evicted() -> None:
    at = queue(on_demand=True, slots=20, memory=10 * PART)
    request = enter(at, "a")
    limits = needs(8 * PART)
    lease = await at.lease(request, limits)
    assert lease.want.memory_bytes == MEMORY_AT_FIRST
    small = await at.lease(enter(at, "e"), needs(1))
    assert small.want.memory_bytes == MIB
    small.give_back()
    many = [await at.lease(enter(at, name), limits) for name in "bcd"]
    request.was_evicted = True
    lease.give_back()
    whole = asyncio.create_task(at.lease(request, limits, patient=True))
    await settle()
    assert not whole.done(), "ten parts, three are others'"
    many.pop().give_back()
    assert (await whole).want.memory_bytes == limits.memory_bytes


async def test_where_nothing_can_be_evicted_all_of_it_is_set_aside() -> None:
    at = queue(slots=20, memory=10 * PART)
    limits = needs(5 * PART)
    leases = [await at.lease(enter(at, name), limits) for name in "ab"]
    assert [lease.want.memory_bytes for lease in leases] == [limits.memory_bytes] * 2
    assert at.spare("c", limits) is None
    assert at.running == 2
