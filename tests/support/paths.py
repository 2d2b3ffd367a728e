"""Requests of the paths that need an engine, and how two daemons' answers to them are compared."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from engine.config.settings import Settings
from engine.server.answers import Answer
from engine.server.backend import Backend
from engine.server.http import HttpFace
from engine.server.request import HttpRequest
from engine.server.service import Service
from rewards.serving import serving

_SUMS: Final = {
    "id": 7,
    "test": json.dumps([{"input": {"stdin": f"{n} 1\n"}, "output": {"stdout": f"{n + 1}\n"}} for n in range(3)]),
}
_ABOVE: Final = {
    "task_id": "HumanEval/x",
    "prompt": 'def above(x: int) -> bool:\n    """Whether x is above 0."""\n',
    "test": "def check(candidate):\n    assert candidate(1) is True\n    assert candidate(0) is False\n",
    "entry_point": "above",
    "canonical_solution": "    return x > 0\n",
}
_RIGHT: Final = "print(sum(map(int, input().split())))"
_JUDGE: Final = "exit(open('answer.txt').read().split() != open('stdout.txt').read().split())"
_CALLS: Final = {"type": "function_call", "fn_name": "f", "input": [[1], [2]], "output": [2, 4]}
_PRINTS: Final = {"type": "stdin_stdout", "input": ["1", "2"], "output": ["1", "2"]}
_ASSERTS: Final = {"type": "assert", "test": "assert f(1) == 2"}


def submission(completion: str, **config: Any) -> dict[str, Any]:
    """The body of a `/submit` about the row with a sum."""
    config = {"language": "python", "provided_data": _SUMS, **config}
    return {"dataset": "any", "id": 7, "completion": completion, "config": config}


def _batch(completion: str, cases: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {
        "completion": completion,
        "config": {"language": "python", "provided_data": {"test_cases": cases}, **config},
    }


def fenced(code: str, tag: str = "python") -> str:
    """A completion with one block."""
    return f"Here it is:\n```{tag}\n{code}\n```\n"


# Path, and body as it goes to JSON, or as it is sent.
REQUESTS: Final[tuple[tuple[str, dict[str, Any] | bytes], ...]] = (
    ("/submit", submission(fenced(_RIGHT))),
    ("/submit/", submission(fenced("print(3)"), extra={"run_all_cases": True})),
    ("/submit", submission(fenced("while True: pass"), run_timeout=0.3)),
    ("/submit", submission(fenced("int main() { return x; }", "cpp"), language="cpp")),
    ("/submit", submission(fenced(_RIGHT), provided_data=None) | {"dataset": "sums"}),
    ("/submit", submission("    return x > 0\n", provided_data=_ABOVE)),
    ("/submit", submission("    return x >= 0\n", provided_data={**_ABOVE, "canonical_solution": "    return x\n"})),
    ("/submit", submission(fenced(_RIGHT), custom_extract_logic="submit_code_blocks([])")),
    ("/submit", submission(fenced(_RIGHT), custom_extract_logic="nothing[0]")),
    ("/submit", submission(fenced("print(1)"), extra={"special_judge_program": _JUDGE})),
    ("/submit", submission(fenced("print(1)"), extra={"special_judge_program": "exit(7)"})),
    ("/submit", submission(fenced(_RIGHT), provided_data=None) | {"dataset": "nothing"}),
    ("/submit", submission(fenced(_RIGHT), run_timeout=1e9)),
    ("/submit", {"dataset": "any", "id": 1}),
    ("/submit", b"{"),
    ("/common_evaluate_batch", _batch(fenced("print(input())"), _PRINTS)),
    ("/common_evaluate_batch", _batch(fenced("def f(x):\n    return 2 * x"), _CALLS)),
    ("/common_evaluate_batch", _batch(fenced("def f(x):\n    return x"), _CALLS)),
    ("/common_evaluate_batch", _batch(fenced("def f(x):\n    return 2 * x"), _ASSERTS)),
    ("/common_evaluate", _batch(fenced("print(input())"), _PRINTS, language="nothing")),
    ("/run_jupyter", {"cells": ["a = 20", "print(a + 1)", "raise KeyError"], "fetch_files": ["none"]}),
    ("/run_jupyter", {"cells": ["1"], "total_timeout": 1e9}),
    ("/run_jupyter", {"cells": ["1"], "memory_limit_MB": 10**9}),
    ("/run_jupyter", {"cells": "1"}),
)


def data_sets(place: Path) -> dict[str, Any]:
    """The table `[rewards]` with the data set that requests name."""
    (place / "sums.jsonl").write_text(json.dumps(_SUMS) + "\n")
    return {"data_sets": {"sums": {"file": str(place / "sums.jsonl")}}}


class Front:
    """What stands behind the paths, without a socket before it."""

    def __init__(self, face: HttpFace, service: Service) -> None:
        self._face = face
        self.service = service

    async def ask(self, path: str, content: dict[str, Any] | bytes) -> Answer:
        """The answer to one request."""
        request = HttpRequest("http-test")
        request.method, request.path = "POST", path
        request.body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self._face.answer(request)

    async def ask_all(self) -> list[tuple[int, Any]]:
        """Status and body of the answers to `REQUESTS`, without what two runs differ in."""
        answers = await asyncio.gather(*(self.ask(path, content) for path, content in REQUESTS))
        return [(answer.status, _without_times(json.loads(answer.body))) for answer in answers]

    def counts(self) -> list[str]:
        """The metrics of requests and verdicts, and what the page shows of the last minutes."""
        metrics = self.service.metrics
        lines = [*metrics.requests.lines(), *metrics.verdicts.lines(), *metrics.not_judged.lines()]
        lines += [line for line in metrics.request_seconds.lines() if "_count" in line]
        told: Counter[str] = Counter()
        for minute in self.service.stats()["minutes"]:
            told.update({**minute["verdicts"], **minute["not_judged"]})
        return [*lines, str(sorted(told.items())), f"{metrics.shares.programs} {metrics.shares.highest}"]


@asynccontextmanager
async def front(backend: Backend, settings: Settings) -> AsyncIterator[Front]:
    """The paths of a daemon with that behind them."""
    async with serving(settings) as served:
        service = Service(backend, served.scorers, settings)
        yield Front(HttpFace(service, served.routes, host="127.0.0.1"), service)


def _without_times(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _without_times(value) for name, value in answer.items() if name != "execution_time"}
    return [_without_times(each) for each in answer] if isinstance(answer, list) else answer
