"""Counters and histograms of the daemon, in the Prometheus text format."""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REMEMBERED_PROGRAMS: Final = 10_000


class Counter:
    """A number per set of label values; used for gauges as well."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = (), *, kind: str = "counter") -> None:
        self._name, self._meaning, self._labels, self._kind = name, meaning, tuple(labels), kind
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *labels: str, amount: float = 1) -> None:
        """Add to the number under these label values."""
        self._values[labels] = self._values.get(labels, 0) + amount

    def set(self, value: float, *labels: str) -> None:
        """Replace the number under these label values."""
        self._values[labels] = value

    def lines(self) -> Iterator[str]:
        """The text format."""
        yield from _head(self._name, self._meaning, self._kind)
        for labels, value in sorted(self._values.items()):
            yield f"{self._name}{_labels(dict(zip(self._labels, labels, strict=True)))} {value:.12g}"


class Histogram:
    """Seconds per set of label values."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self._name, self._meaning, self._labels = name, meaning, tuple(labels)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one observation."""
        counts = self._counts.setdefault(labels, [0] * (len(_SECONDS) + 1))
        counts[bisect.bisect_left(_SECONDS, seconds)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """The text format."""
        yield from _head(self._name, self._meaning, "histogram")
        for labels, counts in sorted(self._counts.items()):
            named = dict(zip(self._labels, labels, strict=True))
            total = 0
            for bound, count in zip((*map(str, _SECONDS), "+Inf"), counts, strict=True):
                total += count
                yield f"{self._name}_bucket{_labels({**named, 'le': bound})} {total}"
            yield f"{self._name}_sum{_labels(named)} {self._sums[labels]:.12g}"
            yield f"{self._name}_count{_labels(named)} {total}"


def digest_of(text: bytes) -> str:
    """The digest by which a program or completion is known, in hexadecimal digits."""
    return blake2b(text, digest_size=16).hexdigest()


class NotJudgedShares:
    """Share of not-judged answers per program, over the programs seen last: one that stands out attacks the sandbox."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def count(self, program: str, *, judged: bool) -> None:
        """Count one answer for a program, known by its digest."""
        yes, no = self._seen.pop(program, (0, 0))
        self._seen[program] = (yes + judged, no + (not judged))
        if len(self._seen) > _REMEMBERED_PROGRAMS:
            self._seen.popitem(last=False)

    @property
    def programs(self) -> int:
        """Distinct programs that were not judged at least once."""
        return sum(no > 0 for _, no in self._seen.values())

    @property
    def highest(self) -> float:
        """The highest share of any program with at least three answers."""
        return max((no / (yes + no) for yes, no in self._seen.values() if yes + no >= 3), default=0.0)


class Metrics:
    """All numbers of one daemon."""

    def __init__(self) -> None:
        self.requests = Counter("assay_requests_total", "Requests by how they were answered.", ("op", "answer"))
        self.verdicts = Counter("assay_verdicts_total", "Verdicts given.", ("op", "verdict"))
        self.judged = Counter(
            "assay_judged_total",
            "Answers of items by how they came about, of the kinds that say it.",
            ("kind", "verdict", "how", "reason"),
        )
        self.not_judged = Counter("assay_not_judged_total", "Answers without a verdict.", ("op",))
        self.request_seconds = Histogram("assay_request_seconds", "From a request to its answer.", ("op",))
        self.queue_seconds = Histogram("assay_queue_seconds", "Time of runs in the queue.")
        self.wall_seconds = Histogram("assay_run_wall_seconds", "Clock time of runs.")
        self.cpu_seconds = Histogram("assay_run_cpu_seconds", "CPU time of runs.")
        self.connections = Counter("assay_connections", "Open connections.", ("face",), kind="gauge")
        self.cut_off = Counter("assay_clients_cut_off_total", "Clients that did not read their answers.")
        self.limit_enforced = Counter(
            "assay_limit_enforced", "1 if the self-test saw the limit bite.", ("limit",), kind="gauge"
        )
        self.not_judged_programs = Counter(
            "assay_not_judged_programs", "Programs, of those seen last, not judged at least once.", kind="gauge"
        )
        self.not_judged_share = Counter(
            "assay_not_judged_share_max", "Highest share of not-judged answers of one program.", kind="gauge"
        )
        self.shares = NotJudgedShares()

    def text(self, counts: Mapping[str, float], gauges: Mapping[str, float]) -> str:
        """The whole page; `counts` and `gauges` are further numbers, by name without the prefix."""
        self.not_judged_programs.set(self.shares.programs)
        self.not_judged_share.set(self.shares.highest)
        lines: list[str] = []
        for kind, numbers in (("counter", counts), ("gauge", gauges)):
            for name, value in numbers.items():
                suffix = "_total" if kind == "counter" else ""
                number = Counter(f"assay_{name}{suffix}", name.replace("_", " ").capitalize() + ".", kind=kind)
                number.set(value)
                lines += number.lines()
        for metric in vars(self).values():
            if isinstance(metric, Counter | Histogram):
                lines += metric.lines()
        return "\n".join(lines) + "\n"


def _head(name: str, meaning: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _labels(values: Mapping[str, str]) -> str:
    if not values:
        return ""
    quoted = (
        f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34)).replace(chr(10), "")}"'
        for name, value in values.items()
    )
    return "{" + ",".join(quoted) + "}"
