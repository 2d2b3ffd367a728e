from __future__ import annotations

from pathlib import Path

import pytest

from engine.program import Limits, Outcome, Verdict
from tests.support.hostile import HOST_PORT, LANGUAGES, PROGRAMS, WrongHeader, programs, read

HEADER = "# trick: t\n# section: Files\n# verdict: ACCEPTED\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "program.py"
    path.write_text(text)
    return path


def test_every_program_has_a_header_and_every_language_a_right_one() -> None:
    found = programs()
    assert len(found) >= 60
    assert {hostile.verdict for hostile in found} == set(Verdict)
    right = {hostile.program.language for hostile in found if hostile.name.startswith("right_")}
    assert right == set(LANGUAGES.values())
    assert len({hostile.trick for hostile in found if not hostile.trick.startswith("none")}) >= 100


def test_everything_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEADER
        + "# limits: cpu_seconds=0.5 processes=7\n# compile limits: memory_bytes=2097152\n"
        + "# stdin: 'a\\n'\n# stdin: b'\\xff'\n# expect stdout: ''\n# collect: a b\n# collected: b\n"
        + "# outcome: exit_code=0 oom_kills>=1 stopped_by=cpu cpu_seconds<=0.5\n\nprint()\n",
    )
    hostile = read(path)
    assert hostile.limits == Limits(cpu_seconds=0.5, processes=7)
    assert hostile.compile_limits == Limits(memory_bytes=2097152)
    assert (hostile.stdin, hostile.stdout) == (b"a\n\xff", b"")
    assert (hostile.collect, hostile.collected) == (("a", "b"), ("b",))
    assert [str(fact) for fact in hostile.facts] == [
        "exit_code=0",
        "oom_kills>=1",
        "stopped_by=cpu",
        "cpu_seconds<=0.5",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# trick: t\n# section: Files\n",
        HEADER.replace("ACCEPTED", "FINE"),
        HEADER.replace("Files", "Elsewhere"),
        HEADER + "# colour: red\n",
        HEADER + "# trick: again\n",
        HEADER + "# a plain comment\n",
        HEADER + "#\n",
        HEADER + "# limits: cpu_seconds=0.5 memory=3\n",
        HEADER + "# limits: cpu_seconds=-1\n",
        HEADER + "# limits: cpu_seconds=1 cpu_seconds=2\n",
        HEADER + "# stdin: plain\n",
        HEADER + "# stdin: 5\n",
        HEADER + "# collected: a\n",
        HEADER + "# outcome: colour=1\n",
        HEADER + "# outcome: stopped_by>=cpu\n",
        HEADER + "# outcome: exit_code>1\n",
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(WrongHeader, match=r"program\.py"):
        read(write(tmp_path, text))


def test_complaints_name_what_differs(tmp_path: Path) -> None:
    hostile = read(write(tmp_path, HEADER + "# expect stdout: 'x'\n# outcome: oom_kills>=1\n"))
    assert hostile.complaints(Outcome(exit_code=0, stdout=b"x", oom_kills=1)) == []
    complaints = hostile.complaints(Outcome(exit_code=0, stdout=b"y"))
    assert complaints[:2] == ["verdict WRONG_ANSWER instead of ACCEPTED", "not oom_kills>=1"]


def test_the_host_port_is_the_one_that_is_tried() -> None:
    assert str(HOST_PORT) in (PROGRAMS / "host_services_unreachable.py").read_text()
