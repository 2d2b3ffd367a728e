"""An OpenAI-compatible server that says what a test wants it to say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Says:
    """One reply: a chat completion of `text`, or another status; `cut` closes the connection in the middle of it."""

    text: str = ""
    finish_reason: str = "stop"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    cut: bool = False
    body: bytes | None = None


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """The one message."""
        (message,) = self.body["messages"]
        assert message["role"] == "user"
        return str(message["content"])

    @property
    def nonce(self) -> str:
        """This judgement's own."""
        return self.part_and_nonce("answer")[1]

    @property
    def answer(self) -> str:
        """What stands between the marks."""
        return self.part_and_nonce("answer")[0]

    def part_and_nonce(self, name: str) -> tuple[str, str]:
        """A part of the prompt as the model sees it."""
        found = re.search(rf"^<{name} (\w+)>\n(.*)\n</{name} \1>$", self.prompt, re.MULTILINE | re.DOTALL)
        assert found is not None
        return found[2], found[1]


Script = Callable[[Asked], Says]


def verdict(word: str, nonce: str) -> str:
    """The line that a judge has to end with."""
    return json.dumps({"verdict": word, "nonce": nonce})


def right(asked: Asked) -> Says:
    """Accepts everything."""
    return Says(f"They are the same.\n{verdict('correct', asked.nonce)}")


def wrong(asked: Asked) -> Says:
    """Accepts nothing."""
    return Says(f"They differ.\n{verdict('incorrect', asked.nonce)}")


def by_reference(asked: Asked) -> Says:
    """Accepts what has the reference's letters."""
    same = asked.answer.casefold() == asked.part_and_nonce("reference")[0].casefold()
    return (right if same else wrong)(asked)


def in_turn(*each: Script | Says) -> Script:
    """One after the other; the last for ever."""
    scripts: Iterator[Script | Says] = iter(each)
    now: list[Script | Says] = []

    def script(asked: Asked) -> Says:
        now[:] = [next(scripts, *now)]
        return now[0] if isinstance(now[0], Says) else now[0](asked)

    return script


@dataclass
class ScriptedJudge:
    """The server: where it is, and what it was asked."""

    script: Script = right
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                asked = Asked(head[0].split()[1], headers, body)
                self.asked.append(asked)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._answer(self.script(asked), writer)
                finally:
                    self.at_once -= 1
                if writer.is_closing():
                    return

    async def _answer(self, says: Says, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(says.delay_seconds)
        choice = {"index": 0, "message": {"role": "assistant", "content": says.text}}
        answer = {
            "object": "chat.completion",
            "choices": [{**choice, "finish_reason": says.finish_reason}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
        }
        body = says.body if says.body is not None else json.dumps(answer).encode()
        lines = [f"HTTP/1.1 {says.status} said", f"content-length: {len(body)}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in says.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body[: len(body) // 2] if says.cut else body))
        await writer.drain()
        if says.cut:
            writer.close()


@contextlib.asynccontextmanager
async def scripted_judge(script: Script = right) -> AsyncIterator[ScriptedJudge]:
    """A server on a port of its own, in this event loop."""
    judge = ScriptedJudge(script)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await judge._connection(reader, writer)
        finally:
            writer.close()
            connections.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    judge.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield judge
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
