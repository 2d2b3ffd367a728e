"""Run as a program by a Python that has verl: answers with the scores of verl's prime_code.

Reads one JSON text per line: `completion`, `tests`. Answers with `accepted`. Needs numpy beside verl's own files, of
which only those of prime_code are imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Answer until there are no more lines."""
    verl = importlib.util.find_spec("verl")
    if verl is None or verl.origin is None:
        sys.exit(f"{sys.executable} has no verl: pip install --no-deps verl numpy")
    # By itself: the package around it imports torch and Ray.
    sys.path.insert(0, str(Path(verl.origin).parent / "utils" / "reward_score"))
    prime_code = importlib.import_module("prime_code")
    # It prints what it thinks.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        asked = json.loads(line)
        # As verl calls it. Without `continuous` it raises for every program that fails.
        score, _ = prime_code.compute_score(asked["completion"], asked["tests"], continuous=True)
        print(json.dumps({"accepted": float(score) == 1.0}), file=answers, flush=True)


if __name__ == "__main__":
    main()
