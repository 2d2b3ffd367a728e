"""The self-test sees every limit bite on a sound machine, and each limit that was taken away."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from engine import CannotStart, Engine, EngineConfig, Program, Verdict
from engine.cli.main import main
from engine.config.engine import Runtime
from engine.pool.native import static_program
from engine.program import MIB
from engine.proof import selftest
from engine.proof.finding import Finding
from engine.proof.probes import Probe, host_listens, probes, said
from rewards import CodeReward, Reward
from tests.support import broken
from tests.support.broken import BREAKABLE, BrokenPool

pytestmark = pytest.mark.kernel

LIMITS = ["cpus", "wall", "memory", "cpu", "output", "disk", "processes", "network", "rights", "open_files"]
BUDGET_SECONDS = 0.3
ITEM = {
    "kind": "code",
    "completion": "```python\nprint(input())\n```",
    "tests": [{"stdin": "1", "expected": "1"}],
}


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """One that the slots' users may enter, as pytest's are not; without any stamp."""
    with tempfile.TemporaryDirectory(prefix="assay-test-", dir="/run") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def stamps(directory: Path) -> list[Path]:
    return list(directory.glob("proved-*"))


@pytest.fixture
async def pool(state_dir: Path) -> AsyncIterator[BrokenPool]:
    pool = await BrokenPool.start(1, EngineConfig(state_dir=str(state_dir)), 1 << 30)
    assert isinstance(pool, BrokenPool)
    yield pool
    await pool.close()


@pytest.mark.cgroup2
async def test_every_limit_bites(pool: BrokenPool) -> None:
    findings = await selftest.prove(pool, slots=1)
    assert [finding.name for finding in findings] == LIMITS
    assert selftest.not_enforced(findings) == (), selftest.complaint(findings)
    assert all(finding.seen and not finding.advice for finding in findings)


async def test_every_limit_bites_in_either_runtime(state_dir: Path, runtime: Runtime) -> None:
    config = EngineConfig(state_dir=str(state_dir), runtime=runtime)
    async with Engine(slots=2, config=config) as engine:
        assert engine.facts()["runtime"] == runtime
        assert [finding.name for finding in engine.findings if finding.enforced] == LIMITS


@pytest.mark.parametrize("name", BREAKABLE)
async def test_a_limit_that_was_taken_away_is_found(pool: BrokenPool, name: str) -> None:
    broken.break_limit(pool, name)
    # Alone: a renewal between two probes would repair the disk and the network.
    [finding] = await selftest.prove(pool, slots=1, names=[name])
    assert not finding.enforced, finding
    assert finding.advice


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """A probe's end with nothing around it."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    run_id: int = 0
    fault: str | None = None
    blameless: bool = False
    warm: bool = False
    signal: int | None = None
    stopped_by: Literal["cpu", "wall", "output", "cancel"] | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    held_seconds: float = 0.0
    peak_memory_bytes: int = 0
    oom_kills: int = 0
    refused_processes: int = 0
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    channel: bytes = b""
    files: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)


# A share of a core shows by being held back, and other work on a busy machine can look like that.
BUSY_TRIES = 20


@pytest.mark.parametrize("name", LIMITS)
def test_a_probe_outside_of_any_sandbox_is_not_stopped(name: str, tmp_path: Path) -> None:
    program = static_program()
    path = tmp_path / "probe"
    path.write_bytes(program)
    path.chmod(0o700)
    with host_listens() as host:
        [probe] = [probe for probe in probes(len(program), host) if probe.name == name]
        command: list[str | Path] = [path, "probe", name, *_harmless(probe, tmp_path)]
        tries = BUSY_TRIES if name == "cpus" else 1
        ran = subprocess.run(command, capture_output=True, timeout=100)
        while ran.returncode != 1 and (tries := tries - 1):
            ran = subprocess.run(command, capture_output=True, timeout=100)
        ended = Ended(exit_code=ran.returncode, stdout=ran.stdout, stderr=ran.stderr)
        assert ended.stderr == b""
        assert ended.exit_code == 1
        assert probe.stopped(ended) is None
        assert len(said(ended)) > 3


def _harmless(probe: Probe, place: Path) -> tuple[str, ...]:
    if probe.name == "output":
        return (str(4 * MIB),)
    if probe.name == "disk":
        return (*probe.arguments[:2], str(place))
    return probe.arguments


async def test_time(state_dir: Path, record_property: Callable[[str, object], None]) -> None:
    config = EngineConfig(state_dir=str(state_dir))
    seconds = []
    async with Engine(slots=2, config=config) as engine:
        pool = engine._running().pool
        for _ in range(5):
            stretch = _stretch()
            began = time.monotonic()
            findings = await selftest.prove(pool, slots=2)
            seconds.append((time.monotonic() - began) / stretch)
            assert not selftest.not_enforced(findings), selftest.complaint(findings)
    record_property("selftest_seconds", statistics.median(seconds))
    assert statistics.median(seconds) < BUDGET_SECONDS, seconds


def _stretch() -> float:
    """How much longer this machine takes for computing than it would if it did nothing else."""
    clock, used = time.monotonic(), time.thread_time()
    while time.thread_time() < used + 0.05:
        pass
    return max(1.0, (time.monotonic() - clock) / (time.thread_time() - used))


async def test_a_stamp_spares_the_next_start(state_dir: Path) -> None:
    config = EngineConfig(state_dir=str(state_dir))

    async def findings(**options: bool) -> tuple[Finding, ...]:
        async with Engine(slots=1, config=config, **options) as engine:
            assert engine.facts()["limits"] == "every limit proved"
            return engine.findings

    first = await findings()
    [stamp] = stamps(state_dir)
    assert await findings() == first
    assert await findings(prove_anew=True) != first
    assert stamps(state_dir) == [stamp]
    for damage in (b"", b"[]", b"nonsense"):
        stamp.write_bytes(damage)
        found = await findings()
        assert [finding.name for finding in found] == LIMITS
        assert found != first


async def test_an_engine_with_a_broken_limit_does_not_start(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken.patch(monkeypatch, "memory")
    with pytest.raises(CannotStart) as caught:
        async with Engine(slots=2, config=EngineConfig(state_dir=str(state_dir))):
            pass
    said = str(caught.value)
    assert said.startswith("not enforced here: memory (64 MiB were taken: the engine needs the memory controller")
    assert said.endswith("; to run programs all the same, allow it with --allow-degraded")
    assert "\n" not in said
    assert stamps(state_dir) == []


async def test_a_degraded_engine_says_so_in_every_reply(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken.patch(monkeypatch, "memory")
    config = EngineConfig(state_dir=str(state_dir), allow_degraded=True)
    async with Engine(slots=1, config=config) as engine:
        assert engine.not_enforced == ("memory",)
        assert engine.facts()["limits"] == "not enforced: memory"
        outcome = await engine.run(Program("print(1)"))
        assert (outcome.stdout, outcome.not_enforced) == (b"1\n", ("memory",))
        failed = await engine.run(Program("nonsense", "c"))
        assert (failed.verdict, failed.not_enforced) == (Verdict.COMPILE_ERROR, ("memory",))
        reward = await CodeReward(engine).score(ITEM)
        assert isinstance(reward, Reward)
        assert (reward.reward, reward.not_enforced) == (1.0, ("memory",))
        assert list(reward.to_wire()["not_enforced"]) == ["memory"]
    assert stamps(state_dir) == []
    # Where every limit bites nothing is said.
    monkeypatch.undo()
    async with Engine(slots=1, config=config) as engine:
        assert (await engine.run(Program("print(1)"))).not_enforced == ()
        reward = await CodeReward(engine).score(ITEM)
        assert isinstance(reward, Reward)
        assert "not_enforced" not in reward.to_wire()


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    broken.patch(monkeypatch, "memory")
    path = tmp_path / "a.py"
    path.write_text("print(1)")
    assert main(["run", str(path)]) == 125
    assert "assay run: not enforced here: memory (" in capfd.readouterr().err
    assert main(["run", str(path), "--allow-degraded", "-v"]) == 0
    out, err = capfd.readouterr()
    assert out == "1\n"
    assert err.endswith(" · not enforced: memory\n")
