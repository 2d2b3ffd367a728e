from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.completion import ENDS_OF_TURN, FROM_THE_START, MARKERS, MAX_COMPLETION_CHARS, Nothing, answer_part

UNFINISHED = Nothing("thinking never ended")
DRAFT = "A draft:\n```python\nprint(1)\n```\nWait, is that"


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
        ("[THINK]a</think>b", "b"),
        ("<|im_start|>assistant\n<think>\na\n</think>\n\nb", "\n\nb"),
        ("so `5`</think>```python\n1\n```", "```python\n1\n```"),
        ('it prints "5"</think>b', "b"),
        ("<think>a", UNFINISHED),
        ("a</think>b<think>c", UNFINISHED),
        ("Sure. <think>a", UNFINISHED),
    ],
)
def test_the_answer_is_what_follows_the_last_end_of_thinking(completion: str, answer: str | Nothing) -> None:
    assert answer_part(completion) == answer


@pytest.mark.parametrize(("begin", "end"), [(begin, end) for begin, end, _ in MARKERS])
@pytest.mark.parametrize("before", ["", "\n", "Sure.\n", "Sure. ", "<|im_start|>assistant\n"])
def test_every_familys_thinking_is_none_of_the_answer(begin: str, end: str, before: str) -> None:
    assert answer_part(f"{before}{begin}{DRAFT}") == UNFINISHED
    assert answer_part(f"{before}{begin}{DRAFT}{end}I give up.") == "I give up."
    assert answer_part(f"{DRAFT}{end}I give up.") == "I give up."
    assert answer_part(f"{before}{begin}{DRAFT}{end}{begin}{DRAFT}") == UNFINISHED


@pytest.mark.parametrize("begin", ["<THINK>", "<Think>", "<think >", "< think>", "<think\n>", "<|Begin_Of_Thought|>"])
def test_case_and_blanks_do_not_matter(begin: str) -> None:
    end = {"<": "</ THINK >", "<|": "<|end_of_thought|>"}["<|" if "|" in begin else "<"]
    assert answer_part(f"{begin}{DRAFT}") == UNFINISHED
    assert answer_part(f"{begin}{DRAFT}{end}b") == "b"


def test_harmonys_channels() -> None:
    thought = "<|channel|>analysis<|message|>x\n<|end|><|start|>assistant"
    assert answer_part(thought + "<|channel|>final<|message|>5<|return|>") == "5"
    assert answer_part(thought) == UNFINISHED
    assert answer_part(thought + "<|channel|>commentary<|message|>I look it up") == UNFINISHED
    assert answer_part("analysisWe add.assistantfinal5") == "5"
    assert answer_part("analysisWe add.") == UNFINISHED
    assert answer_part("analysis of the problem: 5") == "analysis of the problem: 5"


def test_marks_that_count_at_the_beginning_only() -> None:
    for _, end, _ in FROM_THE_START:
        assert answer_part(f"x {end}") != ""
    assert answer_part("/think\nx<|im_end|>\n<|im_start|>assistant\n5<|im_end|>") == "5"
    assert answer_part("/think\nx") == UNFINISHED


@pytest.mark.parametrize(
    "completion",
    [
        "what does `<think>` mean?",
        'print("<think>")',
        "print('<think>' + x + '</think>')",
        "text.split('</think>')[-1]",
        "x[think] = y[/think]",
        "```python\n# without <think> and <thought> tags\nprint(1)\n```",
        "```cpp\nstd::vector<Thought> all;\n```",
        "<thinker> <rethink> </thinks> think> <think",
        "strip('<|im_end|>')\nprint(1)",
        "<s>struck</s> out",
        "a <|im_end|> in the text",
    ],
)
def test_a_mention_is_no_mark(completion: str) -> None:
    assert answer_part(completion) == completion


def test_the_prices_of_marks_in_an_answer() -> None:
    # A mention without quotation marks, outside a block or alone on its line in one.
    assert answer_part("what does <think> mean?") == UNFINISHED
    assert answer_part("```python\ntext = '''\n<think>\n'''\n```") == UNFINISHED
    # An end of thinking that the program itself has.
    assert answer_part("x = '''\na</think>b'''") == "b'''"


def test_a_prompt_that_opened_the_thinking() -> None:
    for completion in ("5", DRAFT, "", "so `</think>` ends it"):
        assert answer_part(completion) == completion
        assert answer_part(completion, "opened") == UNFINISHED
    assert answer_part(f"{DRAFT}</think>b", "opened") == "b"
    assert answer_part("a[/THINK]b<think>c", "opened") == UNFINISHED


@pytest.mark.parametrize("end", ENDS_OF_TURN)
def test_the_answer_ends_with_the_turn(end: str) -> None:
    for after in ("", "\n", " \n", f"\n{end}", "\n<|im_start|>user\nNow 6.", "<|start_header_id|>user"):
        assert answer_part(f"5{end}{after}") == "5"
        assert answer_part(f"<think>x{end}\ny</think>5{end}{after}") == "5"
        assert answer_part(f"{end}\n5{end}{after}") == "\n5"
    # What it thinks in a turn that it made up is not this turn's.
    assert answer_part(f"5{end}\n<|im_start|>assistant\n<think>x") == "5"
    assert answer_part(f"<think>x{end}") == UNFINISHED


def test_the_head_of_the_turn_is_no_answer() -> None:
    for head in (
        "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<start_of_turn>model\n",
    ):
        assert answer_part(head + "    return 5") == "    return 5"
    assert answer_part("\n  5") == "\n  5"


def test_a_very_long_completion_has_no_answer() -> None:
    assert isinstance(answer_part("x" * MAX_COMPLETION_CHARS), str)
    assert isinstance(answer_part("x" * (MAX_COMPLETION_CHARS + 1)), Nothing)


PIECES = [begin for begin, _, _ in MARKERS] + [end for _, end, _ in MARKERS] + list(ENDS_OF_TURN)


@given(st.lists(st.sampled_from([*PIECES, "\n", " ", "x", "`", "```python\n", "```\n", '"', "<", "|"]), max_size=30))
def test_any_mix_of_marks_is_survived(pieces: list[str]) -> None:
    text = "".join(pieces)
    for thinking in ("auto", "opened"):
        answer = answer_part(text, thinking)
        assert answer == UNFINISHED or (isinstance(answer, str) and answer in text)


@pytest.mark.parametrize(
    "piece",
    [
        *"<[◁` \n",
        "<|",
        "<think",
        "</think>",
        "<think>",
        "    <think>",
        "<|im_end|>",
        "</s>\n",
        "Here is ",
        "< / ",
        "```x",
    ],
)
def test_time_is_linear_on_hostile_marks(piece: str) -> None:
    started = time.process_time()
    answer_part(piece * (MAX_COMPLETION_CHARS // len(piece)))
    assert time.process_time() - started < 4


def test_the_documents_table_is_the_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "completions.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [(begin.replace("\\|", "|"), end.replace("\\|", "|"), who) for begin, end, who in rows] == list(MARKERS)
