"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from benches.trainer import head
from benches.trainer.parts import OURS, TRL, TRL_VLLM
from benches.trainer.results import Comparison, Curve, Results, Row, common_level

_PHASES: Final = ("generate", "reward", "update", "sync")
_TITLES: Final = {
    "a": "Beside TRL's GRPOTrainer: seconds per iteration",
    "f": "Beside TRL's GRPOTrainer: what is learned",
    "b": "The update alone: packed and padded",
    "c": "The head: log probabilities and entropies, forward and backward",
    "d": "New weights to the engine",
    "e": "Each measure of speed switched off",
}
Column = tuple[str, Callable[[Comparison, Row], str]]


def markdown(results: Results) -> str:
    """Tables for benches/trainer.md."""
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    measured = (
        f"`{results.command}`: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux "
        f"{machine['kernel']}, load of 15 minutes before {machine['load_before']}; {versions}; "
        f"{results.seconds / 60:.0f} minutes in all."
    )
    how = (
        "Figures are medians of rounds in which all ways took turns; ratios are medians of the rounds' ratios, lowest "
        "and highest in brackets. *CPU s* is the processes' own, of all threads."
    )
    lines = [measured, "", how, ""]
    for part, title in _TITLES.items():
        found = [comparison for comparison in results.comparisons if comparison.part == part]
        if not found and not (part == "f" and results.curves):
            continue
        lines += [f"## {title}", ""]
        for comparison in found:
            lines += _table(comparison)
        if part in ("a", "f"):
            lines += _verdict(found)
        if part == "f":
            lines += _learning(results)
        if part == "c":
            lines += [line for comparison in found for line in _head_goal(comparison)]
    failures = list(results.failures)
    failures += [f"{each.part}, {each.title}: {text}" for each in results.comparisons for text in each.failures]
    if failures:
        lines += ["## What failed", "", *(f"- {text}" for text in failures), ""]
    return "\n".join(lines)


def _table(comparison: Comparison) -> list[str]:
    columns = [column for column in _COLUMNS if any(column[1](comparison, row) for row in comparison.rows)]
    rounds = max((len(row.rounds) for row in comparison.rows), default=0)
    threads = f"{comparison.threads} thread{'s' if comparison.threads > 1 else ''}"
    heading = f"{comparison.title} ({rounds} round{'s' if rounds != 1 else ''}, {threads}):"
    if not comparison.rows:
        return [heading, "", "nothing", ""]
    return [
        heading,
        "",
        f"| way | {' | '.join(name for name, _ in columns)} |",
        f"|---|{'---:|' * len(columns)}",
        *(f"| {row.way} | {' | '.join(cell(comparison, row) for _, cell in columns)} |" for row in comparison.rows),
        "",
    ]


def _middle(name: str, key: str, scale: float = 1.0) -> Column:
    def cell(_comparison: Comparison, row: Row) -> str:
        value = row.middle(key)
        return "" if value is None else short(value * scale)

    return name, cell


def _ratio(name: str, key: str, per: str | None = None) -> Column:
    def cell(comparison: Comparison, row: Row) -> str:
        ratios = comparison.ratios(row.way, key, per)
        if not ratios:
            return ""
        middle = comparison.ratio(row.way, key, per) or 0.0
        return f"{middle:.2f} ({min(ratios):.2f}, {max(ratios):.2f})" if row.way != comparison.baseline else "1"

    return name, cell


def _per_token(_comparison: Comparison, row: Row) -> str:
    found = [
        1e3 * numbers["seconds"] / numbers["completion_tokens"]
        for numbers in row.rounds
        if numbers.get("completion_tokens")
    ]
    return short(sorted(found)[len(found) // 2]) if found else ""


def _mean_length(_comparison: Comparison, row: Row) -> str:
    tokens, rollouts = row.middle("completion_tokens"), row.middle("rollouts")
    return f"{tokens / rollouts:.0f}" if tokens and rollouts else ""


_COLUMNS: Final[tuple[Column, ...]] = (
    _middle("s", "seconds"),
    *(_middle(phase, phase) for phase in (*_PHASES, "forward", "backward")),
    _middle("CPU s", "cpu_seconds"),
    _ratio("s of the first", "seconds"),
    _ratio("CPU s of the first", "cpu_seconds"),
    ("mean length", _mean_length),
    ("ms per response token", _per_token),
    _ratio("of the first, per token", "seconds", "completion_tokens"),
    _middle("tokens through the model", "model_tokens"),
    _middle("peak MiB", "peak_bytes", 2**-20),
    _ratio("peak of the first", "peak_bytes"),
)


def _verdict(comparisons: Sequence[Comparison]) -> list[str]:
    """Ours in relation to the better mode of TRL at each shape, per token of the responses."""
    lines = []
    for comparison in comparisons:
        ratios = {
            mode: ratio
            for mode in (TRL, TRL_VLLM)
            if (ratio := comparison.ratio(mode, per="completion_tokens")) is not None
        }
        if ratios:
            mode = min(ratios, key=lambda each: ratios[each])
            share = 1 / ratios[mode]
            lines.append(
                f"- {comparison.title}: {share:.2f} of the time of {mode} for each token of a response; "
                f"at most half: {'yes' if share <= 0.5 else 'no'}"
            )
    return [*lines, ""] if lines else []


def _learning(results: Results) -> list[str]:
    if not results.curves:
        return []
    compared = [curve for curve in results.curves if not curve.swept]
    level = common_level(compared)
    cells = [
        [
            curve.peer,
            f"{curve.learning_rate:g}",
            str(curve.seed),
            "sweep" if curve.swept else "compared",
            f"{curve.points[0].reward:.3f}",
            f"{max(point.reward for point in curve.points):.3f}",
            f"{curve.points[-1].reward:.3f}",
            str(curve.points[-1].iteration),
            short(curve.points[-1].seconds),
            "" if level is None or (to := curve.seconds_to(level)) is None else short(to),
        ]
        for curve in sorted(results.curves, key=lambda each: (each.swept, each.peer, each.seed, each.learning_rate))
    ]
    level_name = "no common level" if level is None else f"s to {level:.2f}"
    headings = ("peer", "learning rate", "seed", "run", "start", "best", "end", "iterations", "s", level_name)
    what = (
        "Held-out reward at temperature 1 while it learns `sort`, each run on a core of its own; evaluations are on "
        "nobody's clock:"
    )
    lines = [
        what,
        "",
        f"| {' | '.join(headings)} |",
        f"|---|{'---:|' * (len(headings) - 1)}",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
    ]
    lines += _seconds_to(compared, level)
    lines += [
        f"- {peer}: the sweep chose {rate:g}, which is the last one it tried on that side"
        for peer, rate in results.rates.items()
        if len(tried := {curve.learning_rate for curve in results.curves if curve.peer == peer}) > 1
        and rate in (min(tried), max(tried))
    ]
    return [*lines, ""]


def _seconds_to(compared: Sequence[Curve], level: float | None) -> list[str]:
    if level is None:
        return ["- no level above the start that every run reaches"]
    lines = []
    ours = {curve.seed: curve for curve in compared if curve.peer == OURS}
    for curve in compared:
        other = ours.get(curve.seed)
        if curve.peer == OURS or other is None:
            continue
        mine, theirs = other.seconds_to(level), curve.seconds_to(level)
        if mine is not None and theirs:
            lines.append(
                f"- seed {curve.seed}: held-out {level:.2f} after {short(mine)} s, {curve.peer} {short(theirs)} s: "
                f"{mine / theirs:.2f} of the time"
            )
    return lines


def _head_goal(comparison: Comparison) -> list[str]:
    time, peak = comparison.ratio(head.OURS), comparison.ratio(head.OURS, "peak_bytes")
    if time is None or peak is None:
        return []
    verdict = (
        f"- peak {peak:.2f} of full logits, at most 0.25: {'yes' if peak <= 0.25 else 'no'}; "
        f"time {time:.2f}, at most 1.1: {'yes' if time <= 1.1 else 'no'}"
    )
    return [verdict, ""]


def short(value: float) -> str:
    """Three digits that mean something, as far as they are behind the point."""
    size = abs(value)
    if size and size < 0.1:
        return f"{value:.4f}" if size < 0.01 else f"{value:.3f}"
    return f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else f"{value:,.0f}"
