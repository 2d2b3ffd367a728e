"""One request, checked: what is to be run, in the sandbox's terms."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.harness.channel import DRIVER_ARGUMENTS, DRIVER_PATH, Call
from engine.jobs.files import with_room
from engine.jobs.store import Compiled
from engine.languages.table import Language
from engine.pool.images import Image
from engine.pool.job import Job, JobFile
from engine.program import Limits


class Work(msgspec.Struct, frozen=True):
    """A program with the limits in force, in the language as it runs in its image."""

    image: Image
    language: Language
    files: Sequence[JobFile]
    limits: Limits
    compile_limits: Limits

    @property
    def size_bytes(self) -> int:
        """Bytes held while it waits."""
        return sum(len(path) + len(content) for path, content, _ in self.files)

    def job(
        self, compiled: Compiled | None, stdin: bytes, *, collect: Sequence[str] = (), merge_stderr: bool = False
    ) -> Job:
        """The program by itself."""
        files, limits = self.files, self.limits
        if compiled is not None:
            limits = with_room(limits, files, compiled.files)
            files = (*files, *compiled.files)
        return self.image.job(
            self.language.run, limits, files=files, collect=collect, stdin=stdin, merge_stderr=merge_stderr
        )

    def test_job(self, compiled: Compiled | None, call: Call) -> Job:
        """The program put to one test."""
        if call.driver is None:
            return self.job(compiled, call.stdin)
        driver = ((DRIVER_PATH, call.driver, 0o444),)
        return self.image.job(
            (self.language.run[0], *DRIVER_ARGUMENTS),
            with_room(self.limits, self.files, driver),
            files=(*self.files, *driver),
            channel=call.channel,
        )
