"""What the bench of containers compares: Assay, the floor, and others, each run as its users run it."""

from __future__ import annotations

from typing import Final

from engine.bench.peer import Peer
from engine.bench.peers.assay import CRUN, ENGINE_RUN, LANDLOCK, NATIVE, NATIVE_ALWAYS
from engine.bench.peers.commands import BARE, BUBBLEWRAP, CRUN_STOCK, CRUN_TUNED, RUNC
from engine.bench.peers.docker import DOCKER
from engine.bench.peers.http import GO_JUDGE, SERVE

_ALL: Final[tuple[Peer, ...]] = (
    BARE,
    NATIVE,
    NATIVE_ALWAYS,
    LANDLOCK,
    CRUN,
    CRUN_STOCK,
    CRUN_TUNED,
    BUBBLEWRAP,
    RUNC,
    DOCKER,
    ENGINE_RUN,
    SERVE,
    GO_JUDGE,
)
PEERS: Final[dict[str, Peer]] = {peer.name: peer for peer in _ALL}
