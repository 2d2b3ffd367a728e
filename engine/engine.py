"""Engine: runs programs in the sandbox and tells what they did."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from types import TracebackType

from engine.config.engine import EngineConfig, check_ceilings
from engine.errors import BadInput, CannotStart, SandboxError
from engine.flow import off_loop
from engine.harness.channel import answer_of, calls_of, partners_calls
from engine.harness.kinds import CallTest, Dialogue, DialogueTest, Notebook, NotebookRun, Test, TestRun
from engine.jobs.ahead import in_order
from engine.jobs.compiler import Compiler
from engine.jobs.dialogue import dialogues
from engine.jobs.files import check_confined, collected_names, job_files
from engine.jobs.notebook import notebook_job, notebook_run
from engine.jobs.store import Compiled, Store
from engine.jobs.work import Work
from engine.languages.prelude import added
from engine.languages.table import LanguageStatus
from engine.lease import Ticket
from engine.machine import resources
from engine.now import Now, now
from engine.pool import native
from engine.pool.images import Image
from engine.program import Limits, Outcome, Program, check_argv
from engine.proof.control import CONTROL
from engine.proof.finding import Finding
from engine.started import Started, started, stats_of
from engine.stats import Counters, Stats
from engine.wire.messages import check_deadline


class Engine:
    """Slots on this machine: `async with Engine() as engine: outcome = await engine.run(program)`.

    Belongs to the event loop that enters it. Cancelling a call kills its program. Every call raises BadInput for a
    request that cannot be run, Overloaded if it was turned away before it ran, SandboxError for a fault of ours.
    """

    def __init__(
        self, *, slots: int | None = None, config: EngineConfig | None = None, prove_anew: bool = False
    ) -> None:
        self._config = config or EngineConfig()
        if slots is not None:
            self._config = dataclasses.replace(self._config, slots=slots)
        self._slots = self._config.slots or resources.live_programs(self._config.runtime).slots
        self._counters = Counters()
        self._compiler = Compiler(Store(self._config.store_bytes))
        self._prove_anew = prove_anew
        self._live: Started | None = None

    async def __aenter__(self) -> Engine:
        """Make the slots and prove the limits; raises CannotStart with one line that says what to do."""
        if self._live is not None:
            raise CannotStart("an engine starts once: make another one")
        # Before anything is asked of a machine that may not be Linux.
        native.module()
        self._live = await started(self._config, self._slots, self._counters, prove_anew=self._prove_anew)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill what runs and remove every trace."""
        await self._running().close()

    async def run(
        self,
        program: Program,
        stdin: bytes = b"",
        limits: Limits | None = None,
        *,
        compile_limits: Limits | None = None,
        collect: Sequence[str] = (),
        merge_stderr: bool = False,
        deadline_seconds: float | None = None,
        client: str = "",
    ) -> Outcome:
        """Run one program.

        collect           at most 64 files to bring back in `Outcome.files`, relative to /work or absolute
        merge_stderr      stderr goes where stdout goes
        deadline_seconds  time that the request may wait in the queue, in all; None is for ever
        client            whose turn in the queue the run takes
        """
        work = self._checked(program, limits, compile_limits)
        names = collected_names(collect) if collect else ()
        with self._admitted(client, work.size_bytes + len(stdin), deadline_seconds) as ticket:
            compiled = await self._compiler.compile(self._running().runner, ticket, work)
            if compiled is not None and not compiled.outcome.clean:
                return self._not_compiled(compiled)
            job = work.job(compiled, stdin, collect=names, merge_stderr=merge_stderr)
            return await self._running().runner.run(ticket, job, compiled)

    async def run_argv(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        limits: Limits | None = None,
        *,
        image: str | None = None,
        collect: Sequence[str] = (),
        merge_stderr: bool = False,
        deadline_seconds: float | None = None,
        client: str = "",
    ) -> Outcome:
        """Run what is in the root file system already; `argv[0]` is its absolute path inside. Otherwise as `run`."""
        check_argv(argv)
        if limits is not None:
            check_ceilings(limits, self.ceilings)
        job = (
            self._running()
            .images.named(image)
            .job(
                argv,
                limits or self._config.limits,
                stdin=stdin,
                collect=collected_names(collect) if collect else (),
                merge_stderr=merge_stderr,
            )
        )
        with self._admitted(client, len(stdin), deadline_seconds) as ticket:
            return await self._running().runner.run(ticket, job)

    async def tests(
        self,
        program: Program,
        tests: Sequence[Test],
        limits: Limits | None = None,
        *,
        compile_limits: Limits | None = None,
        deadline_seconds: float | None = None,
        client: str = "",
    ) -> AsyncGenerator[TestRun, None]:
        """Compile once and run each test in surroundings of its own; the answers come in the tests' order.

        Further tests run ahead of the one that is asked for, in slots that nobody else wants. Whoever stops early at a
        failed test stops at the first by index.

        A program that does not compile gives one TestRun, whose outcome says so. Closing the generator ends the tests:
        `async with contextlib.aclosing(engine.tests(...)) as runs`. Otherwise as `run`.
        """
        work = self._checked(program, limits, compile_limits)
        # Arguments may be large, and are copied value by value.
        called = any(isinstance(test, CallTest) for test in tests)
        calls = await off_loop(math.inf if called else 0, calls_of, tests, work.language)
        size_bytes = work.size_bytes + sum(call.size_bytes for call in calls)
        with self._admitted(client, size_bytes, deadline_seconds) as ticket:
            compiled = await self._compiler.compile(self._running().runner, ticket, work)
            if compiled is not None and not compiled.outcome.clean:
                yield TestRun(outcome=self._not_compiled(compiled))
                return
            jobs = [work.test_job(compiled, call) for call in calls]
            outcomes = in_order(self._running().runner, ticket, jobs, compiled)
            async with contextlib.aclosing(outcomes):
                async for index, outcome in outcomes:
                    yield await off_loop(len(outcome.channel), answer_of, tests[index], calls[index], outcome)

    async def dialogues(
        self,
        program: Program,
        partner: Program,
        tests: Sequence[DialogueTest],
        limits: Limits | None = None,
        *,
        partner_limits: Limits | None = None,
        deadline_seconds: float | None = None,
        client: str = "",
    ) -> AsyncGenerator[Dialogue, None]:
        """Run the program once for each test with a partner: what one writes to its stdout is the other's stdin.

        Each has a slot and limits of its own, and its wall limit leaves out the time in which the other was at work.
        The partner may besides wait for the program as long as that may take. Where the partner ends by anything but
        exit code 0, the program is ended too. If one of the two does not compile there is one Dialogue that says so.

        Raises BadInput about the partner with fields like `partner.language`; otherwise as `tests`.
        """
        work = self._checked(program, limits, None)
        try:
            other = self._checked(partner, partner_limits, None)
        except BadInput as error:
            raise error.below("partner") from None
        calls = partners_calls(tests)
        size_bytes = work.size_bytes + other.size_bytes + sum(call.size_bytes for call in calls)
        with self._admitted(client, size_bytes, deadline_seconds) as ticket:
            talks = dialogues(self._running().runner, self._compiler, ticket, work, other, calls)
            async with contextlib.aclosing(talks):
                async for dialogue in talks:
                    yield dialogue

    async def notebook(
        self,
        notebook: Notebook,
        limits: Limits | None = None,
        *,
        collect: Sequence[str] = (),
        deadline_seconds: float | None = None,
        client: str = "",
    ) -> NotebookRun:
        """Run a notebook's cells in one kernel; the limits count for all together. Otherwise as `run`."""
        if limits is not None:
            check_ceilings(limits, self.ceilings)
        if self._config.runtime == "landlock":
            raise BadInput("runtime", self._config.runtime, "a notebook's kernel needs sockets, which this one has not")
        names = collected_names(collect) if collect else ()
        job = notebook_job(notebook, self._running().images.named(notebook.image), limits or self._config.limits, names)
        size_bytes = sum(len(content) for _, content, _ in job.files) + len(job.channel or b"")
        with self._admitted(client, size_bytes, deadline_seconds) as ticket:
            outcome = await self._running().runner.run(ticket, job)
        return await off_loop(len(outcome.channel), notebook_run, outcome)

    async def languages(self, image: str | None = None) -> list[LanguageStatus]:
        """Every language, with the version that its tool prints in the sandbox."""
        shown = self._running().images.named(image)
        return [await self._with_version(status, shown) for status in shown.statuses()]

    async def run_control(self, *, deadline_seconds: float | None = None) -> None:
        """Run a program that does nothing; raises Overloaded or SandboxError where that cannot be done."""
        with self._admitted("", 0, deadline_seconds) as ticket:
            await self._running().runner.run(ticket, CONTROL)

    def stats(self) -> Stats:
        """Counters, and what is in the engine now; before the start only `slots` means something."""
        queue = self._live.queue if self._live else None
        return stats_of(self._slots, self._counters, self._compiler, queue)

    def now(self) -> Now:
        """What runs and what waits at this moment."""
        return now(self._running().queue, asyncio.get_running_loop().time())

    def facts(self) -> dict[str, str]:
        """What was found at the start: instance, cgroup, rootfs, pids, limits that bite, what stays cold."""
        return self._running().facts()

    @property
    def limits(self) -> Limits:
        """Those of a run that names none."""
        return self._config.limits

    @property
    def ceilings(self) -> Limits:
        """The most that a request may ask for."""
        return self._live.ceilings if self._live else self._config.ceilings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the self-test found about each limit; empty before the start."""
        return self._live.findings if self._live else ()

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """The limits that do not bite here; never any unless the configuration allows it."""
        return self._live.not_enforced if self._live else ()

    def _running(self) -> Started:
        if self._live is None:
            raise SandboxError("the engine is not running: enter it with `async with`")
        return self._live

    def _checked(self, program: Program, limits: Limits | None, compile_limits: Limits | None) -> Work:
        image = self._running().images.named(program.image)
        language = image.language(program.language)
        if limits is not None:
            check_ceilings(limits, self.ceilings)
        if compile_limits is not None:
            check_ceilings(compile_limits, self.ceilings, "compile_limits")
        limits = limits or self._config.limits
        files = job_files(program, language, limits)
        if self._config.runtime == "landlock":
            check_confined(files)
        return Work(
            image,
            language,
            files,
            limits,
            compile_limits or self._config.compile_limits,
            program.warm,
            added(program.prelude, language),
        )

    @contextlib.contextmanager
    def _admitted(self, client: str, size_bytes: int, deadline_seconds: float | None) -> Iterator[Ticket]:
        check_deadline(deadline_seconds)
        queue = self._running().queue
        ticket = queue.enter(client, size_bytes, deadline_seconds)
        try:
            yield ticket
        except SandboxError:
            self._counters.not_judged += 1
            self._counters.sound = False
            raise
        finally:
            queue.leave(ticket)

    def _not_compiled(self, compiled: Compiled) -> Outcome:
        return Outcome(compile=compiled.outcome, not_enforced=self.not_enforced)

    async def _with_version(self, status: LanguageStatus, image: Image) -> LanguageStatus:
        if status.problem is not None:
            return status
        with self._admitted("", 0, None) as ticket:
            return await self._running().with_version(ticket, status, image)
