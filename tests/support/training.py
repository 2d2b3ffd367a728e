"""What is trained on in tests, and for what."""

from __future__ import annotations

import numpy as np

from trainer.types import Prompt


def prompts(count: int = 8) -> list[Prompt]:
    return [
        Prompt(id=str(number), tokens=np.arange(10 + number, 16 + number, dtype=np.int32), item={})
        for number in range(count)
    ]


async def likes_letters(_prompt: Prompt, text: str) -> float:
    return sum(map(str.islower, text)) / max(len(text), 1)
