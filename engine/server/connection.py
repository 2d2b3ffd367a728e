"""One client of the Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec

from engine.errors import AssayError, BadInput, Overloaded
from engine.flow import off_loop
from engine.log import fields
from engine.program import Outcome
from engine.scorer import Parsed
from engine.server.batch import Numbered, in_order, outcome_bytes
from engine.server.decode import msgpack_body
from engine.server.frame_arrival import FrameArrival
from engine.server.service import Service
from engine.server.turns import Turns
from engine.wire.frames import encode_frame
from engine.wire.messages import (
    PROTOCOL_VERSION,
    Cancel,
    ErrorBody,
    Hello,
    Request,
    RequestId,
    Run,
    RunBatch,
    Score,
    ScoreBatch,
    error_body,
    outcome_to_wire,
)

log = logging.getLogger("assay.server")
# Requests taken in between two turns of the event loop, some 40 us each.
_AT_ONCE: Final = 16
_SENT_AT_ONCE_BYTES: Final = 64 << 10
_ID_CHARS: Final = 200
# What brings nothing to hold goes on where much is held.
_SMALL: Final = ("hello", "cancel", "stats")
_WORK: Final = (Run, Score, RunBatch, ScoreBatch)


class FrameConnection:
    """Reads requests without pause, so that a disconnect is always seen; whatever the client runs ends with it."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        self._service = service
        self._config = service.config
        self._arrival = FrameArrival(reader, service.config, service.held)
        self._writer = writer
        self._name = name
        self._about = fields(client=name)
        self._tasks: set[asyncio.Task[None]] = set()
        # An id is free again once its answer is written; its run can be cancelled only while it is under way.
        self._ids: set[RequestId] = set()
        self._under_way: dict[RequestId, asyncio.Task[None]] = {}
        # Only these stand in the engine's queue, so that one client's thousands do not fill it for the others.
        self._turns = Turns(service.config.client_runs)
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._write_turn = asyncio.Lock()
        self._ending = False

    async def serve(self) -> None:
        """Serve until the client goes, or sends what makes the stream senseless."""
        last_words: dict[str, Any] | None = None
        try:
            await self._read_requests()
        except BadInput as error:
            log.warning("closed: %s", error, extra=self._about)
            last_words = {"id": None, "error": error_body(error)}
        except OSError as error:
            log.debug("lost: %s", error, extra=self._about)
        finally:
            self._ending = True
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            # Their errors lead back here.
            self._under_way.clear()
            self._arrival.end()
            self._send()
            if last_words is not None:
                self._writer.write(encode_frame(last_words))
            self._writer.close()

    async def quiet(self) -> None:
        """Wait until every answer is written."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._send()

    async def _read_requests(self) -> None:
        while not self._ending and await self._arrival.more():
            # Neither reading buffered bytes nor taking requests in suspends: let the other clients in, every few.
            accepted = 0
            while (body := self._arrival.next_body()) is not None:
                await self._accept(body)
                accepted += 1
                if accepted % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
        if self._arrival.partial_bytes and not self._ending:
            raise BadInput("frame", self._arrival.partial_bytes, "truncated: the stream ended within it")

    async def _accept(self, body: bytes) -> None:
        fields = await off_loop(len(body), msgpack_body, body)
        if not isinstance(fields, dict):
            raise BadInput("frame", fields, "expected a map with id and op")
        given, op = fields.pop("id", None), fields.pop("op", None)
        request_id = given if _is_id(given) else None
        try:
            if request_id is None:
                raise BadInput("id", given, f"expected an integer or a text of at most {_ID_CHARS} characters")
            if not isinstance(op, str):
                raise BadInput("op", op, "expected text")
            if request_id in self._ids:
                raise BadInput("id", request_id, "in flight already: expected one of its own for each request")
            if len(self._ids) >= self._config.client_requests:
                raise Overloaded(f"{len(self._ids)} requests of this client are in flight (server.client_requests)")
            if op not in _SMALL:
                self._service.held.check()
            request = await off_loop(len(body), self._service.parser.request, op, fields)
        except AssayError as error:
            self._refuse(request_id, op, error)
            return
        self._ids.add(request_id)
        self._under_way[request_id] = self._start(request_id, self._answer(request_id, request, len(body)))

    def _refuse(self, request_id: RequestId | None, op: object, error: AssayError) -> None:
        log.info("refused: %s", error, extra=fields(client=self._name, request=f"{self._name}/{request_id}", op=op))
        self._start(request_id, self._write({"id": request_id, "error": error_body(error)}))

    def _start(self, request_id: RequestId | None, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(request_id, done))
        return task

    def _done(self, request_id: RequestId | None, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("failed in the daemon", extra=fields(request=f"{self._name}/{request_id}"), exc_info=error)
        if request_id is not None:
            self._free(request_id)
        if not self._ending:
            body = ErrorBody(kind="sandbox", message=f"the daemon failed: {type(error).__name__}, see its log")
            self._start(None, self._write({"id": request_id, "error": body}))

    async def _answer(self, request_id: RequestId, request: Request, size_bytes: int) -> None:
        op = type(request).__name__.lower()
        traced = f"frame {op}" if isinstance(request, _WORK) else ""
        with self._service.about(f"{self._name}/{request_id}", traced, client=self._name):
            await self._write(await self._answered(request_id, op, request, size_bytes))
        self._free(request_id)

    async def _answered(self, request_id: RequestId, op: str, request: Request, size_bytes: int) -> dict[str, Any]:
        message: dict[str, Any] = {"id": request_id}
        try:
            with self._service.held.holding(size_bytes):
                message["answer"] = await self._perform(request_id, request, size_bytes)
            log.debug("answered", extra=fields(op=op))
        except AssayError as error:
            message["error"] = error_body(error)
            log.info("%s", error, extra=fields(op=op))
        except asyncio.CancelledError:
            if self._ending:
                raise
            message["error"] = ErrorBody(kind="cancelled", message="cancelled by the client")
        self._under_way.pop(request_id, None)
        return message

    def _free(self, request_id: RequestId) -> None:
        self._ids.discard(request_id)
        self._under_way.pop(request_id, None)

    async def _perform(self, request_id: RequestId, request: Request, size_bytes: int) -> Any:
        match request:
            case Run():
                return await self._run(request, self._service.run)
            case Score():
                item = await off_loop(size_bytes, self._service.parser.item, request.item)
                return await self._score(item, request.deadline_seconds, self._service.score)
            case RunBatch():
                runs = await off_loop(size_bytes, self._service.parser.runs, request.batch, "batch")
                return await self._run_batch(request_id, runs, stream=request.stream)
            case ScoreBatch():
                items = await off_loop(size_bytes, self._service.parser.items, request.batch, "batch")
                return await self._score_batch(request_id, items, request)
            case Cancel():
                return {"cancelled": await self._cancel(request.target)}
            case Hello():
                return self._hello(request)
            case _:
                return self._service.stats()

    async def _run(self, run: Run, perform: Callable[..., Awaitable[Outcome]]) -> dict[str, Any]:
        async with self._turns.taken(run.deadline_seconds) as (waited, left):
            outcome = await perform(msgspec.structs.replace(run, deadline_seconds=left), client=self._name)
        seconds = outcome.queue_seconds + waited
        return outcome_to_wire(msgspec.structs.replace(outcome, queue_seconds=seconds))

    async def _score(self, item: Parsed, deadline_seconds: float | None, perform: Callable[..., Any]) -> dict[str, Any]:
        async with self._turns.taken(deadline_seconds) as (_, left):
            answer: dict[str, Any] = await perform(item, client=self._name, deadline_seconds=left)
        return answer

    async def _run_batch(self, request_id: RequestId, runs: list[Run | BadInput], *, stream: bool) -> Any:
        async def ask(run: Run | BadInput) -> dict[str, Any]:
            if isinstance(run, BadInput):
                raise run
            return await self._run(run, self._service.run_one)

        count = len(runs)
        answers = self._service.batch("run", ask, runs)
        if stream:
            return await self._streamed(request_id, answers)
        listed = await in_order(answers, count, self._config.batch_bytes, outcome_bytes)
        return [{"error": error_body(each)} if isinstance(each, AssayError) else each for each in listed]

    async def _score_batch(self, request_id: RequestId, items: list[Parsed], request: ScoreBatch) -> Any:
        async def ask(item: Parsed) -> dict[str, Any]:
            return await self._score(item, request.deadline_seconds, self._service.score_one)

        if request.stream:
            return await self._streamed(request_id, self._service.scored(ask, items))
        return await self._service.score_all(ask, items)

    async def _streamed(self, request_id: RequestId, answers: Numbered[dict[str, Any]]) -> dict[str, int]:
        count = 0
        async with contextlib.aclosing(answers) as numbered:
            async for index, answer in numbered:
                said = {"error": error_body(answer)} if isinstance(answer, AssayError) else {"answer": answer}
                await self._write({"id": request_id, "index": index, **said})
                count += 1
        return {"answers": count}

    async def _cancel(self, target: RequestId) -> bool:
        task = self._under_way.get(target)
        if task is None or task is asyncio.current_task():
            return False
        task.cancel()
        await asyncio.wait([task])
        return True

    def _hello(self, request: Hello) -> dict[str, Any]:
        if request.version != PROTOCOL_VERSION:
            raise BadInput(
                "version",
                request.version,
                f"this daemon speaks protocol {PROTOCOL_VERSION}: use a client of its version",
            )
        if request.token and not hmac.compare_digest(request.token.encode(), self._service.token.encode()):
            raise BadInput("token", "...", "not the token of this daemon")
        return self._service.hello()

    async def _write(self, message: dict[str, Any]) -> None:
        """Answers of one turn of the event loop go out together: a send costs as much as many an answer."""
        frame = encode_frame(message)
        waiting = self._outbox_bytes + self._writer.transport.get_write_buffer_size()
        if waiting > self._config.unread_bytes:
            self._cut_off(f"{waiting} bytes of answers wait (server.unread_bytes)")
            return
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._send)
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > _SENT_AT_ONCE_BYTES:
            self._send()
        if self._writer.transport.get_write_buffer_size():
            await self._taken()

    def _send(self) -> None:
        frames, self._outbox, self._outbox_bytes = self._outbox, [], 0
        if frames and not self._writer.is_closing():
            self._writer.write(b"".join(frames))

    async def _taken(self) -> None:
        """Wait until the client has read enough."""
        try:
            async with self._write_turn, asyncio.timeout(self._config.unread_seconds):
                await self._writer.drain()
        except TimeoutError:
            self._cut_off(f"answers waited for {self._config.unread_seconds:g} s (server.unread_seconds)")
        except OSError as error:
            log.debug("lost: %s", error, extra=self._about)

    def _cut_off(self, why: str) -> None:
        if not self._ending:
            self._ending = True
            self._service.metrics.cut_off.add()
            log.warning("cut off, it does not read: %s", why, extra=self._about)
            self._writer.transport.abort()


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _ID_CHARS
    return isinstance(value, int) and not isinstance(value, bool)
