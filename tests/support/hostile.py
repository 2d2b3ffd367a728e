"""Reads tests/programs: each file there is one program whose header says what must come of running it.

The header is the first block of comment lines, every one `key: value`:

    trick:           one sentence                                               (required)
    section:         where it belongs in the list of tricks                     (required)
    abuse:           which tricks of the index in tests/programs/README.md it is, each on a line of its own
    verdict:         the one verdict                                            (required)
    cgroup2:         the verdict under cgroup v2, where that is another one
    limits:          name=value ... of Limits; what is not named stays at its default
    compile limits:  the same for the compile step
    stdin:           a Python str or bytes literal; several lines are joined
    file:            a file sent along: its name, then its content as a Python str or bytes literal
    expect stdout:   the same; anything else on stdout is WRONG_ANSWER
    collect:         files to bring back
    collected:       those of them that must come back, and no other; without this key any of them may
    outcome:         facts of the Outcome: name=value, name>=value, name<=value ...

An unknown or repeated key, an unknown limit or fact, or a line without a key is an error.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.program import Limits, Outcome, Program, Verdict

PROGRAMS = Path(__file__).parents[1] / "programs"
PROBE = "probe.py"
INDEX = "README.md"
# What host_services_unreachable.py reaches for; a test that runs it listens there outside.
# Below those that the kernel gives out by itself.
HOST_PORT = 17391
HOST_NAME = "\0assay-host-service"

LANGUAGES = {".py": "python", ".c": "c", ".cpp": "cpp", ".sh": "bash", ".js": "javascript"}
_COMMENTS = {".py": "# ", ".sh": "# ", ".c": "// ", ".cpp": "// ", ".js": "// "}
_SECTIONS = {
    "Resources",
    "Processes",
    "Files",
    "Compilers",
    "Kernel surface",
    "Network",
    "Proofs",
    "Languages",
    "Cheating the judge",
}
_REQUIRED = {"trick", "section", "verdict"}
_REPEATED = {"abuse", "stdin", "file", "expect stdout"}
_KEYS = _REQUIRED | _REPEATED | {"cgroup2", "limits", "compile limits", "collect", "collected", "outcome"}

_TIMES = {"cpu_seconds", "wall_seconds"}

_Fact = float | str | None
_FACTS: dict[str, Callable[[Outcome], _Fact]] = {
    "exit_code": lambda outcome: outcome.exit_code,
    "signal": lambda outcome: outcome.signal,
    "stopped_by": lambda outcome: outcome.stopped_by,
    "cpu_seconds": lambda outcome: outcome.cpu_seconds,
    "wall_seconds": lambda outcome: outcome.wall_seconds,
    "peak_memory_bytes": lambda outcome: outcome.peak_memory_bytes,
    "oom_kills": lambda outcome: outcome.oom_kills,
    "refused_processes": lambda outcome: outcome.refused_processes,
    "stdout_bytes": lambda outcome: len(outcome.stdout),
    "stderr_bytes": lambda outcome: len(outcome.stderr),
    "collected_bytes": lambda outcome: sum(map(len, outcome.files.values())),
    "stdout_truncated": lambda outcome: outcome.stdout_truncated,
    "stderr_truncated": lambda outcome: outcome.stderr_truncated,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


class WrongHeader(ValueError):
    """The header of a program cannot be read; names the file and the line."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that must hold of the Outcome, as the header says it."""

    name: str
    comparison: str
    value: float | str

    def holds(self, outcome: Outcome) -> bool:
        actual = _FACTS[self.name](outcome)
        if self.comparison == "=":
            return actual == self.value
        if actual is None or isinstance(actual, str) or isinstance(self.value, str):
            return False
        return _COMPARISONS[self.comparison](actual, self.value)

    def __str__(self) -> str:
        return f"{self.name}{self.comparison}{self.value}"


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One file of tests/programs."""

    name: str
    program: Program
    trick: str
    section: str
    abuse: tuple[str, ...]
    verdict: Verdict
    cgroup2_verdict: Verdict
    limits: Limits
    compile_limits: Limits | None
    stdin: bytes
    stdout: bytes | None
    collect: tuple[str, ...]
    collected: tuple[str, ...] | None
    facts: tuple[Fact, ...]

    async def run(self, engine: Engine) -> Outcome:
        """Run it as its header says."""
        return await engine.run(
            self.program,
            self.stdin,
            self.limits,
            compile_limits=self.compile_limits,
            collect=self.collect,
        )

    def on_cgroup2(self) -> Hostile:
        """What comes of it under cgroup v2."""
        if self.cgroup2_verdict is self.verdict:
            return self
        return dataclasses.replace(self, verdict=self.cgroup2_verdict, stdout=None)

    def on_slow_machine(self, factor: float) -> Hostile:
        """The same with time for what it does on a machine so many times slower, and no facts about time."""
        facts = tuple(fact for fact in self.facts if fact.name not in _TIMES)
        changed = dataclasses.replace(self, facts=facts)
        # Stopping one sooner proves the same, unless it has something to do before.
        if self.verdict is not Verdict.TIME_LIMIT or any(fact.name != "stopped_by" for fact in facts):
            changed = dataclasses.replace(changed, limits=_longer(self.limits, factor))
        if self.verdict is not Verdict.COMPILE_ERROR:
            compile_limits = self.compile_limits or EngineConfig().compile_limits
            changed = dataclasses.replace(changed, compile_limits=_longer(compile_limits, factor))
        return changed

    def verdict_of(self, outcome: Outcome) -> Verdict:
        """The run's verdict, with stdout compared to what the header expects."""
        if outcome.verdict is Verdict.ACCEPTED and self.stdout is not None and outcome.stdout != self.stdout:
            return Verdict.WRONG_ANSWER
        return outcome.verdict

    def complaints(self, outcome: Outcome) -> list[str]:
        """Everything that is not as the header says; empty if all is."""
        found = []
        if (verdict := self.verdict_of(outcome)) is not self.verdict:
            found.append(f"verdict {verdict} instead of {self.verdict}")
        # Output beside another verdict than ACCEPTED is evidence too: a program that was expected to fail says why.
        elif self.stdout is not None and self.verdict is not Verdict.WRONG_ANSWER and outcome.stdout != self.stdout:
            found.append("stdout is another")
        found += [f"not {fact}" for fact in self.facts if not fact.holds(outcome)]
        if self.collected is not None and set(outcome.files) != set(self.collected):
            found.append(f"collected {sorted(outcome.files)} instead of {sorted(self.collected)}")
        if found:
            found.append(_shown(outcome))
        return found


def _longer(limits: Limits, factor: float) -> Limits:
    most = EngineConfig().ceilings
    cpu, wall = limits.cpu_seconds * factor, limits.wall_seconds and limits.wall_seconds * factor
    return msgspec.structs.replace(
        limits,
        cpu_seconds=min(cpu, most.cpu_seconds),
        wall_seconds=wall and min(wall, most.wall_seconds or wall),
    )


def _shown(outcome: Outcome) -> str:
    compiled = f" compile: {_shown(outcome.compile)}" if outcome.compile and not outcome.compile.clean else ""
    return (
        f"exit {outcome.exit_code} signal {outcome.signal} stopped_by {outcome.stopped_by} "
        f"cpu {outcome.cpu_seconds:.3f} wall {outcome.wall_seconds:.3f} peak {outcome.peak_memory_bytes} "
        f"oom_kills {outcome.oom_kills} refused {outcome.refused_processes} "
        f"stdout {outcome.stdout[-300:]!r} ({len(outcome.stdout)}) "
        f"stderr {outcome.stderr[-600:]!r} ({len(outcome.stderr)}){compiled}"
    )


def read(path: Path) -> Hostile:
    """Read one program; raises WrongHeader."""
    source = path.read_text()
    header = _header(path.name, source, _COMMENTS[path.suffix])
    if missing := _REQUIRED - header.keys():
        raise WrongHeader(f"{path.name}: {sorted(missing)} missing")
    section = header["section"][0]
    if section not in _SECTIONS:
        raise WrongHeader(f"{path.name}: unknown section {section!r}")
    collect = _words(header.get("collect"))
    collected = _words(header["collected"]) if "collected" in header else None
    if not set(collected or ()) <= set(collect):
        raise WrongHeader(f"{path.name}: collected names a file that is not asked for")
    return Hostile(
        name=path.name,
        program=Program(
            source=source, language=LANGUAGES[path.suffix], files=_files(path.name, header.get("file", []))
        ),
        trick=header["trick"][0],
        section=section,
        abuse=tuple(header.get("abuse", ())),
        verdict=_verdict(path.name, header["verdict"][0]),
        cgroup2_verdict=_verdict(path.name, header.get("cgroup2", header["verdict"])[0]),
        limits=_limits(path.name, header.get("limits")) or Limits(),
        compile_limits=_limits(path.name, header.get("compile limits")),
        stdin=_literals(path.name, header.get("stdin")) or b"",
        stdout=_literals(path.name, header.get("expect stdout")),
        collect=collect,
        collected=collected,
        facts=_facts(path.name, header.get("outcome")),
    )


@functools.cache
def programs() -> tuple[Hostile, ...]:
    """Every program in order of name, the probe left out."""
    paths = sorted(path for path in PROGRAMS.iterdir() if path.is_file() and path.name not in (PROBE, INDEX))
    return tuple(read(path) for path in paths)


def named(name: str) -> Hostile:
    """The program in the file of that name."""
    return read(PROGRAMS / name)


def _header(name: str, source: str, comment: str) -> dict[str, list[str]]:
    header: dict[str, list[str]] = {}
    for number, line in enumerate(source.splitlines(), 1):
        if not line.startswith(comment.strip()):
            return header
        key, separator, value = line.removeprefix(comment).partition(": ")
        if not line.startswith(comment) or not separator or key not in _KEYS or not value.strip():
            raise WrongHeader(f"{name}:{number}: expected {comment}key: value with a known key, got {line!r}")
        if key in header and key not in _REPEATED:
            raise WrongHeader(f"{name}:{number}: {key} again")
        header.setdefault(key, []).append(value)
    return header


def _verdict(name: str, text: str) -> Verdict:
    if text not in Verdict.__members__:
        raise WrongHeader(f"{name}: unknown verdict {text!r}")
    return Verdict[text]


def _limits(name: str, values: list[str] | None) -> Limits | None:
    if values is None:
        return None
    given: dict[str, float] = {}
    for word in values[0].split():
        limit, separator, value = word.partition("=")
        if not separator or limit not in Limits.__struct_fields__ or limit in given:
            raise WrongHeader(f"{name}: {word!r} is no limit")
        given[limit] = _number(name, value)
    # The names are checked above, the values by Limits itself.
    return Limits(**given)  # type: ignore[arg-type]


def _number(name: str, text: str) -> float:
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"\d+\.\d+", text):
        return float(text)
    raise WrongHeader(f"{name}: {text!r} is no number")


def _literals(name: str, values: list[str] | None) -> bytes | None:
    if values is None:
        return None
    joined = b""
    for text in values:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise WrongHeader(f"{name}: {text!r} is no literal") from error
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, bytes):
            raise WrongHeader(f"{name}: {text!r} is no str or bytes literal")
        joined += value
    return joined


def _files(name: str, values: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for text in values:
        path, separator, content = text.partition(" ")
        if not separator or path in found:
            raise WrongHeader(f"{name}: {text!r} is no file with its content, or one given twice")
        found[path] = _literals(name, [content]) or b""
    return found


def _words(values: list[str] | None) -> tuple[str, ...]:
    return tuple(values[0].split()) if values else ()


def _facts(name: str, values: list[str] | None) -> tuple[Fact, ...]:
    if values is None:
        return ()
    found = []
    for word in values[0].split():
        match = re.fullmatch(r"([a-z_]+)(=|>=|<=)(\S+)", word)
        if not match or match[1] not in _FACTS:
            raise WrongHeader(f"{name}: {word!r} is no fact of an outcome")
        if match[1] == "stopped_by":
            if match[2] != "=" or match[3] not in ("cpu", "wall", "output"):
                raise WrongHeader(f"{name}: {word!r} names no limit")
            found.append(Fact(name=match[1], comparison=match[2], value=match[3]))
        else:
            found.append(Fact(name=match[1], comparison=match[2], value=_number(name, match[3])))
    return tuple(found)
