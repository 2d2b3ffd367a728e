"""Completions, tests and numbers as public bug reports about judges have them, each sent to the face it names.

`../data/public-cases.jsonl` has one case a line. `fault` is the kind of fault that version 0.1.0 had there (null: it
was right), `expected` is what has to come out.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from engine import BadInput
from engine.languages.table import LANGUAGES
from rewards import NotJudged, Reward, RewardClient
from tests.server.conftest import Daemon, daemon, start_daemon  # noqa: F401

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.server,
    pytest.mark.native_only("about texts and values; the runtimes have tests of their own"),
]

DATA: Final = Path(__file__).parents[1] / "data" / "public-cases.jsonl"
CASES: Final = [json.loads(line) for line in DATA.read_text().split("\n") if line]

# Kinds of fault that are still there. Each line of them fails; one that passes has to leave this table.
WAITING: Final = {
    19: "decided: the last block, the last marker (docs/completions.md)",
}
# Dress around a number that the grammar does not have: it hides, it is no notation, or it is no box.
REFUSED: Final = frozenset(
    """
    M17 M42 M36-10 M36-13 M36-15 M36-24 M36-27 M36-30 M36-31 M36-33 M50-23 M50-24 M50-26 M50-30 M33-10
    M33-11 M33-22 M33-28 M39-03 M39-14 M30-14 M30-15 M30-29 M30-30 M18-07 M18-14 M18-19 M18-20 M18-23
    M18-29 M18-31 M18-32 M18-37 M18-43 M18-44 M18-49 M18-50 M22-07 M01-05 M01-06 M01-09 M01-15
    """.split()  # noqa: SIM905
)
# Lines of other kinds that stay as they are.
DECIDED: Final = {
    "N15": "another base than the reference's restates the problem (docs/mathematics.md)",
    **dict.fromkeys(REFUSED, "the price list (docs/mathematics.md)"),
}
# Lines of those kinds that are right all the same.
RIGHT: Final = frozenset(
    {
        # A sentence's full stop and Markdown around the number.
        *("M13", "M50", "M50-20", "M18-04", "M18-05", "M18-08", "M18-13", "M18-26", "M18-34", "M18-53"),
        # What the tests ask for is known; the turn ends where its token stands.
        *("E20", "E20c", "E20d", "E36"),
    }
)
# What an item has to say, and the case cannot know of: that the prompt opened the thinking, what judges presuppose.
ASKS: Final[dict[str, dict[str, Any]]] = {
    **{key: {"thinking": "opened"} for key in ("E25", "M41")},
    **{key: {"json_keys": True} for key in ("C06", "C06b", "C06c")},
    **{key: {"prelude": "leetcode"} for key in ("C01", "C01b", "C01c", "C02b")},
    **{key: {"prelude": "competitive"} for key in ("C24", "D18", "D18b", "D25")},
    **{key: {"language": "c++20"} for key in ("D19", "D19a")},
    "B22": {"checker": "case_insensitive"},
}
# Whose function answers by what it does to its first argument.
IN_PLACE: Final = frozenset({"C16"})
# A standard was no language's name when the case was written; it was refused clearly, and is taken now.
KNOWN_NOW: Final = frozenset({"D20", "D20a"})
# Decided otherwise since: ten digits of a value that no decimal can write are that value (docs/mathematics.md).
DECIDED_SINCE: Final = {"M51": "accept"}
# A refusal that names the field is as good as the right reward there.
OR_REFUSED: Final = frozenset({"C22k"})
FAULTS_OR_REFUSED: Final = frozenset({1, 2, 3, 5})


def param(case: dict[str, Any]) -> Any:
    reason = WAITING.get(case["fault"], DECIDED.get(case["id"]))
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason and case["id"] not in RIGHT else []
    return pytest.param(case, id=case["id"], marks=marks)


def test_no_case_is_missing() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) == 415
    assert Counter(case["face"] for case in CASES) == {
        "/v1/score": 395,
        "/run_code": 7,
        "client-socket": 7,
        "client-http": 6,
    }
    faults = Counter(case["fault"] for case in CASES)
    assert set(faults) == {None, *range(1, 21)}
    assert {case["id"] for case in CASES} >= RIGHT | ASKS.keys() | OR_REFUSED | KNOWN_NOW


@pytest.mark.parametrize("case", [param(case) for case in CASES])
async def test_case(daemon: Daemon, case: dict[str, Any]) -> None:  # noqa: F811
    if case["id"] == "D21" and "numpy" in installed():
        pytest.skip("needs a /usr/bin/python3 without numpy")
    match case["face"]:
        case "/v1/score":
            outcome = posted(daemon, case)
        case "/run_code":
            check_run(case["expected"], *daemon.post("/run_code", long(case["request"])))
            return
        case _:
            outcome = await asked(daemon, case)
    if outcome == "refused" and (case["id"] in OR_REFUSED or case["fault"] in FAULTS_OR_REFUSED):
        return
    expected = "accept" if case["id"] in KNOWN_NOW else DECIDED_SINCE.get(case["id"], case["expected"])
    expected, _, more = expected.partition(":")
    match expected:
        case "accept":
            assert outcome == "ACCEPTED"
        case "reject":
            assert outcome not in ("ACCEPTED", "refused", "not judged")
            assert more in ("", outcome)
        case "not-accept":
            assert outcome not in ("ACCEPTED", "refused")
        case "refuse":
            assert outcome == "refused"
        case "later":
            assert outcome == {"1": "ACCEPTED", "0": "WRONG_ANSWER"}[more]
        case _:
            pytest.fail(f"no such expectation: {case['expected']}")


def installed() -> str:
    """Which of the modules that cases need absent the programs' Python has."""
    done = subprocess.run(["/usr/bin/python3", "-c", "import numpy"], capture_output=True, check=False)
    return "" if done.returncode else "numpy"


def long(value: Any) -> Any:
    """The request with its long texts written out."""
    if isinstance(value, list):
        return [long(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$repeat" in value:
        text, times = value["$repeat"]
        return value.get("$before", "") + text * times + value.get("$then", "")
    return {name: long(each) for name, each in value.items()}


def posted(daemon: Daemon, case: dict[str, Any]) -> str:  # noqa: F811
    item = long(case["request"]) | ASKS.get(case["id"], {})
    for test in item["tests"] if case["id"] in IN_PLACE else ():
        test["in_place"] = 0
    # What json.dumps does not write: an integer of 5,000 digits, and a number that readers take for infinity.
    body = json.dumps(item).replace('{"$int": "10**4999"}', "1" + "0" * 4999).replace("Infinity", "1e400")
    status, answer = daemon.post("/v1/score", body.encode())
    if status == 422:
        return "refused"
    assert status == 200, answer
    if answer["reward"] is None:
        return "not judged"
    assert answer["reward"] == float(answer["verdict"] == "ACCEPTED")
    return str(answer["verdict"])


async def asked(daemon: Daemon, case: dict[str, Any]) -> str:  # noqa: F811
    item = eval(case["request"]["$python"], {"inf": math.inf, "nan": math.nan})
    address = daemon.address if case["face"] == "client-socket" else daemon.http
    async with RewardClient(address) as client:
        try:
            reward = await client.score(item)
        except BadInput as error:
            return "refused" if error.field.startswith("tests[0].") else f"refused at {error.field}"
    match reward:
        case NotJudged():
            return "not judged"
        case Reward():
            return str(reward.verdict)


def check_run(expected: str, status: int, answer: Any) -> None:
    assert status == 200, answer
    run = answer["run_result"] or {}
    match expected:
        case "rc:compile":
            assert answer["status"] == "Failed"
            assert answer["compile_result"]["return_code"] not in (0, None)
        case "rc:timeout":
            assert (answer["status"], run["status"]) == ("Failed", "TimeLimitExceeded")
        case "rc:failed-stderr":
            assert (answer["status"], run["status"], run["return_code"]) == ("Failed", "Finished", 1)
            assert "NameError" in run["stderr"]
        case "rc:2mib":
            assert (answer["status"], run["return_code"]) == ("Success", 0)
        case "rc:ok-threads":
            assert (answer["status"], run["stdout"]) == ("Success", "ok\n")
        case "rc:nolang" if LANGUAGES["java"].missing is None:
            assert (answer["status"], run["return_code"]) == ("Success", 0)
        case "rc:nolang":
            assert answer["status"] == "SandboxError"
            assert "java" in answer["message"]
        case "rc:4":
            assert (answer["status"], run["stdout"]) == ("Success", "4\n")
        case _:
            pytest.fail(f"no such expectation: {expected}")
