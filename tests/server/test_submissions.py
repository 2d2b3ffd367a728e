"""SandboxFusion's `/submit` and data sets, and ScaleBox's `/common_evaluate_batch`; through their client too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import sandbox_fusion

from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel, pytest.mark.crun_is_soak]

ADD = {
    "id": 7,
    "content": "Add two numbers.",
    "labels": '{"difficulty": "EASY"}',
    "test": json.dumps([{"input": {"stdin": f"{n} 1\n"}, "output": {"stdout": f"Sum {n + 1}.0\n"}} for n in range(3)]),
}
RIGHT = "print('sum', sum(map(int, input().split())))"
DOUBLED = {"id": 8, "content": "Double it.", "labels": {"test_setup_code": ""}, "test_list": ["assert f(2) == 4"]}
ABOVE = {
    "task_id": "HumanEval/x",
    "prompt": 'def above(x: int) -> bool:\n    """Whether x is above 0."""\n',
    "test": "def check(candidate):\n    assert candidate(1) is True\n    assert candidate(0) is False\n",
    "entry_point": "above",
}
CALL = {"type": "function_call", "fn_name": "f"}
CALLED = {**CALL, "input": [1], "output": [1]}
LONE = {**CALL, "input": ['"a"'], "output": ['"\\ud800"'], "json_input": True}
SUMS = {"type": "stdin_stdout", "input": ["1"], "output": ["1"]}
NO_JUDGE = {"special_judge_program": "", "special_judge_language": "python"}
TEST_WITH_HALF_A_CHARACTER = r'[{"input": {"stdin": "\ud800"}, "output": {"stdout": ""}}]'


@pytest.fixture(scope="module")
def daemon(start_daemon: StartDaemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One with data sets of three kinds."""
    place: Path = tmp_path_factory.mktemp("rows")
    config = ""
    for name, row in (("sums", ADD), ("doubled", DOUBLED), ("above", ABOVE), ("named", {**ADD, "uid": "a"})):
        (place / name).write_text(json.dumps(row) + "\n")
        config += f'[rewards.data_sets.{name}]\nfile = "{place / name}"\n'
    config += 'id_field = "uid"\n'
    daemon = start_daemon(config=config)
    yield daemon
    daemon.stop()


def fenced(code: str, tag: str = "python") -> str:
    return f"Here it is:\n```{tag}\n{code}\n```\nDone."


def submit(daemon: Daemon, completion: str, *, dataset: str = "any", row_id: int | str = 7, **config: Any) -> Any:
    fields = {"dataset": dataset, "id": row_id, "completion": completion, "config": {"language": "python", **config}}
    status, answer = daemon.post("/submit", fields)
    assert status == 200, answer
    return answer


def batch(daemon: Daemon, completion: str, cases: dict[str, Any], **config: Any) -> Any:
    config = {"language": "python", "provided_data": {"test_cases": cases}, **config}
    status, answer = daemon.post("/common_evaluate_batch", {"completion": completion, "config": config})
    assert status == 200, answer
    return answer


def test_a_row_that_is_sent_along_is_judged_as_theirs(daemon: Daemon) -> None:
    """Whatever the case, and a number that is its line may be near."""
    row = {**ADD, "test": [{"input": {"stdin": "1 2"}, "output": {"stdout": "SUM\n3.00001\n\n"}}]}
    answer = submit(daemon, fenced("print('sum ', sum(map(int, input().split())), sep='\\n')"), provided_data=row)
    info = answer["tests"][0].pop("exec_info")
    assert (info["status"], info["run_result"]["stdout"]) == ("Success", "sum \n3\n")
    assert answer == {
        "id": 7,
        "accepted": True,
        "extracted_code": "print('sum ', sum(map(int, input().split())), sep='\\n')",
        "full_code": None,
        "test_code": None,
        "tests": [{"passed": True, "test_info": {"input": {"stdin": "1 2"}, "output": {"stdout": "SUM\n3.00001\n\n"}}}],
        "extracted_type": "fenced",
        "extra": None,
    }


def test_a_row_of_a_data_set_stops_at_the_first_failure(daemon: Daemon) -> None:
    code = "a, b = map(int, input().split()); print('sum', f'{a + b}.0' if a < 1 else 0)"
    first = submit(daemon, fenced(code), dataset="sums")
    assert (first["accepted"], [test["passed"] for test in first["tests"]]) == (False, [True, False])
    every = submit(daemon, fenced(code), dataset="sums", extra={"run_all_cases": True})
    assert [test["passed"] for test in every["tests"]] == [True, False, False]
    assert submit(daemon, fenced(code.replace("a < 1", "1")), dataset="sums")["accepted"]


def test_what_does_not_compile_fails_every_test(daemon: Daemon) -> None:
    code = fenced("int main() { return x; }", "cpp")
    answer = submit(daemon, code, dataset="sums", language="cpp", extra={"run_all_cases": True})
    assert [test["exec_info"]["run_result"] for test in answer["tests"]] == [None] * 3
    assert not answer["accepted"]


def test_a_completion_without_a_program_passes_nothing(daemon: Daemon) -> None:
    row = {**ADD, "test": [{"input": {"stdin": ""}, "output": {"stdout": ""}}]}
    answer = submit(daemon, "I do not know.", provided_data=row)
    assert (answer["accepted"], answer["extracted_code"], answer["extracted_type"]) == (False, "", "empty")
    assert [test["passed"] for test in answer["tests"]] == [False]
    for nothing in ("```python\n\n```", "```python\n"):
        assert not submit(daemon, nothing, provided_data=row)["accepted"]


def test_functions_are_tested_out_of_their_reach(daemon: Daemon) -> None:
    assert submit(daemon, fenced("def f(x):\n    return 2 * x"), dataset="doubled", row_id=8)["accepted"]
    for cheat in (
        "def f(x):\n    return x",
        "raise SystemExit(0)",
        "class A:\n __eq__ = lambda *_: True\nf = lambda x: A()",
    ):
        answer = submit(daemon, fenced(cheat), dataset="doubled", row_id=8)
        assert (answer["accepted"], answer["extra"]) == (False, None)
    goes_on = submit(daemon, "    return x > 0\n\ndef cut of", dataset="above", row_id="HumanEval/x")
    assert goes_on["accepted"], goes_on
    whole = fenced(f"{ABOVE['prompt']}    return x > 0")
    assert submit(daemon, whole, dataset="above", row_id="HumanEval/x", extra={"is_freeform": True})["accepted"]
    assert not submit(daemon, "    return True\n", provided_data=ABOVE)["accepted"]


def test_a_row_whose_own_solution_fails_judges_nobody(daemon: Daemon) -> None:
    """Its test is at fault, as far as anybody can tell; a right solution makes it sound."""
    wrong_test = {**ABOVE, "test": "def check(candidate):\n    assert candidate(1) is Truth\n"}
    for row, solution, field in (
        (wrong_test, "    return x > 0\n", "config.provided_data.canonical_solution"),
        (ABOVE, "    return x >= 0\n", "config.provided_data.canonical_solution"),
        (ABOVE, "    return x > 0\n", None),
        (ABOVE, "    return math.floor(x) > 0\n", None),
        (ABOVE, " ", None),
    ):
        config = {"provided_data": {**row, "canonical_solution": solution}}
        asked = {"dataset": "", "id": 1, "completion": "    return False\n", "config": config}
        status, answer = daemon.post("/submit", asked)
        assert (status, answer.get("error", {}).get("field")) == (200 if field is None else 422, field), answer
        assert answer.get("accepted", False) is False
    assert submit(daemon, "    return x > 0\n", provided_data=ABOVE)["accepted"]


def test_a_batch_of_inputs_and_outputs(daemon: Daemon) -> None:
    cases = {"type": "stdin_stdout", "input": ["1 2", "5 5"], "output": ["Sum 3", "SUM 10"], "fn_name": None}
    answer = batch(daemon, fenced(RIGHT), cases)
    assert (answer["accepted"], len(answer["tests"])) == (True, 2)
    # ScaleBox takes an output that goes on after the expected one.
    assert not batch(daemon, fenced(RIGHT + "; print('more')"), cases)["accepted"]


def test_tests_one_by_one(daemon: Daemon) -> None:
    cases = [{"type": "stdin_stdout", "input": f"{n} 1", "output": f"sum {n + 1}"} for n in range(2)]
    fields = {"completion": fenced(RIGHT), "config": {"language": "python", "provided_data": {"test_cases": cases}}}
    status, answer = daemon.post("/common_evaluate", fields)
    assert (status, answer["accepted"], len(answer["tests"])) == (200, True, 2)
    older = {"test": [{"input": {"stdin": "1 1"}, "output": {"stdout": "sum 2"}}]}
    fields["config"] = {"language": "python", "provided_data": older}
    status, answer = daemon.post("/common_evaluate", fields)
    assert (status, answer["accepted"], len(answer["tests"])) == (200, True, 1)


def test_a_batch_of_calls(daemon: Daemon) -> None:
    cases = {"type": "function_call", "fn_name": "f", "input": [["ab"], ["ba"]], "output": [[["a", "b"]], [["b", "a"]]]}
    assert batch(daemon, fenced("def f(x):\n    return tuple(x)"), cases)["accepted"]
    assert batch(daemon, fenced("class Solution:\n    def f(self, x: str) -> List[str]:\n        return [*x]"), cases)[
        "accepted"
    ]
    wrong = batch(daemon, fenced("f = sorted"), cases, extra={"run_all_cases": True})
    assert [test["passed"] for test in wrong["tests"]] == [True, False]
    in_json = {"fn_name": "f", "json_input": True, "input": ["1\n[2]"], "output": ["[1, 2]"]}
    assert batch(daemon, fenced("def f(a, b):\n    return [a, *b]"), in_json)["accepted"]


def test_a_batch_of_asserts(daemon: Daemon) -> None:
    cases = {"type": "assert", "test": ABOVE["test"], "entry_point": "above"}
    assert batch(daemon, fenced("def above(x):\n    return x > 0"), cases)["accepted"]
    tests = "}\nint main() {\n  if (!above(1) || above(0)) return 1;\n}\n"
    answer = batch(
        daemon,
        fenced("bool above(long x) {\n  return x > 0;\n}", "cpp"),
        {"type": "assert", "tests": tests},
        language="cpp",
    )
    assert (answer["accepted"], answer["extra"]) == (True, {"forgeable": True}), answer


POLY = "def poly(xs: List[int], x: int):\n    return sum(a * x**i for i, a in enumerate(xs))"
HELPED = {
    "type": "assert",
    "prompt": f"from typing import List\n\n{POLY}\n\n\ndef root(xs: List[int]):\n",
    "test": "def check(candidate):\n    assert poly([6, -2], candidate([6, -2])) == 0\n",
    "entry_point": "root",
}


def test_asserts_keep_the_helpers_of_their_prompt(daemon: Daemon) -> None:
    """Those of a completion would say what the tests want to hear; and one without imports finds the prompt's."""
    assert batch(daemon, fenced("def root(xs: List[int]):\n    return -xs[0] / xs[1]"), HELPED)["accepted"]
    cheat = "def poly(xs, x):\n    return 0\n\ndef root(xs):\n    return 7"
    assert not batch(daemon, fenced(cheat), HELPED)["accepted"]
    includes = {"type": "assert", "prompt": "#include <cassert>\nlong half(long x) {\n", "entry_point": "half"}
    tests = "\nint main() {\n  assert(half(4) == 2);\n}\n"
    answer = batch(
        daemon, fenced("long half(long x) {\n  return x / 2;\n}", "cpp"), {**includes, "tests": tests}, language="cpp"
    )
    assert answer["accepted"], answer


def test_functions_find_the_imports_that_theirs_gives_them(daemon: Daemon) -> None:
    root = {**ABOVE, "test": "def check(candidate):\n    assert candidate(4) == 2\n"}
    assert submit(daemon, "    return math.sqrt(x)\n", provided_data=root)["accepted"]
    future = "from __future__ import annotations\nimport math\ndef above(x: List[int]):\n    return math.sqrt(x)\n"
    assert submit(daemon, fenced(future), provided_data=root, extra={"is_freeform": True})["accepted"]
    open_end = {**root, "prompt": ABOVE["prompt"].rstrip("\n")}
    assert submit(daemon, "    return x ** 0.5\n", provided_data=open_end)["accepted"]


def test_a_function_s_row_may_have_other_columns(daemon: Daemon) -> None:
    """As LeetCodeDataset has, which would tell another form of row."""
    row = {**ABOVE, "input_output": [{"input": "x = 1", "output": "True"}], "test_cases": "{}"}
    assert submit(daemon, "    return x > 0\n", provided_data=row)["accepted"]


def test_a_special_judge_looks_at_what_differs(daemon: Daemon) -> None:
    judge = (
        "import sys\nread = lambda name: open(name).read()\n"
        "a, b = map(int, read('answer.txt').split())\n"
        "sys.exit(0 if a + b == int(read('stdin.txt')) and read('stdout.txt') else 1)\n"
    )
    cases = {"type": "stdin_stdout", "input": ["3", "7"], "output": ["1 2", "3 4"]}
    extra = {"special_judge_program": judge, "special_judge_language": "python"}
    assert batch(daemon, fenced("print(int(input()) - 1, 1)"), cases, extra=extra)["accepted"]
    assert not batch(daemon, fenced("print(int(input()), 1)"), cases, extra=extra)["accepted"]
    # It breaks down over this output.
    assert not batch(daemon, fenced("print('x')"), cases, extra=extra)["accepted"]
    broken = {
        "completion": fenced("print(1)"),
        "config": {"language": "python", "provided_data": {"test_cases": cases}},
    }
    broken["config"]["extra"] = {"special_judge_program": "raise OSError"}  # type: ignore[index]
    status, answer = daemon.post("/common_evaluate_batch", broken)
    assert (status, answer["error"]["kind"]) == (504, "sandbox")


def test_a_special_judge_decides_alone_where_it_is_told_to(daemon: Daemon) -> None:
    cases = {"type": "stdin_stdout", "input": ["3"], "output": ["1 2"]}
    extra = {"special_judge_program": "raise SystemExit(open('answer.txt').read() == '1 2\\n')"}
    assert batch(daemon, fenced("print(1, 2)"), cases, extra=extra)["accepted"]
    extra["force_special_judge"] = "true"
    assert not batch(daemon, fenced("print(1, 2)"), cases, extra=extra)["accepted"]
    assert batch(daemon, fenced("print(2, 1)"), cases, extra=extra)["accepted"]


LAST_BLOCK = """
print("what it prints is nobody's")
blocks = extract_fenced_code(completion)
submit_code_blocks([CodeBlock(priority=40, code=blocks[-1].code.split("\\nassert")[0], language="python")])
"""


def test_a_request_s_own_extract_logic_finds_the_program(daemon: Daemon) -> None:
    row = {**ADD, "test": [{"input": {"stdin": "1 2"}, "output": {"stdout": "sum 3"}}]}
    completion = fenced("print(0)") + fenced(RIGHT + "\nassert 0", "py")
    answer = submit(daemon, completion, provided_data=row, custom_extract_logic=LAST_BLOCK)
    assert (answer["accepted"], answer["extracted_code"], answer["extracted_type"]) == (True, RIGHT, None)
    # Of the same priority the rules' own block comes first; without any of its blocks they stand alone.
    for logic in ("pass", LAST_BLOCK.replace("40", "30"), LAST_BLOCK.replace("40", "20")):
        answer = submit(daemon, completion, provided_data=row, custom_extract_logic=logic)
        assert (answer["extracted_code"], answer["extracted_type"]) == ("print(0)", "fenced")
    # The completion is data, with its line ends, and what its logic may be told of languages is theirs.
    logic = (
        "tags = [block.language for block in extract_fenced_code(completion)]\n"
        "heuristics = [block.code for block in extract_heuristic_code(completion, 'python')]\n"
        "code = f'{tags} {heuristics} {len(completion)}'\n"
        "submit_code_blocks([CodeBlock(priority=99, code=code, language='')])"
    )
    said = "```C++\r\nx\n```\n```JS\ny\n```\n```odd\nz\n```\ndef f():\n  1\nclass A:\n  2\n"
    answer = submit(daemon, said, provided_data=row, custom_extract_logic=logic)
    found = ["def f():\n  1\n", "class A:\n  2\n"]
    assert answer["extracted_code"] == f"{['cpp', 'nodejs', '']} {found} {len(said)}"


@pytest.mark.parametrize(
    ("logic", "problem"),
    [
        (LAST_BLOCK, "IndexError: list index out of range"),
        ("def", "SyntaxError: invalid syntax"),
        ("submit_code_blocks(['x'])", "TypeError: submit_code_blocks takes CodeBlocks, not str"),
        ("submit_code_blocks([CodeBlock(priority='x', code='', language='')])", "Expected `int`"),
        ("submit_code_blocks([CodeBlock(priority=1, code='\\ud800', language='')])", "UnicodeEncodeError"),
        ("x = bytearray(1 << 30)", "MEMORY_LIMIT"),
        ("import os; os.kill(os.getpid(), 9)", "RUNTIME_ERROR"),
        ("while True: pass", "TIME_LIMIT"),
        ("raise SystemExit", "truncated"),
    ],
)
def test_an_extract_logic_that_fails_is_a_wrong_request(daemon: Daemon, logic: str, problem: str) -> None:
    config = {"provided_data": ADD, "language": "python", "custom_extract_logic": logic}
    status, answer = daemon.post("/submit", {"dataset": "", "id": 7, "completion": "no fence", "config": config})
    assert (status, answer["error"]["field"]) == (422, "config.custom_extract_logic"), answer
    assert problem in answer["error"]["message"]


def test_output_of_many_tests_is_bounded(start_daemon: StartDaemon) -> None:
    cases = {"type": "stdin_stdout", "input": ["a", "b", "a"], "output": ["a" * 60, "b", "a" * 60]}
    daemon = start_daemon(config="[server]\nbatch_bytes = 100\n")
    answer = batch(daemon, fenced("print(60 * input())"), cases, extra={"run_all_cases": True})
    daemon.stop()
    assert [test["passed"] for test in answer["tests"]] == [True, False, True]
    told = [(test["exec_info"]["run_result"]["stdout"], test["exec_info"]["message"]) for test in answer["tests"]]
    assert told[0] == ("a" * 60 + "\n", "")
    assert told[1] == told[2]
    assert (told[1][0], "batch_bytes" in told[1][1]) == ("", True)


def test_the_total_is_of_the_program_s_own_time(daemon: Daemon) -> None:
    cases = {"type": "stdin_stdout", "input": ["1"] * 3, "output": ["1"] * 3}
    extra = {"total_timeout": 0.3, "run_all_cases": True}
    answer = batch(
        daemon, fenced("import time\nwhile time.process_time() < 0.4: pass\nprint(input())"), cases, extra=extra
    )
    assert [test["passed"] for test in answer["tests"]] == [True, False, False]
    assert answer["tests"][1]["exec_info"]["message"] == "Total Timeout"


@no_slot_in_it
@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        ("/submit", {}, "completion"),
        ("/submit", {"dataset": None}, "dataset"),
        ("/submit", {"config": {"language": "python"}}, "dataset"),
        ("/submit", {"config": {"provided_data": ADD}}, "config.language"),
        ("/submit", {"config": {"provided_data": ADD, "language": "cuda"}}, "config.language"),
        ("/submit", {"config": {"provided_data": ADD, "language": "Go"}}, "config.language"),
        ("/submit", {"config": {"provided_data": ADD, "language": "python", "run_timeout": -1}}, "config.run_timeout"),
        ("/submit", {"config": {"provided_data": ADD, "language": "python", "run_timeout": 1e9}}, "config.run_timeout"),
        ("/submit", {"config": {"provided_data": DOUBLED, "mem_limit": 1 << 40}}, "config.mem_limit"),
        ("/submit", {"config": {"provided_data": DOUBLED, "mem_limit": -5}}, "config.mem_limit"),
        ("/submit", {"config": {"provided_data": DOUBLED, "compile_timeout": -5}}, "config.compile_timeout"),
        (
            "/submit",
            {"config": {"provided_data": {**ADD, "test": "["}, "language": "bash"}},
            "config.provided_data.test",
        ),
        ("/submit", {"config": {"provided_data": ADD, "dataset_type": "AutoEvalDataset"}}, "config.dataset_type"),
        (
            "/submit",
            {"config": {"provided_data": {**ABOVE, "test": "def check(:"}}},
            "config.provided_data.test",
        ),
        (
            "/submit",
            {"config": {"provided_data": {"prompt": "", "tests": [{"input": "1", "output": "1"}]}}},
            "config.provided_data.language",
        ),
        (
            "/common_evaluate_batch",
            {
                "config": {
                    "language": "python",
                    "provided_data": {"test_cases": SUMS},
                    "extra": {"force_special_judge": True},
                }
            },
            "config.extra.special_judge_program",
        ),
        (
            "/submit",
            {"config": {"provided_data": ABOVE, "custom_extract_logic": "pass"}},
            "config.custom_extract_logic",
        ),
        (
            "/submit",
            {"config": {"provided_data": {**DOUBLED, "test_list": ["assert f(1)", "f ="]}}},
            "config.provided_data.test_list[1]",
        ),
        (
            "/common_evaluate_batch",
            {"config": {"language": "python", "provided_data": {"test_cases": {"type": "assert", "tests": "f ="}}}},
            "config.provided_data.test_cases.tests",
        ),
        ("/common_evaluate_batch", {"config": {"language": "python"}}, "config.provided_data.test_cases"),
        (
            "/common_evaluate_batch",
            {"config": {"language": "python", "provided_data": {"test_cases": [{**CALL, "input": [1]}]}}},
            "config.provided_data.test_cases[0].output",
        ),
        (
            "/common_evaluate_batch",
            {"config": {"language": "python", "provided_data": {"test_cases": [CALLED, {**CALLED, "fn_name": "g"}]}}},
            "config.provided_data.test_cases[1].fn_name",
        ),
        (
            "/common_evaluate_batch",
            {"config": {"language": "python", "provided_data": {"test_cases": LONE}}},
            "config.provided_data.test_cases.output[0][0]",
        ),
        (
            "/common_evaluate_batch",
            {"config": {"language": "python", "provided_data": {"test_cases": SUMS}, "extra": NO_JUDGE}},
            "config.extra.special_judge_program",
        ),
        (
            "/submit",
            {"config": {"provided_data": {**ADD, "test": TEST_WITH_HALF_A_CHARACTER}, "language": "python"}},
            "config.provided_data.test[0].input.stdin",
        ),
        ("/list_ids", {"offset": -1}, "offset"),
        ("/get_prompts", {"limit": -1}, "limit"),
        ("/get_prompts", {"config": {}}, "dataset"),
        ("/list_ids", {"config": {"provided_data": {}}}, "config.provided_data"),
    ],
)
def test_a_wrong_request_names_its_field(daemon: Daemon, path: str, fields: dict[str, Any], field: str) -> None:
    asked = {
        "dataset": "none",
        "id": 1,
        **({} if field == "completion" else {"completion": ""}),
        "config": {},
        **fields,
    }
    status, answer = daemon.post(path, asked)
    assert status == 422, answer
    assert answer["detail"][0]["loc"] == ["body", field]
    name = field.removeprefix("config.")
    if isinstance(fields.get("config", {}).get(name), int | float):
        assert answer["error"]["value"] == fields["config"][name]


def test_what_waits_too_long_is_neither_accepted_nor_not(start_daemon: StartDaemon, marked: Marked) -> None:
    full = start_daemon(config="[server]\nrun_code_queue_seconds = 0.05\n", slots=1)
    with full.connect() as other:
        other.send(id=1, op="run", source=marked.source, language="bash", limits={"cpu_seconds": 60})
        marked.wait_alive()
        config = {"language": "python", "provided_data": ADD}
        for path in ("/submit", "/common_evaluate_batch"):
            if path == "/common_evaluate_batch":
                config["provided_data"] = {"test_cases": {"input": [""], "output": [""]}}
            asked = {"dataset": "", "id": 1, "completion": fenced(RIGHT), "config": config}
            status, answer = full.post(path, asked)
            assert (status, answer["error"]["kind"]) == (504, "overloaded")
    full.stop()


@no_slot_in_it
def test_their_client_lists_and_prompts(daemon: Daemon) -> None:
    endpoint = {"endpoint": daemon.http}
    config = sandbox_fusion.TestConfig(language="cpp")
    assert daemon.get("/list_datasets") == (200, ["sums", "doubled", "above", "named"])
    assert daemon.post("/list_ids", {"dataset": "sums", "config": {}}) == (200, [7])
    asked = sandbox_fusion.GetPromptsRequest(dataset="sums", config=config)
    (prompt,) = sandbox_fusion.get_prompts(asked, **endpoint)
    assert (prompt.id, prompt.labels) == (7, {"difficulty": "EASY"})
    assert prompt.prompt.startswith("Add two numbers.")
    assert "cpp" in prompt.prompt
    one = sandbox_fusion.GetPromptByIdRequest(dataset="above", id="HumanEval/x", config=config)
    assert sandbox_fusion.get_prompt_by_id(one, **endpoint).prompt == ABOVE["prompt"]
    other = sandbox_fusion.GetPromptByIdRequest(dataset="named", id="a", config=config)
    assert sandbox_fusion.get_prompt_by_id(other, **endpoint).id == "a"


def test_their_client_submits(daemon: Daemon) -> None:
    request = sandbox_fusion.SubmitRequest(
        dataset="doubled",
        id=8,
        completion=fenced("f = lambda x: x * 2"),
        config=sandbox_fusion.TestConfig(language="python"),
    )
    result = sandbox_fusion.submit(request, endpoint=daemon.http)
    assert (result.accepted, len(result.tests)) == (True, 1)
