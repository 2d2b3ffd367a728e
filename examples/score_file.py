"""The rewards of a file's items, from a daemon that runs: one on each line, in the items' order.

assay serve                                     in another terminal
python examples/score_file.py examples/items.jsonl [unix:///PATH | http://HOST:PORT]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from assay import NotJudged, RewardClient

items = [json.loads(line) for line in Path(sys.argv[1]).read_bytes().splitlines()]
address = sys.argv[2] if len(sys.argv) > 2 else None  # None: where this user's daemon listens

with RewardClient.sync(address) as client:
    rewards = client.score_many(items)

for item, reward in zip(items, rewards, strict=True):
    if isinstance(reward, NotJudged):
        # Nothing is known of the completion: a trainer drops it, or asks again. It is never a 0.
        print(item["id"], "not judged:", reward.reason)
    else:
        print(item["id"], reward.reward, reward.verdict)
