"""Prompts from a file, and the tokenizer that is sure to give back what it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import transformers
from jinja2 import TemplateError
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from engine.errors import BadInput
from trainer.types import Prompt

_T = TypeVar("_T")


class _Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: str | int
    prompt: str | list[dict[str, Any]]
    item: dict[str, Any]
    wrap: str | None = None
    domain: str = ""
    difficulty: float | None = None


def load_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of the class that was saved; AutoTokenizer goes by the model's and may take another.

    Raises BadInput where there is none.
    """
    file = Path(path) / "tokenizer_config.json"
    if not str(path) or not file.is_file():
        message = f"expected a directory in Hugging Face's format: there is no {file.name}"
        raise BadInput("model.path", str(path), message)
    try:
        saved = json.loads(file.read_text()).get("tokenizer_class", "")
        kind = getattr(transformers, saved, AutoTokenizer)
        tokenizer: PreTrainedTokenizerBase = kind.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise BadInput("model.path", str(path), f"no tokenizer can be loaded from it: {error}") from None
    return tokenizer


def stop_tokens(path: str | Path, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The token ids that end a response: those of generation_config.json and config.json, and the tokenizer's."""
    found = {tokenizer.eos_token_id}
    for name in ("generation_config.json", "config.json"):
        file = Path(path) / name
        ids = json.loads(file.read_text()).get("eos_token_id") if file.is_file() else None
        found |= set(ids) if isinstance(ids, list) else {ids}
    return tuple(sorted(found - {None}))


def read_prompts(path: str | Path, tokenizer: PreTrainedTokenizerBase) -> list[Prompt]:
    """The prompts of a file of JSON lines; raises BadInput that names the line."""
    prompts: dict[str, Prompt] = {}
    for place, line in parsed_lines(path, _Line, "prompts.path"):
        prompt = _prompt(line, tokenizer, place)
        if prompt.id in prompts:
            raise BadInput(f"{place}.id", prompt.id, "another line has it already")
        prompts[prompt.id] = prompt
    if not prompts:
        raise BadInput("prompts.path", str(path), "there is no prompt in it")
    return list(prompts.values())


def parsed_lines(path: str | Path, kind: type[_T], key: str) -> Iterator[tuple[str, _T]]:
    """A file's JSON lines with their places; raises BadInput that names the line, or `key` for a file that is not."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise BadInput(key, str(path), error.strerror or "cannot be read") from None
    for number, line in enumerate(lines, 1):
        place = f"{path}:{number}"
        try:
            if line.strip():
                yield place, msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            raise BadInput(place, line.decode(errors="replace").strip(), str(error)) from None


def _prompt(fields: _Line, tokenizer: PreTrainedTokenizerBase, place: str) -> Prompt:
    if fields.wrap is not None and fields.wrap.count("{completion}") != 1:
        raise BadInput(f"{place}.wrap", fields.wrap, "expected one {completion} in it")
    if isinstance(fields.prompt, str):
        text = fields.prompt
    else:
        if tokenizer.chat_template is None:
            raise BadInput(f"{place}.prompt", fields.prompt, "the tokenizer has no chat template: expected text")
        try:
            text = str(tokenizer.apply_chat_template(fields.prompt, tokenize=False, add_generation_prompt=True))
        except (TemplateError, TypeError, ValueError) as error:
            message = f"the tokenizer's chat template does not take it: {error}"
            raise BadInput(f"{place}.prompt", fields.prompt, message) from None
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if (back := tokenizer.decode(ids, clean_up_tokenization_spaces=False)) != text:
        raise BadInput(f"{place}.prompt", text, f"the tokenizer gives back {back!r}: it is not the model's own")
    if isinstance(fields.prompt, str):
        # With what the tokenizer puts first; a chat template has it already.
        ids = tokenizer(text)["input_ids"]
    if not ids:
        raise BadInput(f"{place}.prompt", text, "no token in it")
    return Prompt(
        id=str(fields.id),
        tokens=np.asarray(ids, np.int32),
        item=fields.item,
        wrap=fields.wrap,
        domain=fields.domain,
        difficulty=fields.difficulty,
    )
