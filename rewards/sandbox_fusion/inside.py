"""Runs inside the sandbox: a `custom_extract_logic` of a request, over one completion.

Beside it lie `logic`, `completion` and the rules of extraction; `blocks` is what it leaves: a list of JSON with
[priority, language, code] for each block that the logic submits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rewards.sandbox_fusion.extract import FENCED, Block, fenced, heuristic

# As theirs are called where a block's tag says it in another way.
NAMES = {
    "py": "python",
    "python3": "python",
    "c++": "cpp",
    "js": "nodejs",
    "c#": "csharp",
    "sh": "bash",
    "shell": "bash",
    "rs": "rust",
    "jl": "julia",
    "r": "R",
    "d": "D",
}
# fmt: off
KNOWN = frozenset({
    "bash", "c", "cpp", "csharp", "go", "html", "java", "javascript", "julia", "kotlin", "lua", "perl", "php", "python",
    "racket", "ruby", "rust", "scala", "sql", "swift", "typescript", "verilog",
})
# fmt: on


class CodeBlock:
    """Theirs, which takes its fields by name."""

    def __init__(self, *, priority: int, language: str, code: str) -> None:
        self.priority = priority
        self.language = language
        self.code = code


def main() -> None:
    """Run the logic with what theirs gives it."""
    blocks: list[tuple[int, str, str]] = []

    def submit(submitted: Any) -> None:
        for block in submitted:
            if not isinstance(block, CodeBlock):
                raise TypeError(f"submit_code_blocks takes CodeBlocks, not {type(block).__name__}")
            blocks.append((block.priority, block.language, block.code))

    logic = compile(read("logic"), "custom_extract_logic", "exec")
    given = {
        "CodeBlock": CodeBlock,
        "completion": read("completion"),
        "submit_code_blocks": submit,
        "extract_fenced_code": lambda text: [told(block) for block in fenced(text)],
        "extract_heuristic_code": lambda text, language="": [told(block) for block in heuristic(text, language)],
    }
    exec(logic, given)
    # Else a lone surrogate is an escape, which says it and is none.
    Path("blocks").write_bytes(json.dumps(blocks, ensure_ascii=False).encode())


def told(block: Block) -> CodeBlock:
    """The block with the language as theirs has it: "" for one that is none of theirs."""
    word = block.language.strip().lower()
    language = NAMES.get(word, word if word in KNOWN else "") if block.priority == FENCED else word
    return CodeBlock(priority=block.priority, language=language, code=block.code)


def read(name: str) -> str:
    """A text with its line ends as they are."""
    return Path(name).read_bytes().decode()


if __name__ == "__main__":
    main()
