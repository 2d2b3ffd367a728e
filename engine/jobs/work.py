"""One request, checked: what is to be run, in the sandbox's terms."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.harness.channel import DRIVEN_LANGUAGE, DRIVER, DRIVER_ARGUMENTS, Call
from engine.jobs.files import with_room
from engine.jobs.store import Compiled
from engine.languages.language import Language, with_memory
from engine.languages.prelude import Added
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
    warm: bool = True
    added: Added = Added()

    @property
    def size_bytes(self) -> int:
        """Bytes held while it waits."""
        return sum(len(path) + len(content) for path, content, _ in self.files)

    def job(
        self, compiled: Compiled | None, stdin: bytes, *, collect: Sequence[str] = (), merge_stderr: bool = False
    ) -> Job:
        """The program by itself."""
        ours = () if compiled is None else compiled.files
        return self._job(self._run, ours, stdin=stdin, collect=collect, merge_stderr=merge_stderr)

    def test_job(self, compiled: Compiled | None, call: Call) -> Job:
        """The program put to one test."""
        if not call.driver:
            ours = () if compiled is None else compiled.files
            beside = ((f"/work/{name}", content, 0o644) for name, content in call.files.items())
            return self._job((*self._run, *call.arguments), (*ours, *beside), stdin=call.stdin)
        driver = [(DRIVER, call.driver, 0o444)]
        argv = (self.language.run[0], *DRIVER_ARGUMENTS)
        return self._job(argv, driver, channel=call.channel, processes=call.processes)

    def compile_job(self, collect: Sequence[str]) -> Job:
        """The step that makes the program; its language compiles."""
        return self.image.job(
            self.compile_argv,
            self.compile_limits,
            files=self.files,
            collect=collect,
            variables=self.language.environment,
        )

    @property
    def compile_argv(self) -> tuple[str, ...]:
        """The compiler with its arguments; raises ValueError for a language that is run as it is."""
        if self.language.compile is None:
            raise ValueError(self.language.name)
        compiler, *arguments = self.language.compile
        return with_memory((compiler, *self.added.flags, *arguments), self.compile_limits)

    @property
    def _run(self) -> tuple[str, ...]:
        return with_memory(self.language.run, self.limits)

    def _job(
        self,
        argv: Sequence[str],
        ours: Sequence[JobFile],
        *,
        stdin: bytes = b"",
        channel: bytes | None = None,
        collect: Sequence[str] = (),
        merge_stderr: bool = False,
        processes: int = 0,
    ) -> Job:
        ours = (*ours, *self.added.files)
        limits = self.language.start.added_to(with_room(self.limits, self.files, ours))
        if processes:
            limits = msgspec.structs.replace(limits, processes=limits.processes + processes)
        return self.image.job(
            argv,
            limits,
            files=(*self.files, *ours),
            collect=collect,
            stdin=stdin,
            channel=channel,
            merge_stderr=merge_stderr,
            variables=(*self.language.environment, *self.added.environment),
            python=self.files[0][1] if self.warm and self.language.name == DRIVEN_LANGUAGE else None,
        )
