"""math-verify as its users call it: run by the bench as a script, with a Python that has it and need not have Assay.

One JSON text with `completion` and `reference` on each line of stdin, one with `verdict` and `seconds` on each of
stdout.
Its alarms are on, with the seconds that it has by default.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from importlib.metadata import version
from typing import Any


def main() -> None:
    """Answer until stdin ends; the first line says which version it is."""
    from math_verify import parse, verify

    # Each of its time-outs is a warning.
    logging.disable()
    print(json.dumps({"version": version("math-verify")}), flush=True)
    for line in sys.stdin:
        pair: dict[str, Any] = json.loads(line)
        began = time.perf_counter()
        gold = parse(f"${pair['reference']}$")
        answer = parse(pair["completion"])
        right = bool(gold) and verify(gold, answer)
        seconds = time.perf_counter() - began
        # Without a gold value there is nothing to compare with.
        verdict = "undecided" if not gold else "correct" if right else "incorrect"
        print(json.dumps({"verdict": verdict, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
