"""`import trainer` works where none of its packages is installed, and says what a Trainer needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = "import sys\nfor name in {names!r}: sys.modules[name] = None\n"


def run(code: str, *blocked: str) -> str:
    script = BLOCKED.format(names=blocked) + code
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_configuration_and_records_need_no_package_of_the_trainer() -> None:
    code = "from trainer import Prompt, TrainerConfig, StaleWeights\nprint(TrainerConfig.load().update.tau)"
    assert run(code, "torch", "transformers", "vllm", "numpy", "matplotlib") == "0.1\n"


@pytest.mark.parametrize("package", ["torch", "transformers"])
@pytest.mark.parametrize("place", ["trainer", "assay"])
def test_a_trainer_names_the_line_that_installs_what_is_missing(package: str, place: str) -> None:
    code = f"try:\n    from {place} import Trainer\nexcept ImportError as error:\n    print(error)"
    assert run(code, package) == f"trainer needs {package}: pip install 'assay[trainer]'\n"


def test_a_command_says_it_too() -> None:
    code = "from trainer.__main__ import main\nsys.stderr = sys.stdout\nprint(main(['run']))"
    assert run(code, "torch") == "trainer: trainer needs torch: pip install 'assay[trainer]'\n1\n"


def test_without_vllm_the_engine_is_refused_by_name() -> None:

    code = (
        "from trainer.rollout_vllm import VLLMRollouts\n"
        "from trainer import TrainerConfig\n"
        "try:\n    VLLMRollouts(TrainerConfig(), [1])\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    said = run(code, "vllm")
    assert "pip install 'assay[vllm]'" in said
