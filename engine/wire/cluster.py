"""What the nodes of a cluster say of themselves, and the names under which Ray knows them."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from engine.trace import Part
from engine.wire.messages import ErrorBody

NAMESPACE: Final = "assay"
ROSTER: Final = "roster"
# Beside the ops of a socket, what a node is asked: PassedOn, answered by HttpReply.
HTTP: Final = "http"


def node_name(node: str) -> str:
    """Ray's name of the actor on a node."""
    return f"node-{node}"


NodeState = Literal["starting", "ready", "restarting", "draining", "drained", "refused"]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How one node is.

    node, host     Ray's id of it, and its address
    state          "refused": it cannot take work, `problem` says why
    problem        why no program can run there; "" where they can
    kinds          the kinds of items that it scores, and whether their scoring runs programs
    under_way      requests that are in, everybody's
    capacity       requests that may be in
    cores          what its programs share
    facts          what its engine found when it started (Engine.facts)
    stats          its engine's counters (engine.stats.Stats)
    not_enforced   limits that do not bite there
    """

    node: str
    host: str
    state: NodeState
    problem: str = ""
    kinds: dict[str, bool] = {}
    under_way: int = 0
    capacity: int = 0
    cores: int = 1
    facts: dict[str, str] = {}
    stats: dict[str, Any] = {}
    not_enforced: tuple[str, ...] = ()

    @property
    def usable_slots(self) -> int:
        """Slots that take programs: none where the node leaves, is not there yet, or cannot run any."""
        return int(self.stats.get("slots", 0)) if self.state == "ready" and not self.problem else 0

    def scores(self, kind: object) -> bool:
        """Whether items of that kind can be scored there; of an unknown kind, whether it can be told so."""
        return not self.problem or not self.kinds.get(kind if isinstance(kind, str) else "", True)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict, as it is counted.

    program  the digest of the program or completion
    verdict  None: there is none, for `why`
    fault    it is a fault of ours
    """

    op: str
    program: str
    verdict: str | None = None
    why: str = ""
    fault: bool = False


class PassedOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request over HTTP that a front passes on: its path, and what it holds."""

    path: str
    body: bytes


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """A node's answer to it, or what is wrong with it, and the verdicts that were given for it."""

    status: int = 200
    kind: bytes = b""
    body: bytes = b""
    error: ErrorBody | None = None
    judged: tuple[Judged, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The trace of one request on a node, and the seconds that it was there."""

    parts: list[Part]
    seconds: float


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a node: MessagePack, or an error, or that it is `leaving` and has not looked at the request.

    told  of a request that is traced
    """

    under_way: int
    answer: bytes = b""
    error: ErrorBody | None = None
    leaving: bool = False
    told: Told | None = None
