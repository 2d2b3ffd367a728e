"""What their requests about data sets hold; numbers may be text, unknown fields are ignored."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.errors import BadInput
from engine.wire.decode import to_struct


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """Their `config.extra`.

    run_all_cases           go on after the first test that fails
    return_full_case        tests are told whole, and not cut
    total_timeout           seconds of CPU time for all tests of a submission together
    is_freeform             HumanEval: the completion has a fenced program, and is not what goes on from the prompt
    special_judge_program   says whether an output is right that is not the expected one
    special_judge_language  what that is written in
    force_special_judge     it decides alone, also about an output that is the expected one
    """

    run_all_cases: bool = False
    return_full_case: bool = False
    total_timeout: float = 300.0
    is_freeform: bool = False
    special_judge_program: str | None = None
    special_judge_language: str | None = "python"
    force_special_judge: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Their `config`; `mem_limit`, ScaleBox's, is in KiB."""

    dataset_type: str | None = None
    language: str | None = None
    locale: str | None = None
    is_fewshot: bool | None = None
    compile_timeout: float | None = None
    run_timeout: float | None = None
    mem_limit: int | None = None
    custom_extract_logic: str | None = None
    provided_data: Any = None
    extra: Extra = Extra()


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """`/submit`, where `dataset` and `id` are required, and `/common_evaluate_batch`, where they are not."""

    completion: str
    config: Config
    dataset: str = ""
    id: int | str = 0


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`/list_ids` and `/get_prompts`: some rows of a data set."""

    dataset: str
    config: Config = Config()
    offset: int = 0
    limit: int = 1_000_000

    def __post_init__(self) -> None:
        for name in ("offset", "limit"):
            if getattr(self, name) < 0:
                raise BadInput(name, getattr(self, name), "expected 0 or more")


class One(msgspec.Struct, frozen=True, kw_only=True):
    """`/get_prompt_by_id`: one row."""

    dataset: str
    id: int | str
    config: Config = Config()


def submission(fields: Any, *, by_id: bool) -> Submission:
    """The request, checked; raises BadInput. `by_id`: data set and id have to be named."""
    for name in ("dataset", "id") if by_id else ():
        if isinstance(fields, dict) and fields.get(name) is None:
            raise BadInput(name, None, "required")
    asked = to_struct(fields, Submission, strict=False)
    if not asked.config.extra.total_timeout > 0:
        raise BadInput("config.extra.total_timeout", asked.config.extra.total_timeout, "expected a number above 0")
    return asked
