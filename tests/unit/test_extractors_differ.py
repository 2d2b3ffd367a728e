"""Where other extractors take another program out of a completion, and why that is meant.

Three widespread rules, in our own words, beside ours: on the completions of ../data/public-cases.jsonl, and on ones put
together from parts. A difference that is not listed here fails, and so does one that is listed and not there.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from engine.errors import BadInput
from engine.languages.table import language_named
from rewards.code.cases import wanted_names
from rewards.code.extract import Extracted, program
from rewards.code.item import code_item

CASES: Final = Path(__file__).parents[1] / "data" / "public-cases.jsonl"


def between_the_last_two_fences(completion: str) -> str:
    """LiveCodeBench's rule: the lines between the last two lines with a fence in them."""
    *_, first, last = [-1, -1, *(at for at, line in enumerate(completion.split("\n")) if "```" in line)]
    return "\n".join(completion.split("\n")[first + 1 : last]) if first >= 0 else ""


def after_the_last_python_fence(completion: str) -> str:
    """PRIME's and verl's rule: from the last fence with the tag python up to the next fence, or all of it."""
    return completion.rpartition("```python")[2].partition("```")[0]


def most_lines_that_parse(completion: str) -> str:
    """EvalPlus' rule before it prunes: the run of lines with the most text that parses as Python."""
    lines = completion.split("\n")
    best, most = "", 0
    for start, stop in itertools.combinations(range(len(lines) + 1), 2):
        run = "\n".join(lines[start:stop])
        count = sum(bool(line.strip()) for line in lines[start:stop])
        if count > most and _parses(run):
            best, most = run, count
    return best


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


Extractor = Callable[[str], str]
EXTRACTORS: Final[tuple[Extractor, ...]] = (
    between_the_last_two_fences,
    after_the_last_python_fence,
    most_lines_that_parse,
)

# What differs for the same reason, by the cases' names.
_THINKING = "E25 E26 E28 E27a E27b E26c E26d E27d E27e E26f E26g E27g E27h E26i E26j E27j E27k"
_TAG_AND_SAMPLE = "E18 E18b E18c E18e E18f E18h E18i E18k E18l E18n"
_PYTHON_TAGS = "E19a E19c E19d E19f E19g E19i E19j E19l E19m E19o E19p E19r"
PUBLIC: Final[dict[Extractor, dict[str, str]]] = {
    between_the_last_two_fences: {
        "thinking is none of the answer": _THINKING,
        "a sample or summary in the last block, the language's tag on another": f"E01 {_TAG_AND_SAMPLE} {_PYTHON_TAGS}",
        "code on the opening fence's line is kept": "E05 E05a",
        "code before a closing fence on its line is kept": "E08 E08a",
        "backticks in the program are its own": "E08c E15 E16",
        "the prompt has the opening fence": "E03 E03b E03c",
        "without two fences it is the whole text": "E10b E13 E33 E35 E10c",
        "the block that defines what the tests call": "E20 E20c E20d",
        "the turn's end": "E36",
    },
    after_the_last_python_fence: {
        "thinking is none of the answer": _THINKING,
        "other languages have tags too": "A10 D03 D16 D19 D20 D22 D25 D27 D02a D19a D20a E05a E08a " + _TAG_AND_SAMPLE,
        "the tag's other spellings": _PYTHON_TAGS,
        "what stands behind the tag is a description": "E05c E05d",
        "backticks in the program are its own": "E15 E16",
        "tokens and a template's tags are no code": "E10b E10c E13 E33",
        "a block without a tag": "E20a",
        "the block that defines what the tests call": "E20 E20c E20d",
        "the turn's end": "E36",
    },
    most_lines_that_parse: {
        "thinking is none of the answer": _THINKING,
        "a program that does not parse is run as it is": "C18",
        "prose without a fence is run as it is": "E35",
        "code on a fence's line is kept": "E05 E08",
        "tokens and a template's tags are no code": "E10b E33",
        "the last block, not the longest": "E03e E20a",
        "a list's indentation is not the program's": "E07c E07e",
        "backticks in the program are its own": "E08c",
    },
}


def public_completions() -> Iterator[tuple[str, str, str, str]]:
    """Name, language, completion and what our rules take out of it; each completion once."""
    seen: set[str] = set()
    for line in filter(None, CASES.read_text().split("\n")):
        case: dict[str, Any] = json.loads(line)
        item: dict[str, Any] = case["request"]
        if case["face"] != "/v1/score" or item["kind"] != "code" or item["completion"] in seen:
            continue
        seen.add(item["completion"])
        name = item.get("language", "python")
        language = language_named("cpp" if name.startswith(("cpp", "c++")) else name)
        found = program(
            item["completion"],
            frozenset((language.name, *language.aliases)),
            wanted=_wanted(item),
            thinking="opened" if case["id"] == "E25" else "auto",
        )
        yield case["id"], language.name, item["completion"], found.source if isinstance(found, Extracted) else ""


def _wanted(item: dict[str, Any]) -> frozenset[str]:
    try:
        return wanted_names(code_item(item).tests)
    except BadInput:
        # A wrong item has a completion too, and so has one whose long texts are not written out.
        return frozenset()


@pytest.mark.parametrize("theirs", EXTRACTORS)
def test_public_completions(theirs: Extractor) -> None:
    cases = [
        (name, completion, ours)
        for name, language, completion, ours in public_completions()
        if language == "python" or theirs is not most_lines_that_parse
    ]
    assert len(cases) >= 140
    differ = {name for name, completion, ours in cases if theirs(completion).strip() != ours.strip()}
    listed = [name for names in PUBLIC[theirs].values() for name in names.split()]
    assert len(listed) == len(set(listed))
    assert differ == set(listed)


PROGRAM: Final = "n = 1\nif n:\n    print(n)"
BEFORE: Final = {
    "nothing": "",
    "prose": "Here it is.\n\n",
    "thinking": "<think>\nmaybe\n```python\nprint(0)\nprint(0)\nprint(0)\nprint(0)\n```\n</think>\n",
    "a draft": "```python\nprint(0)\n```\nBetter:\n",
    "a long draft": "```python\nprint(0)\nprint(0)\nprint(0)\nprint(0)\n```\nBetter:\n",
    "two drafts": "```python\nprint(0)\n```\n" * 2,
}
BLOCK: Final = {
    "tagged": f"```python\n{PROGRAM}\n```",
    "untagged": f"```\n{PROGRAM}\n```",
    "version": f"```python3.11\n{PROGRAM}\n```",
    "after text": f"The program: ```python\n{PROGRAM}\n```",
    "in a list": "- ```python\n  " + PROGRAM.replace("\n", "\n  ") + "\n  ```",
    "quoted": "> ```python\n> " + PROGRAM.replace("\n", "\n> ") + "\n> ```",
    "tildes": f"~~~python\n{PROGRAM}\n~~~",
    "four backticks": f"````python\n{PROGRAM}\n````",
    "end after code": f"```python\n{PROGRAM}```",
    "end with a token": f"```python\n{PROGRAM}\n```<|im_end|>",
    "unclosed": f"```python\n{PROGRAM}",
}
AFTER: Final = {
    "nothing": "",
    "prose": "\n\nIt prints one.",
    "an output": "\nOutput:\n```text\n1\n```",
    "a command": "\nRun:\n```bash\npython main.py\n```",
}
# Parts that make a difference, with the reason why ours is meant.
PARTS: Final[dict[Extractor, dict[str, str]]] = {
    between_the_last_two_fences: {
        "block: end after code": "the code on the closing fence's line is kept",
        "block: unclosed": "a stop word took the closing fence",
        "block: tildes": "tildes are fences",
        "block: in a list": "the list's indentation is not the program's",
        "block: quoted": "the quote's marks are not the program's",
        "after: an output": "a text is no program",
        "after: a command": "another language is not the one asked for",
    },
    after_the_last_python_fence: {
        "block: untagged": "a block without a tag",
        "block: version": "the version belongs to the tag",
        "block: tildes": "tildes are fences",
        "block: in a list": "the list's indentation is not the program's",
        "block: quoted": "the quote's marks are not the program's",
    },
    most_lines_that_parse: {
        "before: thinking": "a draft in the thinking is none, however long",
        "before: a long draft": "the last block, not the longest",
        "block: tildes": "tildes are fences, though Python reads them",
        "block: in a list": "the list's indentation is not the program's",
        "block: quoted": "the quote's marks are not the program's",
        "block: end after code": "the code on the closing fence's line is kept",
    },
}
# Where ours is another block than the one put in: a block without a tag loses to one with the language's.
OURS_IS_ANOTHER: Final = {(before, "untagged") for before in ("a draft", "a long draft", "two drafts")}


def composed() -> Iterator[tuple[frozenset[str], str]]:
    for (b, before), (k, block), (a, after) in itertools.product(BEFORE.items(), BLOCK.items(), AFTER.items()):
        # Text after a block that is never closed is the block's, and text after the turn's end nobody's.
        if (k == "unclosed" and a != "nothing") or (b, k) in OURS_IS_ANOTHER:
            continue
        yield frozenset({f"before: {b}", f"block: {k}", f"after: {a}"}), before + block + after


PYTHON: Final = frozenset({"python", "py", "python3"})


def test_ours_is_the_program_that_was_put_in() -> None:
    for parts, completion in composed():
        found = program(completion, PYTHON)
        assert isinstance(found, Extracted), parts
        assert found.source == PROGRAM + "\n", parts


@pytest.mark.parametrize("theirs", EXTRACTORS)
def test_composed_completions(theirs: Extractor) -> None:
    reasons = PARTS[theirs]
    alone: set[str] = set()
    for parts, completion in composed():
        explained = parts & set(reasons)
        if theirs(completion).strip() == PROGRAM:
            continue
        assert explained, (sorted(parts), theirs(completion))
        if len(explained) == 1:
            alone |= explained
    assert alone == set(reasons)
