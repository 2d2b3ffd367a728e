"""One submission judged: the program found, put to the row's tests, and told as their EvalResult."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from msgspec import structs

from engine.errors import BadInput
from engine.flow import off_loop
from engine.languages.table import LANGUAGES, language_named
from engine.program import Program
from engine.server.run_code import check_language, limits_of, patience_of
from engine.server.service import Service
from rewards.code.item import CodeItem, code_item
from rewards.code.judge import Judge, judge_of
from rewards.sandbox_fusion.cases import Cases, StdioCase, statement_cases, stdio_case, stdio_cases
from rewards.sandbox_fusion.custom import FIELD as LOGIC
from rewards.sandbox_fusion.custom import blocks_by
from rewards.sandbox_fusion.extract import Extracted, program_of
from rewards.sandbox_fusion.kinds import Kind, column
from rewards.sandbox_fusion.reference import Sound
from rewards.sandbox_fusion.request import Config, Submission
from rewards.sandbox_fusion.trial import Told, Trial, tell

_TIMEOUT_SECONDS: Final = 10.0
# Without a compiler theirs is patient.
_INTERPRETED_SECONDS: Final = 20.0
# Where a continuation of a Python prompt is over: at the first line of another thing.
_END_OF_FUNCTION: Final = re.compile(r"\n(?=[^\s])")
ROW: Final = "config.provided_data"
# Columns of rows that are judged by statements: HumanEval's, and those of other languages made after them.
_HUMANEVAL: Final = ("prompt", "test", "entry_point")
_MULTIPLE: Final = ("prompt", "tests", "language")


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A submission on its way: what is asked, in which language, and how its runs are bounded."""

    asked: Submission
    language: str
    service: Service
    client: str

    @property
    def config(self) -> Config:
        """Theirs."""
        return self.asked.config

    @property
    def options(self) -> dict[str, Any]:
        """What all its runs are given."""
        # Of all tests together, which a client may expect to take so long.
        expected = max(sum(self._timeouts), self.config.extra.total_timeout)
        return {"deadline_seconds": patience_of(self.service, expected), "client": self.client}

    @property
    def judge(self) -> Judge | None:
        """The special judge, if there is one; raises BadInput."""
        extra = self.config.extra
        if extra.special_judge_program is None:
            if extra.force_special_judge:
                raise BadInput("config.extra.special_judge_program", None, "required with force_special_judge")
            return None
        language = here(extra.special_judge_language or "python", "config.extra.special_judge_language")
        return judge_of({"source": extra.special_judge_program, "language": language, "convention": "scalebox"})

    async def extracted(self) -> Extracted:
        """The program in the completion, by their rules and the request's own; raises BadInput where that one fails."""
        text, language, logic = self.asked.completion, LANGUAGES[self.language], self.config.custom_extract_logic
        tags = frozenset({language.name, *language.aliases, (self.config.language or "python").lower()})
        custom = [] if logic is None else await blocks_by(logic, text, self.service.engine, self.options)
        return await off_loop(len(text), program_of, text, self.language, tags, custom)

    async def told(self, cases: Cases, extracted: Extracted) -> dict[str, Any]:
        """Run them; the EvalResult. Raises BadInput, Overloaded, SandboxError."""
        told = await self.tried(cases)
        self.service.judged("submit", told.verdict.value, self.asked.completion)
        return _result(self.asked, extracted, cases, told)

    async def tried(self, cases: Cases) -> Told:
        """Run them; raises BadInput, Overloaded, SandboxError."""
        run, compiling = self._timeouts
        limits, compile_limits = limits_of(self.service, run, compiling, None)
        if self.config.mem_limit is not None:
            limits = structs.replace(limits, memory_bytes=self.config.mem_limit << 10)
        trial = Trial(
            program=Program(cases.source, self.language, prelude=cases.prelude),
            tests=cases.tests,
            right=cases.right,
            infos=cases.infos,
            limits=limits,
            compile_limits=compile_limits,
            run_all=self.config.extra.run_all_cases,
            total_seconds=self.config.extra.total_timeout,
            shown_bytes=self.service.config.batch_bytes,
            options=self.options,
        )
        return await tell(self.service.engine, trial)

    @property
    def _timeouts(self) -> tuple[float, float]:
        compiles = LANGUAGES[self.language].compile is not None
        run = self.config.run_timeout or (_TIMEOUT_SECONDS if compiles else _INTERPRETED_SECONDS)
        return run, self.config.compile_timeout or _TIMEOUT_SECONDS


def here(word: str, field: str) -> str:
    """What we call a language of theirs; raises BadInput for one that we do not have."""
    check_language(word, field)
    return language_named(word, field).name


async def submitted(
    service: Service, asked: Submission, kind: Kind, row: dict[str, Any], client: str, sound: Sound
) -> dict[str, Any]:
    """The EvalResult of a completion for a row of that kind; raises BadInput also for a row that is at fault itself."""
    if kind == "CommonOJDataset":
        if not asked.config.language:
            raise BadInput("config.language", asked.config.language, "required for CommonOJDataset")
        tests = row.get("test")
        cases = await off_loop(len(tests) if isinstance(tests, str) else 0, stdio_row, row)
        return await with_stdio(_submitted(service, asked, client), cases)
    item = _item(kind, row, asked.config)
    putting = _submitted(service, asked, client, language_named(item.language).name)
    result = await with_statements(putting, item, imports=kind == "HumanEvalDataset")
    if not result["accepted"]:
        await sound.check(row, item, ROW, putting.tried)
    return result


async def with_stdio(submitted: Submitted, cases: list[StdioCase]) -> dict[str, Any]:
    """The EvalResult of a program that reads and prints."""
    extracted = await submitted.extracted()
    put = stdio_cases(
        extracted.code,
        cases,
        submitted.judge,
        forced=submitted.config.extra.force_special_judge,
        whole=submitted.config.extra.return_full_case,
        engine=submitted.service.engine,
        options=submitted.options,
    )
    return await submitted.told(put, extracted)


async def with_statements(
    submitted: Submitted, item: CodeItem, *, imports: bool = True, whole: bool = False
) -> dict[str, Any]:
    """The EvalResult of a function that statements test; `item` has them, and what the program goes on from.

    imports  in Python, it finds those of theirs
    whole    the completion has a program, and does not go on from the stub
    """
    stub, completion = item.stub, submitted.asked.completion
    if stub is not None and not whole and not submitted.config.extra.is_freeform:
        if submitted.config.custom_extract_logic is not None:
            message = "a continuation of the prompt is taken whole: set config.extra.is_freeform"
            raise BadInput(LOGIC, submitted.config.custom_extract_logic, message)
        if submitted.language == "python":
            completion = _END_OF_FUNCTION.split(completion, maxsplit=1)[0]
        extracted = Extracted(completion, "heuristic" if completion.strip() else "empty")
        between = "" if stub.code.endswith("\n") or completion.startswith("\n") else "\n"
        source = stub.code + between + completion
    else:
        extracted = await submitted.extracted()
        source = extracted.code if stub is None else stub.completed(extracted.code, submitted.language)
    cases = statement_cases(source, item.tests, submitted.language, imports=imports)
    return await submitted.told(cases, extracted)


def _submitted(service: Service, asked: Submission, client: str, language: str | None = None) -> Submitted:
    language = language or here(asked.config.language or "python", "config.language")
    return Submitted(asked=asked, language=language, service=service, client=client)


def stdio_row(row: dict[str, Any]) -> list[StdioCase]:
    """The tests of a row of CommonOJDataset; raises BadInput."""
    tests = column(row, "test", ROW)
    if not isinstance(tests, list) or not tests:
        raise BadInput(f"{ROW}.test", tests, "expected a list of at least one test")
    return [stdio_case(test, f"{ROW}.test[{index}]") for index, test in enumerate(tests)]


def _item(kind: Kind, row: dict[str, Any], config: Config) -> CodeItem:
    columns = {name: value for name, value in row.items() if name != "completion"}
    if kind == "MBPPDataset":
        labels = column(row, "labels", ROW) if "labels" in row else {}
        setup = labels.get("test_setup_code") if isinstance(labels, dict) else None
        tests = column(row, "test_list", ROW)
        # Of a prompt with few shots the first two tests are shown.
        tests = tests[-1:] if config.is_fewshot and isinstance(tests, list) else tests
        columns = {"test_setup_code": row.get("test_setup_code") or setup or "", "test_list": tests}
    elif kind == "HumanEvalDataset":
        wanted = _HUMANEVAL if "entry_point" in row or "test" in row else _MULTIPLE
        missing = next((name for name in wanted if name not in row), None)
        if missing is not None:
            raise BadInput(f"{ROW}.{missing}", None, "required")
        # Other forms of rows, which other columns would tell, are not meant.
        columns = {name: row[name] for name in (*wanted, "language", "name") if name in row}
    try:
        return code_item({**columns, "completion": ""})
    except BadInput as error:
        raise error.below(ROW) from None


def _result(asked: Submission, extracted: Extracted, cases: Cases, told: Told) -> dict[str, Any]:
    # A program of nothing prints what some tests expect.
    none = extracted.found == "empty"
    tests = [{**test, "passed": False} for test in told.tests] if none else told.tests
    forgeable = cases.forgeable or told.forgeable
    return {
        "id": asked.id,
        "accepted": all(test["passed"] for test in tests),
        "extracted_code": extracted.code,
        "full_code": cases.source if cases.source != extracted.code else None,
        "test_code": None,
        "tests": tests,
        "extracted_type": extracted.found,
        "extra": {"forgeable": True} if forgeable else None,
    }
