"""What `assay run` refuses names the field, the value and the way out, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.options import size
from engine.errors import BadInput
from engine.languages.table import LANGUAGES


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1", 1),
        ("4096", 4096),
        ("256M", 256 << 20),
        ("1.5k", 1536),
        ("2G", 2 << 30),
        ("64MiB", 64 << 20),
        ("8KB", 8192),
    ],
)
def test_sizes(text: str, found: int) -> None:
    assert size("memory", text) == found


@pytest.mark.parametrize("text", ["", "12Q", "M", "-1", "0", "1e9", "0x10", "12 34", "nan"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        size("memory", text)
    assert str(caught.value) == f"memory {text!r}: expected bytes or a number with K, M or G, like 256M"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.py", "--memory", "12Q"], "memory '12Q': expected bytes or a number with K, M or G, like 256M"),
        (["a.py", "--cpu", "soon"], "cpu 'soon': expected seconds, like 2.5"),
        (["a.py", "--wall", "nan"], "wall 'nan': expected a number above 0"),
        (["a.py", "--cpu", "-1"], "cpu '-1': expected a number above 0"),
        (["missing.py"], "file 'missing.py': No such file or directory"),
        (["a.py", "--stdin", "missing"], "stdin 'missing': No such file or directory"),
        (["noname"], f"file 'noname': its name tells no language, say --language {'|'.join(LANGUAGES)}"),
        (["bytes.py"], "file 'bytes.py': not UTF-8 text"),
        (["."], f"file '': its name tells no language, say --language {'|'.join(LANGUAGES)}"),
    ],
)
def test_wrong_arguments_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("print(1)")
    Path("noname").write_text("print(1)")
    Path("bytes.py").write_bytes(b"\xff")
    assert main(["run", *words]) == 2
    assert capsys.readouterr() == ("", f"assay run: {message}\n")
