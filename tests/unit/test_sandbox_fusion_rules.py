"""SandboxFusion's own rules: where the program is, what is the same output; and data sets as they are read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput, SandboxError
from rewards.sandbox_fusion.compare import same_output
from rewards.sandbox_fusion.data_sets import DataSet, DataSetConfig
from rewards.sandbox_fusion.extract import program_of

PYTHON = frozenset({"python", "py"})


@pytest.mark.parametrize(
    ("completion", "code", "found"),
    [
        ("a\n```python\nx\n```\n```python\ny\n```", "x", "fenced"),
        ("```cpp\nx\n```\n```Py\ny\n```", "y", "fenced"),
        ("```cpp\nx\n```\n```\ny\n```", "x", "fenced"),
        ("see ```python\nx\n\n\n  ``` and\n```py\nopen", "x", "fenced"),
        ("```python\nx = '```'\ny\n```", "x = '```'\ny", "fenced"),
        ("```python\n```\n", "```\n", "incomplete_fenced"),
        ("```python\nx\ny```", "x\ny```", "incomplete_fenced"),
        ("So:\nimport os\n\ndef f():\n\n  return 1\nDone", "import os\ndef f():\n  return 1\n", "heuristic"),
        ("def f(): return 1", "", "empty"),
        ("```python\n\n```", "", "empty"),
        ("```python\n \n", "", "empty"),
        ("", "", "empty"),
        ("``` nothing", "", "empty"),
    ],
)
def test_where_the_program_is(completion: str, code: str, found: str) -> None:
    extracted = program_of(completion, "python", PYTHON)
    assert (extracted.code, extracted.found) == (code, found)


@given(st.lists(st.sampled_from(["```", "\n", "py", " ", "def f:\n", "  x\n"])).map("".join))
def test_what_is_found_was_there(completion: str) -> None:
    extracted = program_of(completion, "python", PYTHON)
    lines = {line.strip() for line in completion.split("\n")}
    assert {line.strip() for line in extracted.code.split("\n")} <= {*lines, ""} or extracted.found == "fenced"


@pytest.mark.parametrize("text", ["```", "```\n", "```a\n", "   ```x", "\n", "def f\n", "#\n"])
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    program_of("```a\n" * (text[0] != "d") + text * (500_000 // len(text)), "python", PYTHON)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        ("YES\n", " yes ", True),
        ("1.000009", "1", True),
        ("1.0001", "1", False),
        ("1000000007", "1000000008", True),
        ("a\n\nb", "a\nb", False),
        ("a\nb\n", "a", False),
        ("1 2", "1.0 2.0", False),
        ("nan", "NaN", True),
        ("inf", "infinity", False),
        ("", "\n", True),
        ("1" * 500, "1" * 499 + "2", False),
    ],
)
def test_what_is_the_same_output(got: str, expected: str, same: bool) -> None:
    assert same_output(got, expected) is same


def test_a_data_set_is_read_row_by_row(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "content": "é"}, {"id": "two", "test_list": []}, {"task_id": "3"}]
    file = tmp_path / "rows"
    file.write_text("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    data_set = DataSet("d", DataSetConfig(file=str(file)))
    assert data_set.ids(0, 10) == [1, "two", "3"]
    assert data_set.ids(1, 1) == ["two"]
    assert [data_set.row(row_id) for row_id in ("1", "two", 3)] == rows
    assert data_set.kind(rows[1]) == "MBPPDataset"
    with pytest.raises(BadInput, match="no row of d has it"):
        data_set.row(2)
    file.write_text("")
    with pytest.raises(SandboxError, match="has changed"):
        data_set.row(1)
    data_set.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "1: no id"),
        ("[]", "1: not a map: "),
        ('{"id": 1}\n\n{"id": 1}', "3: the id 1 is that of another row"),
        ('{"id": 1}\n{', "2: not JSON: "),
        ('{"id": "\xff"}', "1: not JSON: "),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "rows"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput) as caught:
        DataSet("d", DataSetConfig(file=str(file)))
    assert (caught.value.field, caught.value.value) == ("rewards.data_sets.d.file", str(file))
    assert caught.value.message.startswith(f"{file}:{problem}")
