"""Reward and NotJudged: the two answers to "how good was this completion"."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.program import Verdict
from rewards.evidence import CodeEvidence, JudgeEvidence, MathEvidence

Evidence = CodeEvidence | JudgeEvidence | MathEvidence | dict[str, Any]


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    reward: float
    verdict: Verdict | None = None
    parts: dict[str, float] = {}
    not_enforced: tuple[str, ...] = ()


_NOT_EVIDENCE: Final = frozenset({"id", *_Number.__struct_fields__})


class Reward(_Number, frozen=True, kw_only=True):
    """A number with what it rests on.

    reward        0 to 1
    verdict       of all tests together, the first that is not ACCEPTED; None where the kind has no verdicts
    parts         what the number is made of, by name, where it is made of several
    evidence      of its kind: CodeEvidence, MathEvidence, JudgeEvidence, or plain data of a scorer of one's own
    not_enforced  limits that did not bite where its programs ran: the engine was started with allow_degraded
    """

    evidence: Evidence = {}

    def to_wire(self) -> dict[str, Any]:
        """As a flat map of plain data, the evidence's fields among the others; what says nothing is left out."""
        said = {"verdict": self.verdict, "parts": self.parts, "not_enforced": self.not_enforced}
        wire = msgspec.to_builtins({name: value for name, value in said.items() if value})
        return {"reward": self.reward, **wire, **msgspec.to_builtins(self.evidence)}


class NotJudged(msgspec.Struct, frozen=True):
    """There is no reward, and `reason` says why: a fault of ours, a deadline, an answer that cannot be decided."""

    reason: str

    def to_wire(self) -> dict[str, Any]:
        """As a map of plain data, where `reward` is null exactly because `not_judged` is there."""
        return {"reward": None, "not_judged": self.reason}


def from_wire(
    answer: dict[str, Any], evidence: type[CodeEvidence | JudgeEvidence | MathEvidence] | None = None
) -> Reward | NotJudged:
    """What `to_wire` made (an `id` beside it is ignored), with evidence of that kind, else as plain data.

    Raises msgspec.ValidationError for anything else.
    """
    if answer.get("reward") is None:
        return NotJudged(msgspec.convert(answer.get("not_judged"), str))
    number = msgspec.convert(answer, _Number)
    rest = {name: value for name, value in answer.items() if name not in _NOT_EVIDENCE}
    found: Evidence = rest if evidence is None else msgspec.convert(rest, evidence)
    return Reward(**msgspec.structs.asdict(number), evidence=found)
