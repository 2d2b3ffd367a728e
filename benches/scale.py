"""How requests are best spread over nodes: a simulation with the caller's own choice in it, beside real runs.

    python -m benches.scale --markdown benches/scale.md --png docs/pictures/cluster.png --real benches/scale.json

Nodes have slots; callers (fronts, trainers) know of a node what they have there and what it said last, as in
engine/client/member.py. Arrivals are Poisson at a share of what the slots can do; waits are those before a slot.
`benches.scale_real` measures what `--real` reads: real nodes of Ray, whose programs sleep, so that they share two cores
as nodes with cores of their own would not have to.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import simpy

from engine.client.choice import less_loaded_of_two
from engine.client.member import Member
from engine.wire.cluster import Report

SLOTS: Final = 4
CALLERS: Final = 4
# Ray's time to say that a call failed, as measured; and how long such a node stays away.
NOTICED_SECONDS: Final = 2.5
AWAY_SECONDS: Final = 10.0
FAILING_SECONDS: Final = 60.0
# What comes first finds the nodes empty, and is in no figure.
_WARM_SHARE: Final = 3
REPORT_SECONDS: Final = 1.0
POLICIES: Final = ("random", "round robin", "two choices", "central queue")

Events = Generator[Any, Any, None]


@dataclass
class Job:
    """Seconds: of its arrival, of its program, of its wait for a slot; `member` is where its caller has it."""

    came: float
    seconds: float
    waited: float = 0.0
    member: Member | None = None


class Node:
    """Slots that take from one queue; `line` is shared by all nodes where the queue is central."""

    def __init__(self, world: World, line: simpy.Store) -> None:
        self.world = world
        self.line = line
        self.inside = 0
        self.up = True
        self.back = world.env.event()
        self.workers = [world.env.process(self._work()) for _ in range(SLOTS)]

    def _work(self) -> Events:
        env = self.world.env
        while True:
            asked, job = self.line.get(), None
            try:
                job = yield asked
                job.waited = env.now - job.came
                yield env.timeout(job.seconds)
                self.world.answered(self, job)
            except simpy.Interrupt:
                job = asked.value if asked.triggered else None
                asked.cancel()
                if job is not None:
                    self.world.lost(job)
                yield self.back

    def fail(self) -> None:
        """Lose what is in, and stay away."""
        self.up, self.back, self.inside = False, self.world.env.event(), 0
        for worker in self.workers:
            worker.interrupt()
        if self.line is not self.world.line:
            lost, self.line.items = self.line.items, []
            for job in lost:
                self.world.lost(job)

    def come_back(self) -> None:
        """Take work again."""
        self.up = True
        self.back.succeed()


@dataclass
class World:
    """One simulated run of `count` jobs."""

    policy: str
    nodes_count: int
    count: int
    draw: Callable[[random.Random], float]
    load: float
    failing_seconds: float | None = None
    numbers: random.Random = field(default_factory=lambda: random.Random(1))
    # Of its own, so that every policy gets the same jobs at the same times.
    arriving: random.Random = field(default_factory=lambda: random.Random(2))
    env: simpy.Environment = field(default_factory=simpy.Environment)
    waits: list[float] = field(default_factory=list)

    def run(self) -> World:
        """All jobs, answered."""
        self.line = simpy.Store(self.env)
        central = self.policy == "central queue"
        self.nodes = [Node(self, self.line if central else simpy.Store(self.env)) for _ in range(self.nodes_count)]
        self.callers = [
            [
                Member(node, Report(node=str(index), host="", state="ready", capacity=1 << 30))
                for index, node in numbered
            ]
            for numbered in [list(enumerate(self.nodes))] * CALLERS
        ]
        self.turn = itertools.cycle(range(self.nodes_count))
        self.ended = self.env.event()
        self.env.process(self._arrivals())
        if self.policy == "two choices":
            self.env.process(self._reports())
        if self.failing_seconds is not None:
            for node in self.nodes:
                self.env.process(self._failures(node))
        self.env.run(self.ended)
        return self

    def _arrivals(self) -> Events:
        mean = sum(self.draw(self.arriving) for _ in range(20_000)) / 20_000
        rate = self.load * self.nodes_count * SLOTS / mean
        for _ in range(self.count):
            yield self.env.timeout(self.arriving.expovariate(rate))
            self.send(Job(self.env.now, self.draw(self.arriving)))

    def send(self, job: Job) -> None:
        """To a node, as the policy has it."""
        if self.policy == "central queue":
            self.line.put(job)
            return
        members = self.numbers.choice(self.callers)
        member = self._chosen(members)
        member.own += 1
        member.actor.inside += 1
        job.member = member
        if member.actor.up:
            member.actor.line.put(job)
        else:
            self.lost(job)

    def _chosen(self, members: list[Member]) -> Member:
        if self.policy == "two choices":
            up = members if self.failing_seconds is None else [each for each in members if not each.suspect]
            chosen = less_loaded_of_two(up or members, self.numbers)
            assert chosen is not None
            return chosen
        while True:
            at = next(self.turn) if self.policy == "round robin" else self.numbers.randrange(self.nodes_count)
            if not members[at].suspect or all(each.suspect for each in members):
                return members[at]

    def answered(self, node: Node, job: Job) -> None:
        """A node says so, and how much is in."""
        if job.member is not None:
            node.inside -= 1
            job.member.own -= 1
            job.member.heard(node.inside)
        self.waits.append(job.waited)
        if len(self.waits) == self.count:
            self.ended.succeed()

    def lost(self, job: Job) -> None:
        """Its caller notices after a while, and sends it elsewhere."""
        self.env.process(self._again(job))

    def _again(self, job: Job) -> Events:
        yield self.env.timeout(NOTICED_SECONDS)
        if job.member is not None:
            job.member.own -= 1
        self.send(job)

    def _reports(self) -> Events:
        while True:
            yield self.env.timeout(REPORT_SECONDS)
            for members in self.callers:
                for member in members:
                    member.heard(member.actor.inside)

    def _failures(self, node: Node) -> Events:
        assert self.failing_seconds is not None
        index = self.nodes.index(node)
        while True:
            yield self.env.timeout(self.numbers.expovariate(1 / self.failing_seconds))
            node.fail()
            yield self.env.timeout(NOTICED_SECONDS)
            for members in self.callers:
                members[index].suspect = True
            yield self.env.timeout(AWAY_SECONDS)
            node.come_back()
            for members in self.callers:
                members[index].suspect = False


def skewed(short_seconds: float) -> Callable[[random.Random], float]:
    """Most programs end at once, some work for half a second, a few spin until their limit of two."""

    def draw(numbers: random.Random) -> float:
        at = numbers.random()
        return short_seconds if at < 0.9 else 0.5 if at < 0.98 else 2.0

    return draw


def share(waits: Sequence[float], part: float) -> float:
    """The wait below which so large a part is."""
    return sorted(waits)[int(part * (len(waits) - 1))]


def closed_rate(nodes: int, seconds: Sequence[float], in_flight: int, overhead_seconds: float) -> float:
    """Jobs per second where `in_flight` of these are kept under way, by two choices, as benches.scale_real does."""
    left = iter(seconds)

    class Closed(World):
        def _arrivals(self) -> Events:
            for each in itertools.islice(left, in_flight):
                self.send(Job(self.env.now, each + overhead_seconds))
            yield self.env.timeout(0)

        def answered(self, node: Node, job: Job) -> None:
            super().answered(node, job)
            if (each := next(left, None)) is not None:
                self.send(Job(self.env.now, each + overhead_seconds))

    world = Closed("two choices", nodes, len(seconds), lambda _: 1.0, 0.0).run()
    return len(seconds) / float(world.env.now)


def main() -> None:
    """Simulate, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", type=Path, required=True)
    parser.add_argument("--png", type=Path, required=True)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--jobs-per-slot", type=int, default=100)
    arguments = parser.parse_args()
    real = json.loads(arguments.real.read_text())
    draw = skewed(real[0]["idle_seconds"])
    found: dict[bool, dict[str, dict[int, World]]] = {False: {}, True: {}}
    for fails, policy, nodes in itertools.product((False, True), POLICIES, (1, 10, 100, 1000)):
        if nodes > 1 or not fails:
            count = max(20_000, arguments.jobs_per_slot * nodes * SLOTS)
            world = World(policy, nodes, count, draw, 0.8, FAILING_SECONDS if fails else None).run()
            del world.waits[: count // _WARM_SHARE]
            found[fails].setdefault(policy, {})[nodes] = world
    from benches.scale_report import picture, table

    arguments.markdown.write_text(table(found, real))
    picture(found, arguments.png)
    print(arguments.markdown.read_text())


if __name__ == "__main__":
    main()
