from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.code.extract import Extracted, program
from rewards.completion import MAX_COMPLETION_CHARS, Nothing, answer_part

PYTHON = frozenset({"python", "py", "python3"})


def source(completion: str, tags: frozenset[str] = PYTHON) -> str:
    found = program(completion, tags)
    assert isinstance(found, Extracted), found
    return found.source


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("plain", "plain"),
        ("thought</think>answer", "answer"),
        ("<think>thought</think>answer", "answer"),
        ("<think>a</think>fake<think>b</think>last", "last"),
        ("a</think>b</think>", ""),
        ("◁think▷a◁/think▷b", "b"),
        ("a◁/think▷b</think>c", "c"),
        ("what does <think> mean?", "what does <think> mean?"),
    ],
)
def test_the_answer_is_what_follows_the_last_end_of_thinking(completion: str, answer: str) -> None:
    assert answer_part(completion) == answer


def test_thinking_without_an_end_is_no_answer() -> None:
    completion = " <think>```python\nprint(1)\n```"
    assert answer_part(completion) == Nothing("thinking never ended")
    assert program(completion) == Nothing("thinking never ended")


def test_a_program_inside_the_thinking_is_not_handed_in() -> None:
    assert source("```python\nprint(1)\n```\n</think>\n```python\nprint(2)\n```") == "print(2)\n"
    assert program("```python\nprint(1)\n```\n</think>\n") == Nothing("no text after thinking")


@pytest.mark.parametrize(
    "completion",
    [
        "```python\nprint(1)\n```",
        "Here:\n\n```python\nprint(1)\n```\nThat is it.",
        "```py\nprint(1)\n```",
        "```Python 3\nprint(1)\n```",
        "```python:main.py\nprint(1)\n```",
        "``` {.python .numberLines}\nprint(1)\n```",
        "~~~python\nprint(1)\n~~~",
        "````python\nprint(1)\n````",
        "```python\r\nprint(1)\r\n```\r\n",
        "1. So:\n\n    ```python\n    print(1)\n    ```\n",
        "```python\nprint(1)\n  ```  ",
        "```python\nprint(1)",
        "```python\nprint(0)\n```\nbetter:\n```python\nprint(1)\n```",
        "```python\nprint(1)\n```\nwhich prints\n```text\n1\n```",
        "```python\nprint(1)\n```\nwhich prints\n```\n1\n```",
        "```\nprint(1)\n```\nrun it:\n```bash\npython main.py\n```",
        "```cpp\nint main() {}\n```\n```\nprint(1)\n```",
        "```python\nprint(1)\n```\n```python\n\n```",
        "```python\nprint(1)\n```\n```python",
        "print(1)",
        "\r\nprint(1)\r\n",
    ],
)
def test_the_program_is_found(completion: str) -> None:
    assert source(completion) == "print(1)\n"


def test_how_it_was_found_is_said() -> None:
    for completion, found in [("```\nx\n```", "fenced"), ("```\nx", "unclosed"), ("x", "bare")]:
        extracted = program(completion)
        assert isinstance(extracted, Extracted)
        assert extracted.found == found


def test_fences_inside_the_program_do_not_end_it() -> None:
    docstring = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n'
    assert source(f"```python\n{docstring}```") == docstring
    assert source(f"~~~python\nx = '''\n```\n'''\n~~~\n{'text'}") == "x = '''\n```\n'''\n"
    assert source("````\n```\nx\n```\n````") == "```\nx\n```\n"


def test_indentation_of_the_program_itself_stays() -> None:
    assert source("```\n    return 1\n```") == "    return 1\n"
    assert source("  ```\n  if x:\n      y\n z\n\t\n  ```") == "if x:\n    y\nz\n\n"


@pytest.mark.parametrize(
    "completion", ["", " \n\t", "</think>", "```\n```", "~~~python\n \n~~~\n", "x" * (MAX_COMPLETION_CHARS + 1)]
)
def test_nothing_usable_has_a_reason(completion: str) -> None:
    found = program(completion, PYTHON)
    assert isinstance(found, Nothing)
    assert found.reason


def test_inline_code_is_no_fence() -> None:
    assert source("```not a fence``` x") == "```not a fence``` x\n"


PIECES = st.lists(
    st.sampled_from(
        [
            "```",
            "~~~",
            "````",
            "python",
            "\n",
            "\r\n",
            "\r",
            " ",
            "    ",
            "\t",
            "print(1)",
            "<think>",
            "</think>",
            "{.",
            "`",
            "~",
            "x",
        ]
    ),
    max_size=60,
).map("".join)


@given(PIECES | st.text())
def test_any_text_gives_a_program_or_a_reason(completion: str) -> None:
    found = program(completion, PYTHON)
    if isinstance(found, Nothing):
        assert found.reason
    else:
        assert found.source.strip()
        assert found.source.endswith("\n")


LINES = st.lists(st.text(st.characters(exclude_characters="\n\r`~", exclude_categories=["Cs"])), min_size=1).map(
    "\n".join
)


@given(before=LINES, code=LINES, after=LINES, fence=st.sampled_from(["```", "~~~~", "`````"]))
def test_what_stands_in_a_fence_comes_out(before: str, code: str, after: str, fence: str) -> None:
    if not code.strip() or "think" in before + code + after:
        return
    found = program(f"{before}\n{fence}python\n{code}\n{fence}\n{after}", PYTHON)
    assert found == Extracted(code + "\n", "fenced")


@pytest.mark.parametrize(
    "piece",
    [
        "```",
        "```\n",
        "~",
        "`",
        "\n",
        " ",
        "\t`",
        "</think>",
        "<think>",
        "```python\n",
        "    ```\n",
        "\r\n",
        "``` {",
        "◁/think▷",
    ],
)
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    completion = piece * (MAX_COMPLETION_CHARS // len(piece))
    started = time.process_time()
    program(completion, PYTHON)
    program("```python\n" + completion[:-20], PYTHON)
    assert time.process_time() - started < 4
