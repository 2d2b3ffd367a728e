"""Clients of a daemon that is ill-treated: each request has one right answer, and what came of it is kept."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import httpx

from engine import AssayError, Client, Overloaded, Program, SandboxError
from rewards import NotJudged, RewardClient
from tests.support.soak_leavers import Leavers
from tests.support.soak_programs import DOUBLE, GUESSES, HOSTILE, INTERACTOR, NEXT_CPP, SQUARE, TRIPLE
from tests.support.soak_record import Came, Record

# Far beyond what any answer takes here: by then it is lost.
LOST_SECONDS: Final = 60.0


class Clients:
    """Several of each sort at once, until told to stop; in a pause they finish what they have and wait."""

    def __init__(self, socket: Path, url: str, seed: int) -> None:
        self.record = Record()
        self._open = asyncio.Event()
        self._under_way = 0
        self._url = url
        self._chance = random.Random(seed)
        self._tasks: list[asyncio.Task[None]] = []
        self._frames = Client(f"unix://{socket}")
        self._rewards = RewardClient(f"unix://{socket}")
        leavers = Leavers(socket, url, self._chance, self.record)
        self._sorts: Sequence[Callable[[], Awaitable[None]]] = (
            *[self._bash_by_frame] * 2,
            *[self._warm_python_over_http] * 2,
            self._run_code,
            self._maths,
            self._call,
            *[self._streamed_batch] * 2,
            self._interactive,
            self._hostile,
            self._compiled,
            leavers.in_mid_request,
            leavers.in_mid_frame,
            leavers.in_mid_answer,
        )

    async def resume(self) -> None:
        """Begin, or go on."""
        self._http = httpx.AsyncClient(base_url=self._url, timeout=None)
        self._open.set()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._again_and_again(sort)) for sort in self._sorts]

    async def pause(self) -> None:
        """Let each finish what it has, and close what HTTP keeps open; raises what a client raised."""
        self._open.clear()
        while self._under_way:
            self.check()
            await asyncio.sleep(0.05)
        self.check()
        await self._http.aclose()

    async def stop(self) -> None:
        """No more requests; to be called in a pause."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._frames.close()
        await self._rewards.close()

    async def sleep_in(self, slots: int) -> None:
        """Keep so many slots for a second."""

        async def ask() -> str:
            outcome = await self._frames.run(Program(source="sleep 1", language="bash"))
            return "" if outcome.clean else str(outcome)

        await asyncio.gather(*(self._asked("sleeper", ask) for _ in range(slots)))

    async def clock(self) -> float:
        """The daemon's clock on the wall, in seconds since 1970."""
        response = await self._http.get("/healthz")
        return parsedate_to_datetime(response.headers["date"]).timestamp()

    def check(self) -> None:
        """Raises what a client raised."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _again_and_again(self, ask: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._open.wait()
            self._under_way += 1
            try:
                await ask()
            finally:
                self._under_way -= 1
            await asyncio.sleep(self._chance.uniform(0.0, 0.05))

    async def _asked(self, kind: str, ask: Callable[[], Awaitable[str]]) -> None:
        """`ask` says what is wrong with the answer, or nothing."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(LOST_SECONDS):
                wrong = await ask()
        except SandboxError as error:
            self.record.add(kind, began, "lost" if _is_lost(str(error)) else "not judged", str(error))
        except (TimeoutError, Overloaded, AssayError, httpx.HTTPError, OSError) as error:
            self.record.add(kind, began, "lost", f"{type(error).__name__}: {error}")
        else:
            self.record.add(kind, began, "wrong" if wrong else "right", wrong)

    async def _bash_by_frame(self) -> None:
        number = self._chance.randrange(1_000_000)

        async def ask() -> str:
            outcome = await self._frames.run(Program(source=TRIPLE, language="bash"), f"{number}\n".encode())
            return "" if outcome.clean and outcome.stdout == f"{3 * number}\n".encode() else str(outcome)

        await self._asked("bash, by frame", ask)

    async def _compiled(self) -> None:
        number = self._chance.randrange(1_000_000)

        async def ask() -> str:
            outcome = await self._frames.run(Program(source=NEXT_CPP, language="cpp"), f"{number}\n".encode())
            return "" if outcome.clean and outcome.stdout == f"{number + 1}\n".encode() else str(outcome)

        await self._asked("C++, by frame", ask)

    async def _warm_python_over_http(self) -> None:
        number = self._chance.randrange(1_000_000)

        async def ask() -> str:
            answer = await self._posted("/v1/run", {"source": SQUARE, "stdin": f"{number}\n"})
            return "" if answer["stdout"] == f"{number**2}\n" else json.dumps(answer)

        await self._asked("python, /v1/run", ask)

    async def _run_code(self) -> None:
        number = self._chance.randrange(1_000_000)

        async def ask() -> str:
            answer = await self._posted("/run_code", {"code": SQUARE, "language": "python", "stdin": f"{number}\n"})
            ran = answer["run_result"] or {}
            return "" if ran.get("stdout") == f"{number**2}\n" else json.dumps(answer)

        await self._asked("/run_code", ask)

    async def _maths(self) -> None:
        number, right = self._chance.randrange(2, 1000), self._chance.random() < 0.5
        said = f"\\frac{{{2 * number}}}{{{4 if right else 3}}}"
        item = {"kind": "math", "completion": f"\\boxed{{{said}}}", "reference": f"{number}/2"}
        await self._asked("maths", lambda: self._scored(item, float(right)))

    async def _interactive(self) -> None:
        number = self._chance.randrange(1, 1001)
        judge = {"source": INTERACTOR, "language": "python", "interactive": True}
        test = {"stdin": f"{number}\n", "expected": f"{number}\n"}
        item = {"kind": "code", "completion": f"```python\n{GUESSES}```", "tests": [test], "judge": judge}
        await self._asked("interactive", lambda: self._scored(item, 1.0))

    async def _call(self) -> None:
        number, right = self._chance.randrange(1_000_000), self._chance.random() < 0.5
        test = {"call": "double", "arguments": [number], "expected": 2 * number + (not right)}
        item = {"kind": "code", "completion": f"```python\n{DOUBLE}\n```", "tests": [test]}
        await self._asked("a call", lambda: self._scored(item, float(right)))

    async def _hostile(self) -> None:
        source, language, limits, stdout, verdict = self._chance.choice(HOSTILE)

        async def ask() -> str:
            outcome = await self._frames.run(Program(source=source, language=language, warm=False), limits=limits)
            right = outcome.verdict.value == verdict and stdout in (None, outcome.stdout)
            return "" if right else f"expected {verdict}: {outcome.verdict} {outcome}"

        await self._asked("hostile", ask)

    async def _streamed_batch(self) -> None:
        """A line for each of many items, in any order; each exactly once."""
        began = time.monotonic()
        wanted = [self._one_of_a_batch() for _ in range(12)]
        seen: set[int] = set()
        try:
            async with (
                asyncio.timeout(LOST_SECONDS),
                self._http.stream(
                    "POST",
                    "/v1/score",
                    json=[item for item, _ in wanted],
                    headers={"Accept": "application/x-ndjson"},
                ) as answers,
            ):
                async for text in answers.aiter_lines():
                    line = json.loads(text)
                    index = line["index"]
                    came, why = _came(line, wanted[index][1])
                    self.record.add("of a streamed batch", began, "wrong" if index in seen else came, why)
                    seen.add(index)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            self.record.add("of a streamed batch", began, "lost", f"{type(error).__name__}: {error}")
            return
        for index in set(range(len(wanted))) - seen:
            self.record.add("of a streamed batch", began, "lost", f"no line for {index}")

    def _one_of_a_batch(self) -> tuple[dict[str, Any], float]:
        number, right = self._chance.randrange(1_000_000), self._chance.random() < 0.5
        if self._chance.random() < 0.3:
            completion = f"so it is \\boxed{{{number if right else number + 1}}}"
            return {"kind": "math", "completion": completion, "reference": str(number)}, float(right)
        test = {"stdin": f"{number}\n", "expected": f"{number**2 + (not right)}\n"}
        return {"kind": "code", "completion": f"```python\n{SQUARE}\n```", "tests": [test]}, float(right)

    async def _scored(self, item: dict[str, Any], wanted: float) -> str:
        reward = await self._rewards.score(item)
        if isinstance(reward, NotJudged):
            raise SandboxError(reward.reason)
        return "" if reward.reward == wanted else f"expected {wanted}: {reward}"

    async def _posted(self, path: str, body: dict[str, Any]) -> Any:
        response = await self._http.post(path, json=body)
        answer = response.json()
        if response.status_code in (503, 504) and answer["error"]["kind"] == "sandbox":
            raise SandboxError(response.text)
        response.raise_for_status()
        return answer


def _is_lost(why: str) -> bool:
    """Whether the daemon said nothing, or that it failed itself."""
    return any(words in why for words in ("nothing is known of", "not an answer", "the daemon failed", "cannot reach"))


def _came(line: dict[str, Any], wanted: float) -> tuple[Came, str]:
    answer = line.get("answer")
    if answer is None:
        error = line["error"]
        return ("not judged" if error["kind"] == "sandbox" else "lost"), str(error)
    if answer.get("not_judged") is not None:
        return "not judged", str(answer["not_judged"])
    return ("right", "") if answer["reward"] == wanted else ("wrong", f"expected {wanted}: {answer}")
