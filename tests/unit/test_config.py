"""A configuration file says what it changes; what it gets wrong is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from engine import Engine
from engine.config.engine import EngineConfig, check_ceilings
from engine.config.toml import load
from engine.errors import BadInput
from engine.program import Limits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Whole:
    engine: EngineConfig = dataclasses.field(default_factory=EngineConfig)


def read(directory: Path, text: str) -> EngineConfig:
    path = directory / "assay.toml"
    path.write_text(text)
    return load(path, Whole).engine


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "") == EngineConfig()


def test_what_is_named_is_changed_and_nothing_else(tmp_path: Path) -> None:
    text = """
    [engine]
    slots = 3
    trees = ["/usr", "/opt/tools"]
    [engine.limits]
    cpu_seconds = 2
    [engine.compile_limits]
    cpu_seconds = 60
    """
    config = read(tmp_path, text)
    default = EngineConfig()
    assert (config.slots, config.trees) == (3, ("/usr", "/opt/tools"))
    assert config.limits == Limits(cpu_seconds=2)
    assert config.compile_limits.cpu_seconds == 60
    assert config.compile_limits.memory_bytes == default.compile_limits.memory_bytes
    assert config.ceilings == default.ceilings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[engine]\nslotz = 3", r"engine\.slotz 3: unknown key, known are slots, "),
        ("[enigne]\nslots = 3", r"enigne .*: unknown key, known are engine"),
        ("[engine]\nslots = 'two'", r"engine\.slots 'two': expected `int \| null`, got `str`"),
        ("[engine]\nslots = 0", r"engine\.slots 0: expected at least 1"),
        ("engine = 3", r"engine 3: expected a table"),
        ("[engine.limits]\ncpu = 1", r"engine\.limits\.cpu 1: unknown key"),
        ("[engine.limits]\ncpu_seconds = -1", r"engine\.limits\.cpu_seconds -1(\.0)?: expected a number above 0"),
        ("[engine.limits]\nmemory_bytes = '1M'", r"engine\.limits\.memory_bytes '1M': expected `int`"),
        ("[engine.ceilings]\ncpu_seconds = 5", r"engine\.limits\.cpu_seconds 10\.0: the ceiling here is 5"),
        ("[engine\n", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(tmp_path, text)


def test_every_setting_has_its_sentence() -> None:
    assert EngineConfig.__doc__ is not None
    described = {line.split()[0] for line in EngineConfig.__doc__.splitlines()[2:] if line.strip()}
    assert described == {field.name for field in dataclasses.fields(EngineConfig)}


@pytest.mark.parametrize("slots", [0, -3])
def test_an_engine_has_a_slot(slots: int) -> None:
    with pytest.raises(BadInput, match=f"slots {slots}: expected at least 1"):
        Engine(slots=slots)


def test_ceilings() -> None:
    ceilings = Limits(cpu_seconds=10, wall_seconds=30)
    check_ceilings(Limits(cpu_seconds=10, wall_seconds=30), ceilings)
    check_ceilings(Limits(cpu_seconds=1), ceilings)
    with pytest.raises(BadInput, match=r"limits\.wall_seconds 31: the ceiling here is 30"):
        check_ceilings(Limits(wall_seconds=31), ceilings)
    with pytest.raises(BadInput, match=r"compile_limits\.processes"):
        check_ceilings(Limits(processes=65), ceilings, "compile_limits")
