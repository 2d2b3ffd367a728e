"""What a run is doing and waiting for: a live line on a terminal, elsewhere a plain one when something takes long."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text


class Say(Protocol):
    """Is told what is done now: a phase, and how far it is or what it waits for."""

    def __call__(self, phase: str, detail: str = "", /) -> None: ...


def silent(_phase: str, _detail: str = "", /) -> None:
    """A `Say` for nobody."""


class _Now(NamedTuple):
    phase: str
    detail: str
    began: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def __str__(self) -> str:
        return f"{self.phase}, {self.seconds:.0f} s" + (f": {self.detail}" if self.detail else "")


class Progress:
    """Shows what it is told by `say`.

    patience_seconds  that a phase lasts before a console that is no terminal gets a line about it; the next comes after
                      twice that time
    """

    def __init__(self, console: Console, *, patience_seconds: float = 30.0) -> None:
        self._console = console
        self._patience = patience_seconds
        self._now = _Now("", "", time.monotonic())
        self._live = Live(console=console, get_renderable=self._line, transient=True)
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="assay-trainer-progress", daemon=True)

    def __enter__(self) -> Progress:
        """Begin to show."""
        if self._console.is_terminal:
            self._live.start(refresh=True)
        else:
            self._watcher.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End, with nothing left of the live line."""
        self._over.set()
        self._live.stop()
        if self._watcher.is_alive():
            self._watcher.join()

    def say(self, phase: str, detail: str = "", /) -> None:
        """See `Say`."""
        same = phase == self._now.phase
        self._now = _Now(phase, detail, self._now.began if same else time.monotonic())

    def print(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _line(self) -> Text:
        return Text(str(self._now) if self._now.phase else "", no_wrap=True, overflow="ellipsis", style="dim")

    def _watch(self) -> None:
        told, due = self._now.began, self._patience
        while not self._over.wait(min(1.0, self._patience / 4)):
            now = self._now
            if now.began != told:
                told, due = now.began, self._patience
            if now.phase and now.seconds > due:
                self.print(str(now))
                due *= 2
