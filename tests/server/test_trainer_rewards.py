"""What the trainer asks of a daemon."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine import BadInput
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
    scoring.greet([PROMPT])
    scoring.submit("key", PROMPT, "\\boxed{42}")
    [(key, reward)] = scoring.finished(wait=True)
    scoring.close()
    assert isinstance(reward, Reward)
    assert (key, reward.reward) == ("key", 1.0)


@pytest.mark.parametrize(
    ("token", "path", "said"),
    [
        ("", "", "token '': expected the daemon's token"),
        ("another0123456789", "", "token '...': expected the daemon's token"),
        (TOKEN, "/v1", "path '/v1/v1/stats': not found"),
    ],
)
def test_what_the_daemon_refuses_is_the_address(
    guarded: Daemon, monkeypatch: pytest.MonkeyPatch, token: str, path: str, said: str
) -> None:
    monkeypatch.setenv("ASSAY_TOKEN", token)
    scoring = Scoring(RewardsConfig(address=f"{guarded.http}{path}"))
    with pytest.raises(BadInput) as caught:
        scoring.greet([PROMPT])
    scoring.close()
    assert str(caught.value).startswith(f"rewards.address '{guarded.http}{path}':")
    assert said in str(caught.value)


def test_another_token_is_refused_over_the_socket_too(guarded: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TOKEN", "another0123456789")
    scoring = Scoring(RewardsConfig(address=guarded.address))
    with pytest.raises(BadInput, match="not the token of this daemon"):
        scoring.greet([PROMPT])
    scoring.close()


@pytest.mark.parametrize("kind", ["maths", None])
def test_a_kind_that_the_daemon_does_not_score_is_said_at_the_start(guarded: Daemon, kind: str | None) -> None:
    scoring = Scoring(RewardsConfig(address=guarded.address))
    with pytest.raises(BadInput, match=rf"^prompt 7\.item\.kind {kind!r}: the daemon scores code, judge, math$"):
        scoring.greet([PROMPT, replace(PROMPT, item={"kind": kind})])
    scoring.close()
