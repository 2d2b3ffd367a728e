"""Programs of the daemon's soak. Their sources never change, so that only what they are asked does."""

from __future__ import annotations

from typing import Final

from engine import Limits

_MIB: Final = 1 << 20
SQUARE: Final = "print(int(input()) ** 2)"
TRIPLE: Final = "read n; echo $((3 * n))"
NEXT_CPP: Final = "#include <iostream>\nint main() { long n; std::cin >> n; std::cout << n + 1 << '\\n'; }\n"
FULL_DISK: Final = "head -c 50000000 /dev/zero > /work/filled 2>/dev/null && echo room || echo full"
NO_PIDS: Final = """import os, time
try:
    for _ in range(50):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
    print("room")
except BlockingIOError:
    print("refused")
"""
GUESSES: Final = """low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "=":
        break
    low, high = (middle + 1, high) if said == "<" else (low, middle - 1)
"""
INTERACTOR: Final = """import sys
wanted = int(open(sys.argv[1]).read())
for _ in range(20):
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    guess = int(line)
    print("=" if guess == wanted else "<" if guess < wanted else ">", flush=True)
    if guess == wanted:
        sys.exit(0)
sys.exit(1)
"""
DOUBLE: Final = "def double(x):\n    return 2 * x"
# Source, language, limits, the whole output or None for any, and the verdict.
HOSTILE: Final[list[tuple[str, str, Limits, bytes | None, str]]] = [
    (FULL_DISK, "bash", Limits(disk_bytes=4 * _MIB), b"full\n", "ACCEPTED"),
    (NO_PIDS, "python", Limits(processes=8), b"refused\n", "ACCEPTED"),
    ("while :; do :; done", "bash", Limits(cpu_seconds=0.2), b"", "TIME_LIMIT"),
    ("x = bytearray(300 << 20)\nprint(len(x))", "python", Limits(memory_bytes=64 * _MIB), b"", "MEMORY_LIMIT"),
    ("yes", "bash", Limits(output_bytes=10_000), None, "OUTPUT_LIMIT"),
    ("kill -9 $$", "bash", Limits(), b"", "RUNTIME_ERROR"),
]
