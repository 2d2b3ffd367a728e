"""What is measured runs in processes of its own: vLLM takes a process over, and peak memory is a process's.

All processes of a comparison are there at once and take turns, so that whatever else the machine does meets all alike.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

Answer = dict[str, Any]

# What a task's name stands for; each is called with the specification and the turns.
_TASKS: Final = {
    "ours": "benches.trainer.ours",
    "trl": "benches.trainer.trl_peer",
    "packing": "benches.trainer.packing",
    "head": "benches.trainer.head",
    "sync": "benches.trainer.sync",
}
_ENVIRONMENT: Final = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
_LINES_SHOWN: Final = 3


class WorkerFailed(Exception):
    """A process that ended or took too long before it answered."""


class Worker:
    """The parent's side of one process; it begins to prepare at once.

    core  it has this one alone; None: it may use all
    """

    def __init__(
        self, task: str, specification: Mapping[str, Any], log: Path, *, threads: int, core: int | None = None
    ) -> None:
        self._log = log
        # A process that is killed leaves its temporary files: they go with the bench's own.
        own = {"OMP_NUM_THREADS": str(threads), "TMPDIR": str(log.parent)}
        environment = os.environ | _ENVIRONMENT | own
        command = [sys.executable, "-m", "benches.trainer.worker", task, json.dumps(specification)]
        if core is not None:
            command = ["taskset", "--cpu-list", str(core), *command]
        with log.open("w") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, env=environment, text=True
            )

    def __enter__(self) -> Worker:
        """The worker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def go(self) -> None:
        """Let it take its next turn."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailed(self._last_words()) from None

    def answer(self, seconds: float) -> Answer:
        """Of its preparation, and then of each turn; raises WorkerFailed."""
        assert self._process.stdout is not None
        late = threading.Timer(seconds, self._process.kill)
        late.start()
        try:
            line = self._process.stdout.readline()
        finally:
            late.cancel()
        if not line:
            raise WorkerFailed(self._last_words())
        answer: Answer = json.loads(line)
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"ended with {code}: " + " / ".join(lines[-_LINES_SHOWN:])


class Turns:
    """The process's own side: hand in an answer, wait for the next turn."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers = answers

    def __call__(self, answer: Mapping[str, Any]) -> None:
        """The process ends here where there is no next turn."""
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()
        if not sys.stdin.readline():
            # vLLM leaves threads behind, which a usual end would wait for.
            os._exit(0)


Task = Callable[[Mapping[str, Any], Turns], None]


def reset_peak() -> float:
    """Resident bytes from which `peak_above` counts."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak_above(before: float) -> float:
    """Bytes that the resident memory rose by at most since `reset_peak` gave `before`."""
    return _status("VmHWM") - before


def _status(name: str) -> float:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return float(line.split()[1]) * 1024


def main() -> None:
    """Run one task."""
    name, specification = sys.argv[1:]
    # Whatever libraries print goes to the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task: Task = importlib.import_module(_TASKS[name]).run
    task(json.loads(specification), Turns(answers))


if __name__ == "__main__":
    main()
