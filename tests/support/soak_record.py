"""What came of each request of the daemon's soak, what was done to the daemon, and what is wrong with that."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

Came = Literal["right", "wrong", "not judged", "lost"]
# By then whatever was under way has been answered, and the slots are made again.
EXCUSED_SECONDS: Final = 15.0
NOT_JUDGED_SHARE: Final = 0.05


@dataclass(frozen=True)
class Said:
    """What came of one request, by the clock of this process."""

    kind: str
    began: float
    ended: float
    came: Came
    why: str = ""


@dataclass
class Record:
    """Everything that was asked, and done: the name of each ill-treatment, and when."""

    said: list[Said] = field(default_factory=list)
    gone: Counter[str] = field(default_factory=Counter)
    done: list[tuple[str, float]] = field(default_factory=list)

    def add(self, kind: str, began: float, came: Came, why: str = "") -> None:
        self.said.append(Said(kind, began, time.monotonic(), came, why[:300]))

    def did(self, what: str) -> None:
        self.done.append((what, time.monotonic()))

    def complaints(self) -> list[str]:
        """Every answer that is wrong, lost, or not judged without a kill just before, and too many not judged."""
        found = [f"{said.came}: {said.kind}: {said.why}" for said in self.said if said.came in ("wrong", "lost")]
        kills = [when for what, when in self.done if what.startswith("SIGKILL")]
        refused = [said for said in self.said if said.came == "not judged"]
        found += [
            f"not judged, and nothing was killed: {said.kind}: {said.why}"
            for said in refused
            if not any(said.began - EXCUSED_SECONDS <= when <= said.ended for when in kills)
        ]
        if len(refused) > NOT_JUDGED_SHARE * len(self.said):
            found.append(f"{len(refused)} of {len(self.said)} not judged")
        return found
