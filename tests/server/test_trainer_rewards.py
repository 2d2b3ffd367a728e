"""What the trainer asks of a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewards import Reward
from tests.server.conftest import Daemon, StartDaemon
from tests.support.runtimes import no_slot_in_it
from trainer.rewards import Scoring
from trainer.tables import RewardsConfig
from trainer.types import Prompt

np = pytest.importorskip("numpy")

pytestmark = [pytest.mark.kernel, pytest.mark.server, no_slot_in_it]

TOKEN = "0123456789abcdef"
PROMPT = Prompt(id="7", tokens=np.zeros(1, np.int32), item={"kind": "math", "reference": "42"})


@pytest.fixture(scope="module")
def guarded(start_daemon: StartDaemon, tmp_path_factory: pytest.TempPathFactory) -> Daemon:
    """A daemon that asks for a token."""
    file: Path = tmp_path_factory.mktemp("token") / "token"
    file.write_text(TOKEN)
    daemon = start_daemon("--token-file", str(file), http="0.0.0.0:0", slots=1)
    assert daemon.http
    daemon.http = daemon.http.replace("0.0.0.0", "127.0.0.1")
    return daemon


def test_the_token_is_the_environments(guarded: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TOKEN", TOKEN)
    assert guarded.http
    scoring = Scoring(RewardsConfig(address=guarded.http))
    scoring.submit("key", PROMPT, "\\boxed{42}")
    [(key, reward)] = scoring.finished(wait=True)
    scoring.close()
    assert isinstance(reward, Reward)
    assert (key, reward.reward) == ("key", 1.0)
