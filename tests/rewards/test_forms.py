"""Rows of public data sets, scored as they come."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Verdict
from rewards import CodeReward, Reward
from tests.support.evidence import code_evidence, failure_of

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

ADD = "class Solution:\n    def add(self, xs: List[int], y: Optional[int]) -> List[int]:\n        return [sum(xs) + y]"
READ = "from sys import stdin\nprint(sum(map(int, stdin.read().split())) / 1)"
CASES = [{"input": "[1, 2]\n3", "output": "[6]", "testtype": "functional"}]
BY_CALL = {"inputs": [[[1, 2], 3]], "outputs": [[6]], "fn_name": "add"}
BY_STDIN = {"inputs": ["1 2\n3\n"], "outputs": ["6.0\n"]}
CPP = {
    "name": "HumanEval_0_twice",
    "language": "cpp",
    "prompt": "#include<assert.h>\n#include<bits/stdc++.h>\nlong twice(long n) {\n",
    "tests": "}\nint main() {\n    auto candidate = twice;\n    assert(candidate((2)) == (4));\n}\n",
}
JS = {
    "name": "HumanEval_0_twice",
    "language": "js",
    "prompt": "//doc\nfunction twice(n){\n",
    "tests": "const assert = require('node:assert');\n\nfunction test() {\n  let candidate = twice;\n"
    "  assert.deepEqual(candidate(2),4);\n}\n\ntest();",
}
SH = {
    "name": "HumanEval_0_twice",
    "language": "sh",
    "prompt": "#!/bin/bash\n# $1\ntwice() {\n",
    "tests": '}\n\ncandidate() {\n    twice "$@"\n}\n\nset -e\nrun_test() {\n    [[ $(candidate 2) = 4 ]]\n}\nrun_test',
}


def packed(cases: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


ROWS: list[tuple[dict[str, Any], str, str, Verdict]] = [
    ({"input_output": json.dumps(BY_CALL)}, "python", ADD, Verdict.ACCEPTED),
    ({"input_output": json.dumps(BY_STDIN)}, "python", READ, Verdict.ACCEPTED),
    (BY_CALL, "python", ADD.replace("[sum(xs) + y]", "sum(xs) + y"), Verdict.ACCEPTED),
    (BY_CALL, "python", "def add(xs, y):\n    return [7]", Verdict.WRONG_ANSWER),
    ({"private_test_cases": packed(CASES), "metadata": '{"func_name": "add"}'}, "python", ADD, Verdict.ACCEPTED),
    ({"private_test_cases": packed(CASES), "metadata": '{"func_name": "add"}'}, "python", READ, Verdict.RUNTIME_ERROR),
    ({"verification_info": {"language": "python", "test_cases": [{"input": "1\n", "output": "1.0"}]}}, "python", READ,
     Verdict.ACCEPTED),
    ({**BY_STDIN, "language": "cpp"}, "cpp", '#include <cstdio>\nint main() { std::printf("6.000000001"); }',
     Verdict.ACCEPTED),
    ({"test_list": ["assert twice(2) == 4"]}, "python", "def twice(n): return 2 * n", Verdict.ACCEPTED),
    (CPP, "cpp", "    return 2 * n;", Verdict.ACCEPTED),
    (CPP, "cpp", "long twice(long n) {\n    return 2 * n;\n}", Verdict.ACCEPTED),
    (CPP, "cpp", "    return 3 * n;", Verdict.RUNTIME_ERROR),
    (CPP, "cpp", "    exit(0);", Verdict.WRONG_ANSWER),
    (JS, "js", "function twice(n) { return 2 * n }", Verdict.ACCEPTED),
    (JS, "js", "function twice(n) { return 3 * n }", Verdict.RUNTIME_ERROR),
    (JS, "js", "function twice(n) { process.exit(0) }", Verdict.WRONG_ANSWER),
    (SH, "bash", "    echo $(($1 * 2))", Verdict.ACCEPTED),
    (SH, "bash", "twice() {\n    echo $(($1 * 2))\n}", Verdict.ACCEPTED),
    (SH, "bash", "twice() {\n    echo 5\n}", Verdict.RUNTIME_ERROR),
    (SH, "bash", "twice() {\n    exit 0\n}\nexit 0", Verdict.WRONG_ANSWER),
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(ROWS)))
async def test_a_row_is_scored(engine: Engine, index: int) -> None:
    row, tag, program, verdict = ROWS[index]
    reward = await CodeReward(engine).score({"completion": f"```{tag}\n{program}\n```", "question": "...", **row})
    assert isinstance(reward, Reward), reward
    assert reward.verdict is verdict, failure_of(reward)


async def test_the_command_takes_rows_as_they_are(tmp_path: Path) -> None:
    rows = [
        {"completion": f"```python\n{READ}\n```", "input_output": json.dumps(BY_STDIN), "problem_id": 1},
        {"completion": f"```python\n{ADD}\n```", "verification_info": {"test_cases": BY_CALL}, "problem_id": 2},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    command = [sys.executable, "-m", "assay", "score", str(file), "--slots", "1", "-o", "-"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["form"], each["reward"]) for each in answers] == [("apps", 1.0), ("open-r1", 1.0)], done.stderr


async def test_what_was_given_is_said(engine: Engine) -> None:
    reward = await CodeReward(engine).score({"completion": f"```python\n{ADD}\n```", **BY_CALL})
    evidence = code_evidence(reward)
    assert (evidence.form, evidence.prelude, evidence.forgeable) == ("verl", "leetcode", False)
    reward = await CodeReward(engine).score({"completion": "```cpp\n    return 2 * n;\n```", **CPP})
    evidence = code_evidence(reward)
    assert (evidence.form, evidence.prelude, evidence.forgeable) == ("multipl-e", None, True)
