"""`assay judge eval`: how good a judge model is, on answers whose labels are known."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.cli.options import FAILED, NOT_JUDGED, WRONG_USE
from engine.errors import AssayError, BadInput
from engine.wire.decode import decode_json
from rewards.answer import final_answer
from rewards.completion import Nothing, Thinking
from rewards.item import check_marker, checked
from rewards.judge.config import JudgeConfig
from rewards.judge.evaluate import Evaluation, Evaluator, Labelled, Scores, Share
from rewards.judge.master_keys import MASTER_KEYS
from rewards.judge.opinion import Case
from rewards.judge.reward import JudgeReward
from rewards.math.item import Type, math_item

_ATTACKED: Final = 20
_REASONS_SHOWN: Final = 5
Rows = tuple[Sequence[str], list[Sequence[str]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay judge`."""
    words = parser.add_subparsers(title="words", metavar="WORD", required=True)
    default = JudgeConfig()
    look = words.add_parser("eval", help="accuracy, precision, recall, attacks and cost, on labelled answers")
    look.add_argument(
        "file",
        type=Path,
        metavar="LABELLED.jsonl",
        help="on each line question, reference, answer or completion, label (correct, incorrect), and perhaps type",
    )
    look.add_argument("--judge", metavar="URL", required=True, help="OpenAI-compatible endpoint, http://HOST:PORT/v1")
    look.add_argument("--model", metavar="M", required=True, help="the model's name there")
    look.add_argument("--rules", action="store_true", help="ask the rules for maths too, and compare")
    look.add_argument(
        "--attacks", type=int, metavar="N", default=_ATTACKED, help=f"questions that master keys answer ({_ATTACKED})"
    )
    look.add_argument("--api-key-env", metavar="NAME", help="environment variable with the key")
    look.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        default=default.concurrency,
        help=f"requests at once ({default.concurrency})",
    )
    look.add_argument(
        "--votes", type=int, metavar="N", default=default.votes, help="how many times each is asked, odd (1)"
    )
    look.add_argument(
        "--deadline",
        type=float,
        metavar="S",
        default=default.deadline_seconds,
        help=f"seconds for one judgement ({default.deadline_seconds:g})",
    )
    look.add_argument(
        "--max-tokens", type=int, metavar="N", default=default.max_tokens, help=f"of one reply ({default.max_tokens})"
    )
    look.add_argument("--json", metavar="FILE", help="write the numbers there too")
    look.add_argument("--markdown", metavar="FILE", help="write the tables there too")
    look.set_defaults(handler=_eval)


def _eval(arguments: argparse.Namespace) -> int:
    """0, 3 if anything was not judged, 2 for wrong input, 1 if nothing can be asked here."""
    told = Console(stderr=True, highlight=False)
    try:
        config = JudgeConfig(
            base_url=arguments.judge,
            model=arguments.model,
            api_key_env=arguments.api_key_env,
            concurrency=arguments.concurrency,
            votes=arguments.votes,
            deadline_seconds=arguments.deadline,
            max_tokens=arguments.max_tokens,
        )
        labelled = list(_labelled_lines(arguments.file, rules=arguments.rules))
        found = asyncio.run(_evaluated(arguments, config, labelled, told))
    except BadInput as error:
        told.print(f"assay judge: {error}", markup=False, soft_wrap=True)
        return WRONG_USE
    except (AssayError, OSError) as error:
        told.print(f"assay judge: {error}", markup=False, soft_wrap=True)
        return FAILED
    out = Console(highlight=False)
    tables = list(_tables(found))
    for table in tables:
        out.print(_drawn(table))
    for reason, times in list(found.reasons.items())[:_REASONS_SHOWN]:
        out.print(f"not judged {times} x: {reason}", markup=False, soft_wrap=True)
    if arguments.json:
        Path(arguments.json).write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if arguments.markdown:
        Path(arguments.markdown).write_text("\n".join(map(_markdown, tables)))
    return NOT_JUDGED if found.judge.not_judged.hits else 0


async def _evaluated(
    arguments: argparse.Namespace, config: JudgeConfig, labelled: list[Labelled], told: Console
) -> Evaluation:
    assert config.base_url is not None
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=told, transient=True, disable=not told.is_terminal) as progress:
        task = progress.add_task("", total=len(labelled) + len(MASTER_KEYS) * min(arguments.attacks, len(labelled)))
        async with JudgeReward(config.base_url, config.model, config) as judge:
            evaluator = Evaluator(judge, config.model, config.judgements, lambda: progress.advance(task))
            return await evaluator.run(labelled, rules=arguments.rules, attacked=arguments.attacks)


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One labelled answer as it stands in the file."""

    reference: str | int | float
    label: Literal["correct", "incorrect"] | bool
    question: str | None = None
    answer: str | None = None
    completion: str | None = None
    answer_pattern: str | None = None
    thinking: Thinking = "auto"
    type: str = ""
    id: str | int | None = None


def _labelled_lines(path: Path, *, rules: bool) -> Iterator[Labelled]:
    """The file's answers; raises BadInput naming line, field and value."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput("LABELLED.jsonl", str(path), error.strerror or "cannot be read") from None
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                yield _labelled(decode_json(text), rules=rules)
            except BadInput as error:
                raise BadInput(f"{path} line {number}: {error.field}", error.value, error.message) from None


def _labelled(fields: Any, *, rules: bool) -> Labelled:
    if not isinstance(fields, dict):
        raise BadInput("line", fields, "expected a map")
    line = checked(fields, _Line)
    if (line.answer is None) == (line.completion is None):
        raise BadInput("answer", line.answer, "expected answer or completion, one of the two")
    check_marker(line.answer_pattern)
    answer: str | Nothing
    if line.answer is not None:
        answer = line.answer
    else:
        answers = final_answer(line.completion or "", line.answer_pattern, line.thinking)
        answer = answers if isinstance(answers, Nothing) else " ".join(answers)
    case = None if isinstance(answer, Nothing) else Case(line.question, str(line.reference), answer)
    right = line.label in (True, "correct")
    return Labelled(case, right, line.type, _by_rules(line) if rules else None)


def _by_rules(line: _Line) -> bool | None:
    # The rules need the native module, and nobody else here does.
    from rewards.math.reward import ruled

    fields = {"reference": line.reference, "question": line.question, "thinking": line.thinking}
    if line.type in get_args(Type):
        fields["type"] = line.type
    if line.answer is not None:
        fields["completion"] = f"\\boxed{{{line.answer}}}"
    else:
        fields |= {"completion": line.completion, "answer_pattern": line.answer_pattern}
    reward = ruled(math_item(fields)).reward
    return None if reward is None else reward.reward == 1.0


def _tables(found: Evaluation) -> Iterator[Rows]:
    several: list[tuple[str, Scores | None]] = [
        (found.model, found.judge),
        ("the rules", found.rules),
        ("the rules, then the judge", found.rules_then_judge),
        *found.by_type.items(),
    ]
    head = ("", "answers", "accuracy", "precision", "recall", "not judged")
    yield head, [_score_row(name, scores) for name, scores in several if scores is not None]
    if found.attacks:
        rows: list[Sequence[str]] = [
            (repr(each.key), _shown(each.alone), _shown(each.guarded)) for each in found.attacks
        ]
        yield ("answers that say nothing", "the model accepts", "past the guards"), rows
    cost = found.cost
    facts: list[Sequence[str]] = [
        ("judgements by the model", f"{cost.judgements:,}"),
        ("requests, retries among them", f"{cost.requests:,}, {cost.retries:,}"),
        ("tokens in, out", f"{cost.prompt_tokens:,}, {cost.completion_tokens:,}"),
        ("p50, p99 of a judgement", f"{_seconds(cost.p50_seconds)}, {_seconds(cost.p99_seconds)}"),
    ]
    if found.agreement is not None:
        facts.insert(0, ("agrees with the rules", _shown(found.agreement)))
    yield ("", found.model), facts


def _score_row(name: str, scores: Scores) -> Sequence[str]:
    shares = (scores.accuracy, scores.precision, scores.recall, scores.not_judged)
    return (name, f"{scores.not_judged.count:,}", *map(_shown, shares))


def _shown(share: Share) -> str:
    if share.share is None or share.low is None or share.high is None:
        return "-"
    return f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%})"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


def _drawn(rows: Rows) -> Table:
    table = Table()
    for heading in rows[0]:
        table.add_column(heading, justify="left" if heading == rows[0][0] else "right")
    for row in rows[1]:
        table.add_row(*row)
    return table


def _markdown(rows: Rows) -> str:
    lines = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1]]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
