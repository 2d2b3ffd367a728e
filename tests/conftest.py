from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, EngineConfig
from engine.config.engine import Fresh, Runtime
from tests.support.runtimes import RENEWALS, RUNTIMES, NewEngine

ROOT = Path(__file__).parents[1]
CAP_SYS_ADMIN = 21
DEFAULT = EngineConfig()


def what_the_sandbox_lacks() -> str | None:
    """Name the one right that is missing to run programs in the sandbox here, if one is."""
    if sys.platform != "linux":
        return f"Linux (this is {sys.platform})"
    if os.geteuid() != 0:
        return f"root (this is uid {os.geteuid()})"
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    if not int(effective, 16) >> CAP_SYS_ADMIN & 1:
        return f"CAP_SYS_ADMIN (the effective set is {effective})"
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Directories of this run alone: whichever run starts next closes pytest's usual ones to the users of slots."""
    if config.option.basetemp is None:
        config.option.basetemp = Path(tempfile.mkdtemp(prefix="assay-pytest-"), "run")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What a failed run has written is kept to be looked at."""
    place: Path = session.config.option.basetemp.parent
    if place.name.startswith("assay-pytest-") and exitstatus == pytest.ExitCode.OK:
        shutil.rmtree(place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") and (lacks := what_the_sandbox_lacks()):
        pytest.skip(f"needs {lacks}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runtime", choices=RUNTIMES, help="run the tests of both runtimes on this one only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The one place where the behavioural tests are multiplied by the runtimes; all but the default is thorough."""
    if "runtime" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--runtime")
    native_only = metafunc.definition.get_closest_marker("native_only") is not None
    runtimes = [name for name in RUNTIMES if name == (chosen or name) and (name == "native" or not native_only)]
    names: tuple[str, ...] = ("runtime",)
    cases: list[tuple[str, ...]] = [(name,) for name in runtimes]
    if "fresh" in metafunc.fixturenames:
        names, cases = ("runtime", "fresh"), [(name, fresh) for name in runtimes for fresh in RENEWALS[name]]
    default = (chosen or DEFAULT.runtime, DEFAULT.fresh)
    crun_is_soak = metafunc.definition.get_closest_marker("crun_is_soak") is not None

    def marks(case: tuple[str, ...]) -> tuple[pytest.MarkDecorator, ...]:
        if case == default[: len(case)]:
            return ()
        return (pytest.mark.soak if crun_is_soak and case[0] == "crun" else pytest.mark.thorough,)

    marked = [pytest.param(*case, marks=marks(case)) for case in cases]
    metafunc.parametrize(names, marked, indirect=True, scope="session")


@pytest.fixture(scope="session")
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Who makes the slots."""
    name: Runtime = request.param
    if name == "crun" and shutil.which("crun") is None:
        pytest.skip("needs crun: scripts/bootstrap installs it")
    return name


@pytest.fixture(scope="session")
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """What is renewed between two runs."""
    how: Fresh = request.param
    return how


@pytest.fixture
def data_file() -> Callable[[str], Path]:
    """The path of a data set's file, or a skip that names it."""

    def path_of(name: str) -> Path:
        for directory in (ROOT / ".data", ROOT.parent / "shared/data"):
            if (directory / name).exists():
                return directory / name
        return pytest.skip(f"needs .data/{name}: scripts/fetch-data brings it")

    return path_of


@pytest.fixture(scope="session")
def new_engine(runtime: Runtime) -> NewEngine:
    def new(*, slots: int, **config: Any) -> Engine:
        return Engine(slots=slots, config=EngineConfig(runtime=runtime, **config))

    return new
