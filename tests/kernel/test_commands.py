"""`assay run` passes on what the program said; `assay doctor` says what is here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.config.engine import Runtime

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("name", "source", "words", "code", "stdout", "stderr"),
    [
        ("a.py", "import sys; sys.stdout.buffer.write(bytes([0, 255]))", [], 0, b"\x00\xff", b""),
        ("a.py", "import sys; print('e', file=sys.stderr); sys.exit(77)", [], 77, b"", b"e\n"),
        ("a.py", "import os; os.kill(os.getpid(), 11)", [], 139, b"", b""),
        ("a.py", "print(input())", ["--stdin", "input"], 0, b"hello\n", b""),
        ("noname", "echo $0", ["--language", "sh"], 0, b"main.sh\n", b""),
        (
            "a.py",
            "while 1: pass",
            ["--cpu", "0.2"],
            137,
            b"",
            b"assay run: TIME_LIMIT: stopped after 0.2 s of CPU time\n",
        ),
        (
            "a.py",
            "import time; print(1, flush=True); time.sleep(99)",
            ["--wall", "0.3"],
            137,
            b"1\n",
            b"assay run: TIME_LIMIT: stopped after 0.3 s of clock time\n",
        ),
        (
            "a.py",
            "x = b'1' * (1 << 28)",
            ["--memory", "64M"],
            137,
            b"",
            b"assay run: MEMORY_LIMIT: more than 67108864 bytes\n",
        ),
        (
            "a.py",
            "print('x' * 9, end='')",
            ["--output", "8"],
            0,
            b"x" * 8,
            b"assay run: OUTPUT_LIMIT: more than 8 bytes, what came first is shown\n",
        ),
    ],
)
def test_the_program_speaks_for_itself(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    name: str,
    source: str,
    words: list[str],
    code: int,
    stdout: bytes,
    stderr: bytes,
    runtime: Runtime,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(source)
    Path("input").write_text("hello\n")
    assert main(["run", name, "--runtime", runtime, *words]) == code
    assert capfdbinary.readouterr() == (stdout, stderr)


def test_facts_go_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.cpp"
    path.write_text("int main() { return 3; }")
    assert main(["run", str(path), "-v"]) == 3
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("exit 3 · cpu 0.0")
    assert captured.err.count(" · ") == 4


def test_a_compile_error_is_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.c"
    path.write_text("int main(void) { return missing; }")
    assert main(["run", str(path)]) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "missing" in captured.err
    assert captured.err.endswith("assay run: COMPILE_ERROR\n")


def test_doctor_lists_the_languages_with_their_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "sandbox  ready in" in said
    assert "every limit proved" in said
    for limit in ("memory", "cpu", "processes", "output", "disk", "network"):
        assert re.search(rf"│ {limit} +│.*│ yes +│.*│ +\d+ │", said), limit
    for name, version in (("python", "Python 3"), ("c", "gcc "), ("bash", "GNU bash"), ("javascript", "v")):
        assert re.search(rf"│ {name} +│ {version}", said), name
