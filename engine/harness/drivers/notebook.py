"""Runs inside the sandbox: a notebook's cells, one after the other, in a kernel of Jupyter's.

On fd 3 comes a frame of JSON: {cells, cell_timeout, total_timeout}, 0 for no limit of a cell. On fd 4 goes one:
{"missing": text}, {"unready": text}, {"timed_out": true} or {"cells": [{stdout, stderr, display, error}]}.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import time
from typing import Any

from engine.harness.drivers.frames import read_frame, write_frame

PLACE = "/run/notebook"
STARTUP = f"{PLACE}/ipython/profile_default/startup"
# What `!` does: IPython's own wants a terminal, and programs have none. The kernel reads it when it starts.
COMMANDS = """
def _assay(shell):
    import codecs
    import subprocess

    def system(command):
        if command.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        command = shell.var_expand(command, depth=1)
        words = codecs.getincrementaldecoder("utf-8")("replace")
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, shell=True, **pipes) as process:
            try:
                while piece := process.stdout.read1():
                    print(words.decode(piece), end="", flush=True)
            except BaseException:
                process.kill()
                raise
        shell.user_ns["_exit_code"] = process.returncode

    shell.system = system

_assay(get_ipython())
del _assay
"""
START_SECONDS = 30.0
INTERRUPTED_SECONDS = 2.0
SLICE_SECONDS = 0.2


def main() -> None:
    asked = json.loads(read_frame(3))
    try:
        manager, client = start()
    except ImportError as error:
        answer({"missing": str(error)})
        return
    except Exception as error:  # whatever it is, it is no cell's doing
        answer({"unready": f"{type(error).__name__}: {error}"})
        print(f"the kernel did not come up: {error}", file=sys.stderr)
        return
    until = time.monotonic() + asked["total_timeout"]
    cells, alive = [], True
    for source in asked["cells"]:
        cell: dict[str, Any] = {"stdout": "", "stderr": "", "display": [], "error": []}
        cells.append(cell)
        if not alive:
            cell["error"].append(error_of("DeadKernelError", "the kernel had died"))
            continue
        ended = run(manager, client, source, cell, until, asked["cell_timeout"])
        if ended == "total":
            answer({"timed_out": True})
            return
        alive = ended == "idle"
    if alive:
        # What it does at its end may write files.
        manager.shutdown_kernel()
    answer({"cells": cells})


def start() -> tuple[Any, Any]:
    """A kernel that is ready, and who speaks with it; raises ImportError where there is no ipykernel."""
    os.makedirs(STARTUP)
    with open(f"{STARTUP}/commands.py", "w") as file:
        file.write(COMMANDS)
    # Else they lie in /work, where the cells look.
    os.environ.update(JUPYTER_RUNTIME_DIR=PLACE, IPYTHONDIR=f"{PLACE}/ipython", MPLCONFIGDIR=f"{PLACE}/matplotlib")
    importlib.import_module("ipykernel")
    jupyter = importlib.import_module("jupyter_client")
    manager = jupyter.KernelManager(kernel_name="python3", transport="ipc", ip=f"{PLACE}/kernel")
    manager.start_kernel(cwd="/work")
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=START_SECONDS)
    return manager, client


def run(manager: Any, client: Any, source: str, cell: dict[str, Any], until: float, cell_timeout: float) -> str:
    """How the cell ended: "idle", "dead", or "total" where the time of all is over."""
    asked = client.execute(source, allow_stdin=False)
    limit = time.monotonic() + cell_timeout if cell_timeout > 0 else float("inf")
    if listen(manager, client, asked, cell, min(limit, until)):
        return "idle"
    if not manager.is_alive():
        cell["error"].append(error_of("DeadKernelError", "the kernel died"))
        return "dead"
    if until <= limit:
        return "total"
    before = len(cell["error"])
    manager.interrupt_kernel()
    idle = listen(manager, client, asked, cell, min(time.monotonic() + INTERRUPTED_SECONDS, until))
    lines = [line for each in cell["error"][before:] for line in each["traceback"]]
    cell["error"][before:] = [error_of("TimeoutError", f"cell_timeout of {cell_timeout:g} s", lines)]
    if idle:
        return "idle"
    manager.shutdown_kernel(now=True)
    return "dead"


def listen(manager: Any, client: Any, asked: str, cell: dict[str, Any], until: float) -> bool:
    """Whether the kernel has said that it is done with the cell; False if it died, or not until then."""
    while (left := until - time.monotonic()) > 0:
        try:
            message = client.get_iopub_msg(timeout=min(left, SLICE_SECONDS))
        except queue.Empty:
            if not manager.is_alive():
                return False
            continue
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            cell[content["name"]] += content["text"]
        elif kind in ("display_data", "execute_result"):
            cell["display"].append(content["data"])
        elif kind == "error":
            cell["error"].append(error_of(content["ename"], content["evalue"], content["traceback"]))
        elif kind == "status" and content["execution_state"] == "idle":
            return True
    return False


def error_of(name: str, value: str, lines: Any = ()) -> dict[str, Any]:
    """As a kernel tells it."""
    return {"ename": name, "evalue": value, "traceback": list(lines)}


def answer(content: dict[str, Any]) -> None:
    """The one frame that says what came of it."""
    write_frame(4, json.dumps(content, ensure_ascii=False, default=str).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
