from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.code.extract import MAX_FENCES, Extracted, program
from rewards.completion import MAX_COMPLETION_CHARS, Nothing

PYTHON = frozenset({"python", "py", "python3"})
CPP = frozenset({"cpp", "c++", "cxx", "cc"})


def source(completion: str, tags: frozenset[str] = PYTHON) -> str:
    found = program(completion, tags)
    assert isinstance(found, Extracted), found
    return found.source


def test_thinking_without_an_end_is_no_answer() -> None:
    assert program(" <think>```python\nprint(1)\n```") == Nothing("thinking never ended")
    assert program("```python\nprint(1)\n```", thinking="opened") == Nothing("thinking never ended")
    assert source("a</think>```python\nprint(1)\n```") == "print(1)\n"


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
        # An opening fence after text, in a list, a quote, a table, after a template's tag or an invisible character.
        "Here is the program: ```python\nprint(1)\n```",
        "Code:```\nprint(1)\n```\nDone.",
        "**Code:** ```python\nprint(1)\n```",
        "1. ```python\n   print(1)\n   ```",
        "- ```python\n  print(1)\n  ```",
        "- ```python\nprint(1)\n```",
        "- ~~~python\n  print(1)\n  ~~~",
        "> ```python\n> print(1)\n> ```\nSo it is.",
        "> ```python\nprint(1)\n```",
        "| ```python\nprint(1)\n```",
        "<answer>```python\nprint(1)\n```</answer>",
        "\ufeff```python\nprint(1)\n```",
        "\u200b```python\nprint(1)\n```",
        # The prompt ends in the opening fence.
        "print(1)\n```",
        "\nprint(1)\n```\n",
        "print(1)```",
        "print(1)\n```\nThis prints one.",
        "print(1)\n```\nOutput:\n```\n1\n```",
        "print(1)```\nOutput:\n```text\n1\n```",
        # What stands on the opening fence's line.
        "```python print(1)\n```",
        "```print(1)\n```",
        "```python # prints\nprint(1)\n```",
        '```python title="a b.py" {1,3}\nprint(1)\n```',
        "```python main.py\nprint(1)\n```",
        "```python showLineNumbers\nprint(1)\n```",
        "```python the program\nprint(1)\n```",
        # What stands on the closing fence's line.
        "```python\nprint(1)```",
        "```python\nprint(1)```<|im_end|>",
        "```python\nprint(1)\n```<|return|>",
        "```python\nprint(1)\n```</s>",
        "```python\nprint(1)\n```</code></answer>",
        "```python\nprint(1)\n```<end_code>",
        "```python\nprint(1)\n```.",
        "```python\nprint(1)\n```**",
        "```python\nprint(1)\n```\u200b\ufeff",
        "```python\nprint(1)\n``` This prints one.\nSee?",
        # Both fences on one line, if there is nothing else.
        "```python print(1)```",
        "```print(1)```.",
        "Run ```python print(1)``` and see.",
        "```python\nprint(1)\n```\nThe heart of it is ```python print(2)``` here.",
        # A fence that is only spoken of.
        "I wrap it in ``` here.\n```python\nprint(1)\n```",
        "```python\nprint(1)\n```\nI used a ```python fence\nas you asked.",
        # A block that is never closed before the next one.
        "```python\nprint(0)\n\n```python\nprint(1)\n```",
        "```python\nprint(0)\n```python\nprint(1)\n```\nOutput:\n```\n1\n```",
        # Bare text and unclosed blocks with what templates put around them.
        "print(1)<|im_end|>",
        "print(1)</s>\n",
        "```python\nprint(1)\n<|endoftext|>",
        "```python\nprint(1)\n</answer>",
        "<answer>\nprint(1)\n</answer>",
        "[BEGIN]\nprint(1)\n[DONE]",
        "<|start|>assistant<|channel|>final<|message|>```python\nprint(1)\n```<|return|>",
        "```python\nprint(1)\n```\n<|im_end|>\n<|im_start|>user\nNow 0.\n<|im_end|>\n```python\nprint(0)\n```",
        # Tags.
        "```python3.11\nprint(1)\n```\n```\n1\n```",
        "```py3\nprint(1)\n```\n```\n1\n```",
        "```ipython3\nprint(1)\n```\n```\n1\n```",
        "```pypy3\nprint(1)\n```\n```\n1\n```",
        "```python_code\nprint(1)\n```\n```\n1\n```",
        "```{python}\nprint(1)\n```\n```\n1\n```",
        "```something\nprint(1)\n```\n```output\n1\n```",
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


@pytest.mark.parametrize(
    "text",
    [
        "a = 'x```y'\nprint(1)\n",
        "x = 1  # ```\nprint(x)\n",
        "x = '```'\nprint(x)\n",
        'doc = """```\nx\n```"""\nprint(1)\n',
        'doc = """Example:\n```python\nf()\n```\n"""\nprint(1)\n',
        "/*\n * ```\n * f()\n * ```\n */\nint main(){}\n",
    ],
)
def test_backticks_in_a_text_of_the_program_do_not_end_it(text: str) -> None:
    assert source(f"```python\n{text}```") == text
    assert source(f"```python\n{text}```\nOutput:\n```\n1\n```") == text


@pytest.mark.parametrize(
    ("completion", "first"),
    [
        ("```python a, b = map(int, input().split())\nprint(a + b)\n```", "a, b = map(int, input().split())\n"),
        ("``` import sys\nprint(1)\n```", "import sys\n"),
        ("```python from sys import argv\nprint(1)\n```", "from sys import argv\n"),
        ("```cpp #include <iostream>\nint main(){}\n```", "#include <iostream>\n"),
        ("```#include <iostream>\nint main(){}\n```", "#include <iostream>\n"),
    ],
)
def test_code_on_the_line_of_the_fence_is_not_lost(completion: str, first: str) -> None:
    assert source(completion, CPP if "#" in completion else PYTHON).startswith(first)


@pytest.mark.parametrize("tag", ["c++17", "C++20", "cpp17", "cpp_20", "g++", "gnu++17", "cplusplus", "cxx", "cc"])
def test_tags_of_cpp(tag: str) -> None:
    sample = "```\n1 2\n```\n```text\n3\n```"
    assert source(f"```{tag}\nint main(){{}}\n```\n{sample}", CPP) == "int main(){}\n"
    assert source(f"```{tag}\nint main(){{}}\n```\n{sample}", PYTHON) == "1 2\n"


def test_tildes_below_text_underline_it() -> None:
    bare = '"""\nTitle\n~~~~~\n\nText\n"""\nprint(1)\n'
    assert source(bare) == bare
    assert source(bare + "```") == bare
    assert source("Title\n~~~~~\n\n```\nprint(1)\n```") == "print(1)\n"
    for fence in ("Here:\n~~~", "Here:\n\n~~~~", "Here:\n~~~~python"):
        assert source(f"{fence}\nprint(1)\n~~~~") == "print(1)\n"


@pytest.mark.parametrize("end", ['"x"', "'x'", '"""x"""', "[1]", "f()", "}"])
def test_a_block_may_end_after_any_code(end: str) -> None:
    assert source(f"```python\nx = {end}```") == f"x = {end}\n"


def test_a_text_before_a_whole_block_is_no_program() -> None:
    assert source("print(1)\n```python\nprint(0)\n```") == "print(0)\n"
    assert source("Prints (1).\n```\nprint(0)") == "print(0)\n"
    assert source("Solution\n```\nprint(0)") == "print(0)\n"


@pytest.mark.parametrize(
    ("blocks", "wanted", "chosen"),
    [
        (["def f(): pass", "print(f())"], "f", 0),
        (["def f(): pass", "def f(): return 1", "f()"], "f", 1),
        (["class Solution:\n    pass", "Solution()"], "Solution", 0),
        (["f = lambda: 1", "f() == 1"], "f", 0),
        (["f: int = 1", "x = f == 1"], "f", 0),
        (["    async def f(): pass", "f()"], "f", 0),
        (["def g(): pass", "g()"], "f", 1),
        (["def ff(): pass", "f()"], "f", 1),
    ],
)
def test_the_block_that_defines_what_is_wanted_wins(blocks: list[str], wanted: str, chosen: int) -> None:
    for tag in ("python", "", "python3"):
        completion = "\n".join(f"```{tag}\n{block}\n```" for block in blocks)
        found = program(completion, PYTHON, wanted=frozenset({wanted, "other"}))
        assert found == Extracted(blocks[chosen] + "\n", "fenced")
        assert source(completion) == blocks[-1] + "\n"


def test_the_language_goes_before_the_name_only_if_both_are_there() -> None:
    untagged = "```\ndef f(): pass\n```\n```python\nf()\n```"
    assert program(untagged, PYTHON, wanted=frozenset({"f"})) == Extracted("def f(): pass\n", "fenced")
    both = "```python\ndef f(): return 1\n```\n```\ndef f(): return 2\n```"
    assert program(both, PYTHON, wanted=frozenset({"f"})) == Extracted("def f(): return 1\n", "fenced")


def test_indentation_of_the_program_itself_stays() -> None:
    assert source("```\n    return 1\n```") == "    return 1\n"
    assert source("  ```\n  if x:\n      y\n z\n\t\n  ```") == "if x:\n    y\nz\n\n"


@pytest.mark.parametrize(
    "completion",
    [
        *("", " \n\t", "</think>", "```\n```", "~~~python\n \n~~~\n", "<|im_end|>", "<answer></answer>"),
        "x" * (MAX_COMPLETION_CHARS + 1),
        "```\nx\n```\n" * (MAX_FENCES // 2 + 1),
    ],
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
            *("> ", "- ", "1. ", "Code: ", "<|im_end|>", "</answer>", "c++17", "def f():", " = "),
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
    # Marks of thinking, tags and the like have tests of their own.
    if not code.strip() or set("<[◁:.") & set(before + code + after):
        return
    found = program(f"{before}\n{fence}python\n{code}\n{fence}\n{after}", PYTHON)
    assert found == Extracted(code + "\n", "fenced")


@pytest.mark.parametrize(
    "piece",
    [
        *("```", "```\n", "~~~\n", "~", "`", "\n", " ", "\t`", "</think>", "<think>", "```python\n", "    ```\n"),
        *("\r\n", "``` {", "◁/think▷", "```x y\n", "```python x = 1\n", "```a=b ", "x```\n", "```python```\n"),
        *("> ", "> ```\n", "- - ", "1. 1. ", "def f(): ", "def f\n", " x = 1\n", "<answer>", "</answer>", "[DONE] "),
        *("x`` ", "```.", "```</a>", "'```\n", "\u200b", "<|im_end|>", "|", "=\n", "a: b", "x: "),
    ],
)
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    completion = piece * (MAX_COMPLETION_CHARS // len(piece))
    few = piece * min(MAX_FENCES // 2, len(completion) // len(piece))
    started = time.process_time()
    for text in (completion, few):
        program(text, PYTHON, wanted=frozenset({"f"}))
        program("```python\n" + text[:-20], PYTHON, wanted=frozenset({"f"}))
        program("x = (1)\n" + text[:-20], PYTHON, wanted=frozenset({"f"}))
    assert time.process_time() - started < 6
