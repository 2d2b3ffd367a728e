"""Clients of a daemon: `Client` for asyncio, `SyncClient` its twin for plain scripts.

Both speak to a Unix socket (MessagePack, everything pipelined over one connection) or to an http:// address. They raise
BadInput, Overloaded and SandboxError as `Engine` does; a daemon that cannot be reached is a SandboxError too.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar

import msgspec

from engine.client.loop_thread import LoopThread
from engine.client.transport import transport_to
from engine.errors import AssayError, BadInput, Overloaded, SandboxError
from engine.flow import as_they_come
from engine.program import Limits, Outcome, Program
from engine.wire.items import item_to_wire
from engine.wire.messages import Run, check_deadline, outcome_from_wire

_T = TypeVar("_T")
_IN_FLIGHT: Final = 64

ScoreAnswer = dict[str, Any]


class Client:
    """A daemon, from asyncio.

    address            "unix:///path", "http://host:port" or None: the default socket of this user; "ray://": the
                       cluster in the Ray of this process or machine, without a daemon (docs/cluster.md)
    token              the daemon's, where it has one
    reconnect_seconds  how long a request after a lost connection tries to connect (a daemon that restarts);
                       what was in flight at the loss raises SandboxError and is not sent again

    Cancelling an awaiting task kills its run. One client belongs to one event loop.
    """

    def __init__(self, address: str | None = None, *, token: str = "", reconnect_seconds: float = 10.0) -> None:
        self._transport = transport_to(address, token=token, reconnect_seconds=reconnect_seconds)

    async def __aenter__(self) -> Client:
        """The client itself; it connects at the first request."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; what is in flight on it is killed."""
        await self._transport.close()

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
    ) -> Outcome:
        """Run one program, as `Engine.run`; raises BadInput, Overloaded, SandboxError."""
        request = Run(
            source=program.source,
            language=program.language,
            files=program.files,
            image=program.image,
            prelude=program.prelude,
            warm=program.warm,
            stdin=stdin,
            limits=limits,
            compile_limits=compile_limits,
            collect=tuple(collect),
            merge_stderr=merge_stderr,
            deadline_seconds=deadline_seconds,
        )
        return await self._run(request)

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
    ) -> Outcome:
        """Run what is in the root file system already, as `Engine.run_argv`; raises as `run`."""
        request = Run(
            argv=tuple(argv),
            image=image,
            stdin=stdin,
            limits=limits,
            collect=tuple(collect),
            merge_stderr=merge_stderr,
            deadline_seconds=deadline_seconds,
        )
        return await self._run(request)

    async def _run(self, request: Run) -> Outcome:
        answer = await self._transport.request("run", msgspec.to_builtins(request, builtin_types=(bytes,)))
        try:
            return outcome_from_wire(answer)
        except BadInput as error:
            raise SandboxError(f"the daemon sent something that is not an outcome: {error}") from None

    async def score(self, item: dict[str, Any], *, deadline_seconds: float | None = None) -> ScoreAnswer:
        """The answer for one item (`reward` None and `not_judged` where nothing can be said); raises as `run`.

        Values of call tests may be Python's own: sets, tuples, bytes, nan, integers of any size, any keys.
        """
        check_deadline(deadline_seconds)
        request: dict[str, Any] = {"item": item_to_wire(item, text_only=self._transport.text_only)}
        if deadline_seconds is not None:
            request["deadline_seconds"] = deadline_seconds
        return await self._transport.request("score", request)

    async def stream(
        self,
        items: Iterable[dict[str, Any]],
        *,
        in_flight: int = _IN_FLIGHT,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[tuple[int, ScoreAnswer | Overloaded | SandboxError], None]:
        """Score many items, `in_flight` at a time: (index, answer) as they come, in any order.

        An item that failed through no fault of its own comes with the error in the answer's place. A wrong item raises
        BadInput with its index, after the answers that are there, and ends the rest.
        """

        async def answer(item: dict[str, Any]) -> ScoreAnswer | Overloaded | SandboxError:
            try:
                return await self.score(item, deadline_seconds=deadline_seconds)
            except (Overloaded, SandboxError) as error:
                return error

        async with contextlib.aclosing(as_they_come(answer, items, in_flight)) as answers:
            async for numbered in answers:
                yield numbered

    async def score_batch(
        self, items: Sequence[dict[str, Any]], *, deadline_seconds: float | None = None
    ) -> AsyncGenerator[tuple[int, ScoreAnswer | Overloaded | SandboxError], None]:
        """Score many items in one request: (index, answer) as they come, in any order.

        As `stream`, but a wrong item, or more of them than the daemon takes in one batch, is BadInput before anything
        is run; one that only the engine finds wrong ends the rest, as by ray:// any does that a node finds wrong.
        """
        check_deadline(deadline_seconds)
        batch = []
        for index, item in enumerate(items):
            try:
                batch.append(item_to_wire(item, text_only=self._transport.text_only))
            except BadInput as error:
                raise error.below(f"[{index}]") from None
        fields = {} if deadline_seconds is None else {"deadline_seconds": deadline_seconds}
        async with contextlib.aclosing(self._transport.batch("score", batch, fields)) as answers:
            async for index, answer in answers:
                if isinstance(answer, BadInput):
                    raise answer.below(f"[{index}]")
                if isinstance(answer, AssayError) and not isinstance(answer, Overloaded | SandboxError):
                    raise answer
                yield index, answer

    async def stats(self) -> dict[str, Any]:
        """The daemon's counters."""
        return await self._transport.request("stats", {})


class SyncClient:
    """`Client` for plain scripts and notebooks: the same methods, without await; threads may share one."""

    def __init__(self, address: str | None = None, *, token: str = "", reconnect_seconds: float = 10.0) -> None:
        self._loop = LoopThread("assay-client")
        try:
            self._client = self._loop.wait(_client(address, token, reconnect_seconds))
        except (BadInput, SandboxError):
            self._loop.stop()
            raise

    def __enter__(self) -> SyncClient:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connection; idempotent."""
        if self._loop.running:
            self._loop.wait(self._client.close())
            self._loop.stop()

    def run(
        self,
        program: Program,
        stdin: bytes = b"",
        limits: Limits | None = None,
        *,
        compile_limits: Limits | None = None,
        collect: Sequence[str] = (),
        merge_stderr: bool = False,
        deadline_seconds: float | None = None,
    ) -> Outcome:
        """As `Client.run`; an interrupt kills the run."""
        return self._loop.wait(
            self._client.run(
                program,
                stdin,
                limits,
                compile_limits=compile_limits,
                collect=collect,
                merge_stderr=merge_stderr,
                deadline_seconds=deadline_seconds,
            )
        )

    def run_argv(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        limits: Limits | None = None,
        *,
        image: str | None = None,
        collect: Sequence[str] = (),
        merge_stderr: bool = False,
        deadline_seconds: float | None = None,
    ) -> Outcome:
        """As `Client.run_argv`; an interrupt kills the run."""
        return self._loop.wait(
            self._client.run_argv(
                argv,
                stdin,
                limits,
                image=image,
                collect=collect,
                merge_stderr=merge_stderr,
                deadline_seconds=deadline_seconds,
            )
        )

    def score(self, item: dict[str, Any], *, deadline_seconds: float | None = None) -> ScoreAnswer:
        """As `Client.score`."""
        return self._loop.wait(self._client.score(item, deadline_seconds=deadline_seconds))

    def stream(
        self,
        items: Iterable[dict[str, Any]],
        *,
        in_flight: int = _IN_FLIGHT,
        deadline_seconds: float | None = None,
    ) -> Iterator[tuple[int, ScoreAnswer | Overloaded | SandboxError]]:
        """As `Client.stream`; leaving the loop early kills what is in flight."""
        yield from self._loop.stream(self._client.stream(items, in_flight=in_flight, deadline_seconds=deadline_seconds))

    def score_batch(
        self, items: Sequence[dict[str, Any]], *, deadline_seconds: float | None = None
    ) -> Iterator[tuple[int, ScoreAnswer | Overloaded | SandboxError]]:
        """As `Client.score_batch`; leaving the loop early kills what is in flight."""
        yield from self._loop.stream(self._client.score_batch(items, deadline_seconds=deadline_seconds))

    def stats(self) -> dict[str, Any]:
        """As `Client.stats`."""
        return self._loop.wait(self._client.stats())


async def _client(address: str | None, token: str, reconnect_seconds: float) -> Client:
    # Made on its own loop: what it holds belongs there.
    return Client(address, token=token, reconnect_seconds=reconnect_seconds)
