"""The commands that know rewards."""

from __future__ import annotations

from typing import Final

from engine.cli.commands import Command

COMMANDS: Final = (
    Command("serve", "keep a daemon running, on a Unix socket and HTTP", "rewards.cli.serve"),
    Command("score", "the rewards of a file of completions", "rewards.cli.score"),
    Command("math", "how a maths answer is judged, and how references are read", "rewards.cli.math"),
    Command("judge", "how good a judge model is, on labelled answers", "rewards.cli.judge"),
    Command("bench", "measure this machine", "rewards.cli.bench"),
    Command("demo", "a daemon of its own scores the bundled sample", "rewards.cli.demo"),
    Command("bench math", "judging maths answers, beside math-verify: how fast, who is right", "rewards.cli.bench"),
)
