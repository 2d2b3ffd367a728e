"""What `assay bench math` found, as tables: on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from rewards.bench.math import Agreement, MathReport, Speed

_SPEED = (
    "set", "pairs", "pairs/s", "p50 us", "p99 us", "new: pairs/s", "p50 us", "p99 us", "peer/s", "p50 us", "p99 us",
    "times",
)  # fmt: skip
_AGREEMENT = (
    "type", "pairs", "wrong accepts", "wrong rejects", "undecided", "peer: wrong accepts", "wrong rejects", "undecided",
)  # fmt: skip
_OURS: Final = _AGREEMENT.index("peer: wrong accepts")


def show(report: MathReport, console: Console) -> None:
    """Print the tables that have rows."""
    for title, headings, rows in _tables(report):
        table = Table(title=title, title_justify="left")
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="right" if place else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in _lines(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def markdown(report: MathReport) -> str:
    """The same for a README."""
    lines: list[str] = []
    for title, headings, rows in _tables(report):
        lines += [f"{title}:", "", f"| {' | '.join(headings)} |", "|---" + "|---:" * (len(headings) - 1) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        lines.append("")
    return "\n".join([*lines, *(f"- {line}" for line in _lines(report))]) + "\n"


def _tables(report: MathReport) -> Iterator[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    if report.speeds:
        yield "Pairs judged one after the other", _SPEED, [_speed(row) for row in report.speeds]
    rows = [_agreement(row) for row in _with_sum(report.agreements)]
    # Without a peer it has no columns.
    columns = len(_AGREEMENT) if any(row.peer_undecided is not None for row in report.agreements) else _OURS
    yield "Verdicts beside those that are right", _AGREEMENT[:columns], [row[:columns] for row in rows]


def _lines(report: MathReport) -> Iterator[str]:
    for row in report.disagreements:
        said = f"ours {row.ours}" + (f", the peer's {row.peers}" if row.peers else "")
        yield f"{row.type}: {row.reference!r} and {row.answer!r}: {row.expected}; {said}"
    yield f"peer: {report.peer}"
    if report.daemon_pairs_per_second is not None:
        yield f"through the daemon, in batches: {report.daemon_pairs_per_second:,.0f} pairs/s"


def _speed(row: Speed) -> tuple[str, ...]:
    ours = (row.per_second, row.p50_seconds, row.p99_seconds)
    new = (row.new_per_second, row.new_p50_seconds, row.new_p99_seconds)
    peers = (row.peer_per_second, row.peer_p50_seconds, row.peer_p99_seconds)
    cells = [cell for rate, p50, p99 in (ours, new, peers) for cell in (_number(rate), _us(p50), _us(p99))]
    return row.set, str(row.pairs), *cells, _number(row.ratio)


def _agreement(row: Agreement) -> tuple[str, ...]:
    peers = (row.peer_wrong_accepts, row.peer_wrong_rejects, row.peer_undecided)
    numbers = (row.pairs, row.wrong_accepts, row.wrong_rejects, row.undecided, *peers)
    return row.type, *("" if number is None else str(number) for number in numbers)


def _with_sum(rows: Sequence[Agreement]) -> list[Agreement]:
    def total(field: str) -> Any:
        values = [getattr(row, field) for row in rows]
        return None if None in values else sum(values)

    return [*rows, Agreement(type="all", **{field: total(field) for field in Agreement.__struct_fields__[1:]})]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _us(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:,.0f}"
