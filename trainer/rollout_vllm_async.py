"""Rollouts by vLLM in a process of its own, so that generating does not share the trainer's interpreter."""

from __future__ import annotations

import asyncio
import os
import queue
from abc import abstractmethod
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from engine.client.loop_thread import LoopThread
from trainer.config import TrainerConfig
from trainer.errors import RolloutsFailed
from trainer.rollout_vllm import VLLMEngine, arguments, facts_of, failures, taken
from trainer.types import Output, Request

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

# With requests under way, an engine that says nothing for so long is dead.
_SILENCE_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.5

_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class _Stream:
    """A request that is being answered."""

    id: str
    following: Future[None] = field(init=False)


class StreamedRollouts(VLLMEngine):
    """An engine that answers each request by a stream; the streams are followed on a thread of their own."""

    def __init__(self, config: TrainerConfig, stop_tokens: Sequence[int]) -> None:
        super().__init__(config, stop_tokens)
        self._loop = LoopThread("assay-trainer-rollouts")
        self._streams: dict[str, _Stream] = {}
        self._answers: queue.SimpleQueue[tuple[_Stream, Output | Exception]] = queue.SimpleQueue()

    def submit(self, request: Request) -> None:
        """See `RolloutEngine`; a request that is refused is known in `step`."""
        stream = self._streams[request.id] = _Stream(request.id)
        stream.following = self._loop.submit(self._follow(stream, request))

    def step(self) -> list[Output]:
        """See `RolloutEngine`."""
        outputs: dict[str, Output] = {}
        while self._streams and not outputs:
            for stream, answer in self._arrived():
                # What an aborted request still says is not of the one that has its id now.
                if self._streams.get(stream.id) is not stream:
                    continue
                if isinstance(answer, Exception) or answer.end is not None:
                    del self._streams[stream.id]
                if isinstance(answer, Exception):
                    with failures("failed"):
                        raise answer
                before = outputs.get(stream.id)
                outputs[stream.id] = answer if before is None else _joined(before, answer)
        return list(outputs.values())

    def abort(self, ids: Iterable[str]) -> None:
        """See `RolloutEngine`."""
        for id_ in ids:
            if (stream := self._streams.pop(id_, None)) is not None:
                stream.following.cancel()

    @abstractmethod
    def _generate(self, request: Request) -> AsyncGenerator[Output, None]:
        """What the engine says to a request; closed early, it is aborted."""

    @property
    def _busy(self) -> bool:
        return bool(self._streams)

    def _shut_down(self) -> None:
        self.abort(list(self._streams))
        self._loop.stop()

    async def _follow(self, stream: _Stream, request: Request) -> None:
        try:
            async with aclosing(self._generate(request)) as outputs:
                async for output in outputs:
                    self._answers.put((stream, output))
            ended: Exception = RolloutsFailed(f"vLLM said no end to request {request.id}")
        except Exception as error:  # noqa: BLE001 (it is raised where it is waited for)
            ended = error
        self._answers.put((stream, ended))

    def _arrived(self) -> list[tuple[_Stream, Output | Exception]]:
        """All that is there, at least one."""
        try:
            answers = [self._answers.get(timeout=_SILENCE_SECONDS)]
        except queue.Empty:
            raise RolloutsFailed(
                f"vLLM has said nothing for {_SILENCE_SECONDS:g} s, with {len(self._streams)} requests under way"
            ) from None
        while not self._answers.empty():
            answers.append(self._answers.get())
        return answers


class AsyncVLLMRollouts(StreamedRollouts):
    """A `RolloutEngine` on vLLM's AsyncLLM, which runs in a process of its own, on the policy's own device.

    A script that makes one needs `if __name__ == "__main__":`, for that process imports it.

    Raises BadInput without vLLM or a checkpoint that it can be updated by, RolloutsFailed where it does not start.
    """

    def __init__(self, config: TrainerConfig, stop_tokens: Sequence[int]) -> None:
        # A copy of this process would have its locks without the threads that hold them.
        os.environ.setdefault("VLLM_WORKER_MULTIPROCESSING_METHOD", "spawn")
        super().__init__(config, stop_tokens)
        with ExitStack() as undone, failures("does not start"):
            undone.callback(self._loop.stop)
            given = arguments(config, self._device)
            if given["weight_transfer_config"].backend == "ipc":
                # vLLM's handles are objects; the process that reads them is this one's child.
                os.environ.setdefault("VLLM_ALLOW_INSECURE_SERIALIZATION", "1")
            self._llm = self._loop.wait(_started(given))
            undone.callback(self._llm.shutdown)
            facts = facts_of(self._answer(self._llm.collective_rpc("assay_facts")))
            self._answer(self._llm.collective_rpc("assay_end_with_trainer"))
            from trainer.transfer_vllm import Calls

            self._connect(Calls(self._llm, self._answer), facts)
            undone.pop_all()

    def _answer(self, call: Coroutine[Any, Any, _T]) -> _T:
        return self._loop.wait(_unless_dead(self._llm, call))

    async def _generate(self, request: Request) -> AsyncGenerator[Output, None]:
        async for output in self._llm.generate(*self._prompted(request), request.id):
            yield taken(output)

    def _pause(self) -> None:
        self._answer(self._llm.pause_generation(mode="abort"))

    def _empty_cache(self) -> bool:
        return self._answer(self._llm.reset_prefix_cache())

    def _resume(self) -> None:
        self._answer(self._llm.resume_generation())

    def _shut_down(self) -> None:
        self._loop.wait(_ended(self._llm))
        super()._shut_down()


def _joined(before: Output, after: Output) -> Output:
    """What came of one request while nobody took it."""
    return replace(after, tokens=before.tokens + after.tokens, logprobs=before.logprobs + after.logprobs)


async def _unless_dead(llm: AsyncLLM, work: Coroutine[Any, Any, _T]) -> _T:
    """What its process answers: where that dies meanwhile, vLLM leaves a call waiting for ever."""
    task = asyncio.ensure_future(work)
    while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
        if llm.errored:
            task.cancel()
            raise llm.dead_error
    return await task


async def _ended(llm: AsyncLLM) -> None:
    """On its loop too, where it leaves a task behind."""
    llm.shutdown()
    if llm.output_handler is not None:
        await asyncio.wait([llm.output_handler], timeout=1)


async def _started(given: dict[str, Any]) -> AsyncLLM:
    """On the loop that its sockets belong to."""
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    return AsyncLLM.from_engine_args(AsyncEngineArgs(**given))
