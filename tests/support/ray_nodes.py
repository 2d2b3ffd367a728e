"""Real Ray on this machine, one raylet for each node, and what is seen of a node from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from engine.wire.cluster import Report
from tests.support.traces import STATE, Instance, cgroups, children, is_given_out_again

RESOURCE: Final = "assay"
STORE_BYTES: Final = 80 << 20
# Within seconds, where Ray by itself takes a minute.
FAST_CHECKS: Final = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


class RayNodes:
    """A head without work, and nodes that come and go."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_system_config": FAST_CHECKS,
        }
        self._ray = Cluster(initialize_head=True, connect=True, head_node_args=head)
        self.address: str = self._ray.address
        self.raylets: dict[str, Any] = {}

    def add(self) -> str:
        """One more node; its id."""
        node = self._ray.add_node(num_cpus=1, object_store_memory=STORE_BYTES, resources={RESOURCE: 1})
        self._ray.wait_for_nodes()
        self.raylets[node.node_id] = node
        return str(node.node_id)

    @contextmanager
    def without_rights(self) -> Iterator[str]:
        """One more node, whose root may make no namespace of any kind; its id."""
        import ray

        before = {node["NodeID"] for node in ray.nodes()}
        none = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -sys_admin --inh-caps -all "
        command = ("unshare", "--user", "--map-root-user", "sh", "-c", f'{none}"$@"', "sh", sys.executable, "-m")
        start = ("ray.scripts.scripts", "start", "--address", self.address, "--num-cpus", "1", "--block")
        more = ("--object-store-memory", str(STORE_BYTES), "--resources", json.dumps({RESOURCE: 1}))
        process = subprocess.Popen(
            (*command, *start, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            until = time.monotonic() + 60
            while not (new := {node["NodeID"] for node in ray.nodes() if node["Alive"]} - before):
                assert time.monotonic() < until, "no node came"
                assert process.poll() is None, "the node ended"
                time.sleep(0.1)
            yield new.pop()
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)

    def kill_raylet(self, node: str) -> None:
        """As if the machine had gone: SIGKILL, and nothing is said."""
        self._ray.remove_node(self.raylets.pop(node), allow_graceful=False)

    def remove(self, node: str) -> None:
        """The node leaves as `ray stop` lets it."""
        self._ray.remove_node(self.raylets.pop(node), allow_graceful=True)

    def worker(self, node: str) -> int:
        """The process of the node's actor."""
        [(_, raylet)] = [(name, found[0].process.pid) for name, found in self._processes(node) if name == "raylet"]
        [worker] = [pid for pid in children(raylet) if _title(pid).startswith("ray::Node")]
        return worker

    def _processes(self, node: str) -> Iterator[tuple[str, Any]]:
        yield from self.raylets[node].all_processes.items()

    def shutdown(self) -> None:
        """End every process."""
        import ray

        ray.shutdown()
        self._ray.shutdown()


def instance_of(report: Report) -> Instance:
    """The engine of a node."""
    return Instance.of(report.facts)


def alive_of(instance: Instance) -> list[str]:
    """Its processes that still are; only these tell engines apart whose name was given out again."""
    return [f"process {pid}" for pid in (instance.supervisor, *instance.keepers) if Path(f"/proc/{pid}").exists()]


def left_of(instance: Instance) -> list[str]:
    """Processes, control groups, mounts and files of an engine that should be gone.

    Where its name was given out again, to an engine of somebody else, only its processes are still its own.
    """
    found = [f"cgroup {path}" for path in cgroups(instance.name)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if instance.name in line]
    found += [f"file {path}" for path in STATE.rglob(f"*{instance.name}*")]
    return alive_of(instance) + ([] if is_given_out_again(instance) else found)


def kill_worker(nodes: RayNodes, node: str) -> None:
    """SIGKILL of the process that the node's actor is."""
    os.kill(nodes.worker(node), 9)


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
