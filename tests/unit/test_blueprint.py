"""What two that start a cluster have to agree on."""

from __future__ import annotations

from engine.cluster.blueprint import Blueprint
from engine.config.engine import EngineConfig
from engine.config.server import ServerConfig
from engine.config.settings import Settings
from rewards.serving import serving


def digest(*, engine: EngineConfig | None = None, **server: object) -> str:
    settings = Settings(engine=engine or EngineConfig(), server=ServerConfig(**server))  # type: ignore[arg-type]
    return Blueprint.of(settings, serving).digest


def test_what_is_a_front_s_own_may_differ() -> None:
    assert digest() == digest(http=None, hosts=("a",), log_level="debug", client_runs=1)


def test_what_nodes_answer_by_may_not() -> None:
    assert len({digest(), digest(run_code_memory_bytes=1 << 20), digest(run_jupyter_image="notebooks")}) == 3
    assert digest() != digest(engine=EngineConfig(queue_runs=7))
