"""A daemon that is ill-treated for minutes: no wrong verdict, no lost answer, no growth, and a clean end."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import Daemon, StartDaemon
from tests.support.growth import own_group, resident, sample
from tests.support.mounts import mounted
from tests.support.soak_chaos import FAKETIME, Chaos, clock_of, environment_for
from tests.support.soak_clients import Clients
from tests.support.soak_report import MIB, draw
from tests.support.traces import Before, Instance, left, wait_until_nothing

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.server,
    pytest.mark.native_only("zygotes, and keepers that outlive their runs, are killed"),
]

SLOTS = 4
SEED = 20_261
WARM_UP_SECONDS = 8.0
SAMPLED_EVERY_SECONDS = 30.0
BLOWS_EVERY_SECONDS = (1.0, 3.0)
REST_SECONDS = 30.0
END_SECONDS = 20.0
REPORT = Path(__file__).parents[2] / ".benchmarks"
# It settles within minutes.
MEMORY_ALLOWANCE = 12 * MIB
MEMORY = "memory of the daemon"
# A file system as small as may be: the daemon's log, its locks and what its self-test proved.
SMALL = "size=2m,mode=755"


@pytest.fixture
def small() -> Iterator[Path]:
    """A small file system of its own, which the users of slots may enter."""
    place = Path(tempfile.mkdtemp(prefix="soak-", dir="/run"))
    with mounted("tmpfs", SMALL, place):
        yield place
    shutil.rmtree(place)
    clock_of(place).unlink(missing_ok=True)


async def soaked(daemon: Daemon, small: Path, seconds: float, group: Path) -> tuple[Clients, list[dict[str, float]]]:
    """Mixed clients and, after a warm-up, blows for so long; a sample after the warm-up and some later."""
    assert daemon.http
    clients = Clients(daemon.path, daemon.http, SEED)
    chaos = Chaos(daemon.process.pid, small, clients, SLOTS, SEED)
    chance = random.Random(SEED)
    await clients.resume()
    await asyncio.sleep(WARM_UP_SECONDS)
    await clients.pause()
    samples = [await at_rest(daemon, group, None)]
    times = [time.monotonic()]
    ends = time.monotonic() + seconds
    while (now := time.monotonic()) < ends:
        await clients.resume()
        pauses = min(ends, now + SAMPLED_EVERY_SECONDS)
        while time.monotonic() < pauses:
            await asyncio.sleep(chance.uniform(*BLOWS_EVERY_SECONDS))
            clients.check()
            await chaos.one()
        await clients.pause()
        samples.append(await at_rest(daemon, group, samples[0]))
        times.append(time.monotonic())
    await clients.stop()
    draw(clients.record, list(zip(times, ({MEMORY: each[MEMORY]} for each in samples), strict=True)), report(seconds))
    return clients, samples


async def at_rest(daemon: Daemon, group: Path, before: dict[str, float] | None) -> dict[str, float]:
    """Every quantity, once none is more than it was before; after a while, as they are then."""
    ends = time.monotonic() + REST_SECONDS
    while True:
        await asyncio.sleep(1.0)
        found = await asyncio.to_thread(measured, daemon, group)
        if found and (before is None or not grown(before, found) or time.monotonic() > ends):
            return found
        assert time.monotonic() < ends, "the slots are not whole"


def measured(daemon: Daemon, group: Path) -> dict[str, float] | None:
    """None where a supervisor or a slot is just being made."""
    pid = daemon.process.pid
    try:
        instance = Instance.below(pid)
    except ValueError:
        return None
    if len(instance.keepers) < SLOTS:
        return None
    return {**sample(instance, group, pid), MEMORY: resident(pid)}


def grown(before: dict[str, float], after: dict[str, float]) -> list[str]:
    return [
        f"{name}: {before.get(name, 0):,.0f}, then {value:,.0f}"
        for name, value in after.items()
        if value > before.get(name, 0) + (MEMORY_ALLOWANCE if "memory" in name else 0)
    ]


def report(seconds: float) -> Path:
    return REPORT / f"soak-{seconds:.0f}.png"


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(60, id="minute", marks=[pytest.mark.thorough, pytest.mark.timeout(400)]),
        pytest.param(600, id="ten-minutes", marks=[pytest.mark.soak, pytest.mark.timeout(1500)]),
    ],
)
async def test_a_daemon_that_is_ill_treated(
    start_daemon: StartDaemon, small: Path, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Before.now()
    config = f'[engine]\nstate_dir = "{small}/state"\n'
    with own_group() as group:
        daemon = start_daemon(config=config, slots=SLOTS, place=small, environment=environment_for(small))
        try:
            clients, samples = await soaked(daemon, small, seconds, group)
            instance = Instance.below(daemon.process.pid)
            assert await asyncio.to_thread(daemon.stop, seconds=END_SECONDS) == 0
        finally:
            daemon.stop(signal.SIGKILL)
        log = daemon.log.read_text()
        with capsys.disabled():
            summary(clients, samples)
    found = clients.record.complaints()
    assert not found, f"{len(found)} of {len(clients.record.said)}: " + "\n".join(found[:5])
    assert not (growth := grown(samples[0], samples[-1])), "\n".join(growth)
    assert "Traceback" not in log, log[-4000:]
    assert not daemon.path.exists()
    wait_until_nothing(lambda: left(instance, before), 10)


def summary(clients: Clients, samples: list[dict[str, float]]) -> None:
    """What was done, on the terminal."""
    record = clients.record
    print(f"\n{Counter(said.came for said in record.said)}; went away: {record.gone}")
    print(f"done: {Counter(what for what, _ in record.done)}")
    if not FAKETIME:
        print("left out: clock steps, which need libfaketime: apt-get install faketime")
    print("memory of the daemon, MiB:", *(f"{each[MEMORY] / MIB:.1f}" for each in samples))
