"""An engine whose programs see an image, under an ordinary user, in a process of its own.

Takes the state directory, the image store and the image's place; says as JSON what came of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import CannotStart
from engine.program import Limits, Program

SCRIPTS = {
    "lists": "cd /opt; for d in . again emptied whole; do echo $d: $(ls $d); done",
    "reads": "cd /opt; echo $(<kept) $(<changed) $(</hello) $(<closed/inside); echo /work/*; echo $(</etc/hosts)",
    "owners": "cd /opt; ls -ln rooted theirs; echo rooted:$(<rooted) theirs:$(<theirs)",
    "writes": (
        "for f in /hello /opt/x /opt/kept /opt/theirs /opt/again/new /bin/x /etc/passwd /usr/x /dev/x; do\n"
        "  (echo 1 >$f) 2>/dev/null && echo written: $f\n"
        "done\n"
        "for d in /work /tmp /var/tmp /run /dev/shm /home /mnt; do echo 1 >$d/x || echo not written: $d; done"
    ),
    "is new": "echo /tmp/* /home/* $UID",
}


async def main(state_dir: str, image_store: str, rootfs: str, *, allow_degraded: bool) -> dict[str, Any]:
    said: dict[str, Any] = {}
    config = EngineConfig(state_dir=state_dir, image_store=image_store, rootfs=rootfs, allow_degraded=allow_degraded)
    try:
        async with Engine(slots=2, config=config) as engine:
            said["facts"] = engine.facts()
            for name, script in SCRIPTS.items():
                outcome = await engine.run(Program(script, "bash"))
                said[name] = [outcome.verdict, outcome.stdout.decode(), outcome.stderr.decode()[-200:]]
            spun = await engine.run(Program("while :; do :; done", "bash"), limits=Limits(cpu_seconds=0.2))
            said["spins"] = [spun.verdict]
            said["faults"] = engine.stats().faults
    except CannotStart as error:
        said["refused"] = str(error)
    return said


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:4], allow_degraded="degraded" in sys.argv))))
