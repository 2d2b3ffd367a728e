"""What a model is asked for a row of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.errors import BadInput
from rewards.sandbox_fusion.data_sets import id_of
from rewards.sandbox_fusion.kinds import Kind, column
from rewards.sandbox_fusion.request import Config

_PROGRAM: Final = {
    "en": "Write a complete {language} program. It reads standard input and writes to standard output.",
    "zh": "请写一个完整的 {language} 程序，从标准输入读取数据，把结果写到标准输出。",
}
_FUNCTION: Final = {
    "en": "Complete the code above as its docstring says. Answer with the whole code, in a fenced block of Markdown.",
    "zh": "请按文档字符串的要求补全上面的代码，用 Markdown 代码块给出完整的代码。",
}


def prompt_of(row: Mapping[str, Any], kind: Kind, config: Config, field: str) -> dict[str, Any]:
    """Their Prompt: id, prompt, labels; raises BadInput under `field`."""
    locale = config.locale if config.locale in _PROGRAM else "en"
    labels = column(row, "labels", field) if row.get("labels") is not None else {}
    match kind:
        case "CommonOJDataset":
            task = _PROGRAM[locale].format(language=config.language or "Python")
            prompt = f"{_text(row, 'content', field)}\n\n{task}"
        case "MBPPDataset":
            tests = column(row, "test_list", field)
            if not isinstance(tests, list):
                raise BadInput(f"{field}.test_list", tests, "expected a list")
            shown = "\n".join(map(str, tests[:2] if config.is_fewshot else tests))
            prompt = f"{_text(row, 'content', field)}\n\nYour code should pass these tests:\n\n{shown}"
        case _:
            prompt = _text(row, "prompt", field)
            labels = {name: value for name, value in row.items() if name != "prompt"}
            if config.extra.is_freeform:
                prompt = f"```{row.get('language', 'python')}\n{prompt}\n```\n\n{_FUNCTION[locale]}"
    row_id = id_of(row)
    return {"id": 0 if row_id is None else row_id, "prompt": prompt, "labels": labels}


def _text(row: Mapping[str, Any], name: str, field: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{field}.{name}", value, "expected text")
    return value
