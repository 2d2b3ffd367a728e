"""What a completion answers: the part after thinking, up to the end of the turn.

The answer is what follows the LAST end of thinking, whichever family's it is, so that there is one answer and a fake
end inside the thinking only moves the answer further on. Thinking that begins and never ends has no answer. The rules,
with their prices: docs/completions.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

MAX_COMPLETION_CHARS = 1_000_000
_INDENT_CHARS: Final = 100

Thinking = Literal["auto", "opened"]

# (begin, end, who writes it). Case does not matter, nor do blanks inside; but "[think]" is an index of a list.
MARKERS: Final = (
    (
        "<think>",
        "</think>",
        "DeepSeek-R1, Qwen3, QwQ, GLM-4.5, MiniMax-M2, Nemotron, Hunyuan-A13B, EXAONE 4, Kimi K2 Thinking, Olmo 3",
    ),
    ("<thinking>", "</thinking>", "Reflection, many prompts"),
    ("<thought>", "</thought>", "EXAONE Deep, Marco-o1"),
    ("<reasoning>", "</reasoning>", "Reka Flash 3, many prompts"),
    ("<seed:think>", "</seed:think>", "Seed-OSS"),
    ("<mm:think>", "</mm:think>", "MiniMax-M3"),
    ("<longcat_think>", "</longcat_think>", "LongCat-Flash-Thinking"),
    ("◁think▷", "◁/think▷", "Kimi-VL-Thinking"),
    ("[THINK]", "[/THINK]", "Magistral 2507 and later"),
    ("[unused16]", "[unused17]", "openPangu"),
    ("<|begin_of_thought|>", "<|end_of_thought|>", "OpenThinker, Sky-T1, Bespoke-Stratos"),
    ("<|START_THINKING|>", "<|END_THINKING|>", "Command A Reasoning"),
    ("<|inner_prefix|>", "<|inner_suffix|>", "Apertus"),
    ("<|think:start|>", "<|think:end|>", "Solar Open 2"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>", "Kimi K3"),
    ("<|channel>thought", "<channel|>", "Gemma 4"),
    ("<|channel|>analysis", "<|channel|>final<|message|>", "gpt-oss (harmony)"),
    ("<|channel|>commentary", "<|channel|>final<|message|>", "gpt-oss (harmony)"),
    ("Here is my thought process:", "Here is my response:", "Granite 3.2"),
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", "Apriel"),
)

# Marks that mean nothing elsewhere: they count only where the completion begins with them.
FROM_THE_START: Final = (
    (r"\s*analysis(?=[A-Z])", "assistantfinal", "gpt-oss, its special tokens left out"),
    (r"\s*/think\n", "<|im_end|>\n<|im_start|>assistant\n", "HyperCLOVA X SEED Think 14B"),
)

# What ends a turn, where its line ends too or another special token follows.
ENDS_OF_TURN: Final = (
    *("<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>"),
    *("<|endofturn|>", "[|endofturn|]", "<|end_of_turn|>", "<end_of_turn>", "<turn|>", "<|eot|>", "<|eos|>", "<eos>"),
    *("</s>", "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|END_RESPONSE|>", "<|end_of_solution|>"),
    *("<|user|>", "<|observation|>", "<|close|>response<|sep|>", "[END FINAL RESPONSE]", "<seed:eos>", "[e~["),
)

# The head of the model's own turn, where it came along, and what opens the answer in a template.
_HEAD: Final = re.compile(
    r"(?:\s*(?:<\|im_start\|>assistant|<\|start\|>assistant|<\|start_header_id\|>assistant<\|end_header_id\|>"
    r"|<start_of_turn>model|<\|turn>model|<\|assistant\|>|<｜Assistant｜>|\[\|assistant\|\]|\[/INST\]|<\|content\|>"
    r"|<\|START_RESPONSE\|>|<\|begin_of_solution\|>|<\|open\|>response<\|sep\|>))+\n*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no program or answer in the completion; `reason` says why. That is the completion's fault."""

    reason: str


def answer_part(completion: str, thinking: Thinking = "auto") -> str | Nothing:
    """The text after the last end of thinking, up to the end of the turn; all of it if there is no sign of thinking.

    `thinking` "opened" says that the prompt opened the thinking, so that without an end of it there is no answer. One
    pass, linear in the completion.
    """
    if len(completion) > MAX_COMPLETION_CHARS:
        return Nothing(f"completion longer than {MAX_COMPLETION_CHARS:,} characters")
    start, stop, opened, fenced = 0, None, thinking == "opened", False
    for begin, end, _ in FROM_THE_START:
        if re.match(begin, completion):
            at = completion.rfind(end)
            start, opened = (at + len(end), False) if at >= 0 else (0, True)
    for match in _TOKEN.finditer(completion, start):
        match match.lastgroup:
            case "end":
                if not _quoted(completion, *match.span()):
                    start, stop, opened, fenced = match.end(), None, False, False
            case "begin":
                # Text of a program, such as a comment, if it stands further on in the line of a block with a tag.
                of_program = fenced and not _alone(completion, match.start())
                opened = opened or (stop is None and not of_program and not _mentioned(completion, match.start()))
            case "fence":
                fenced = bool(match["tag"])
            case _:
                if opened or stop is not None or _quoted(completion, *match.span("turn")):
                    continue
                if completion[start : match.start()].strip():
                    stop = match.start()
                else:
                    start = match.end()
    if opened:
        return Nothing("thinking never ended")
    answer = completion[start:stop]
    head = _HEAD.match(answer)
    return answer[head.end() :] if head else answer


def _alone(text: str, at: int) -> bool:
    """Whether nothing but an indentation stands before it on its line."""
    before = text[max(at - _INDENT_CHARS, 0) : at]
    return not before.rpartition("\n")[2].strip() and (at < _INDENT_CHARS or "\n" in before)


def _mentioned(text: str, at: int) -> bool:
    """Whether a quotation mark stands before it, or one backtick, as where a marker is spoken of."""
    before = text[max(at - 2, 0) : at]
    return before[-1:] in ('"', "'") or (before[-1:] == "`" and before != "``")


def _quoted(text: str, start: int, stop: int) -> bool:
    """Whether it stands between two of the same: an end of thinking may follow one by chance, hardly two."""
    mark = text[start - 1 : start]
    return _mentioned(text, start) and text[stop : stop + 1] == mark and text[stop : stop + 2] != "``"


def _pattern(marker: str) -> str:
    """The marker with blanks where people put them: around its words, and between them where there are some."""
    words = r"\s{1,3}".join(
        r"\s{0,3}".join(re.escape(part) for part in re.findall(r"[\w]+|[^\w\s]+", word)) for word in marker.split(" ")
    )
    return f"(?-i:{words})" if marker.startswith("[") else words


def _one_of(markers: Iterable[str]) -> str:
    return "|".join(_pattern(marker) for marker in sorted(set(markers), key=len, reverse=True))


_BEGINS: Final = {begin for begin, _, _ in MARKERS}
_ENDS: Final = {end for _, end, _ in MARKERS}
_WORDS: Final = {re.findall(r"\w+", marker)[0] for marker in _BEGINS | _ENDS | set(ENDS_OF_TURN)} - {"Here"} | {"ere"}
# The look ahead at the first word spares all three tables at nearly every "<".
_TOKEN: Final = re.compile(
    rf"(?=[<\[◁H][\s/|｜]{{0,5}}+(?=[a-z])(?:{'|'.join(sorted(_WORDS))}))"
    rf"(?:(?P<end>{_one_of(_ENDS)})|(?P<begin>{_one_of(_BEGINS)})"
    rf"|(?P<turn>{_one_of(ENDS_OF_TURN)})(?=[ \t]*(?:\Z|[\r\n]|<[|｜]|\[/?INST|<start_of_turn>|<s>)))"
    r"|(?P<fence>`{3,}[ \t]*(?P<tag>\w)?)",
    re.IGNORECASE,
)
