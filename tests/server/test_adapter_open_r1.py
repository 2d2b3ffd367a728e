"""open-r1's data set and the signature of its reward, after its source, version 0.1.0."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from rewards.adapters.open_r1 import code_reward
from rewards.adapters.samples import ADDRESS
from rewards.adapters.trl import assay_reward

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

STDIN: dict[str, Any] = {
    "language": "python",
    "test_cases": [
        {"fn_name": None, "input": "1\n", "output": "2\n", "type": "stdin_stdout"},
        {"fn_name": None, "input": "2\n", "output": "4\n", "type": "stdin_stdout"},
    ],
}
CALL: dict[str, Any] = {
    "language": "python",
    "test_cases": [{"fn_name": "double", "input": "2", "output": "4", "type": "function_call"}],
}
CPP = {**STDIN, "language": "cpp"}
INFOS = [STDIN, STDIN, CALL, CPP]
SAID = [
    "```python\nprint(int(input()) * 2)\n```",
    "```python\nprint(2)\n```",
    "```python\ndef double(n):\n    return 2 * n\n```",
    "```cpp\n#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }\n```",
]
CHATS = [[{"role": "assistant", "content": said}] for said in SAID]


@pytest.fixture(autouse=True)
def address(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, daemon.address)


async def test_its_own_call() -> None:
    assert inspect.iscoroutinefunction(code_reward)
    assert await code_reward(CHATS, verification_info=INFOS) == [1.0, 0.5, 1.0, 1.0]
    found = await code_reward(CHATS, 8, "piston", True, prompts=[""] * 4, verification_info=INFOS)
    assert found == [1.0, 0.5, 1.0, 1.0]


async def test_its_data_set_with_trls_function() -> None:
    assert await assay_reward([""] * 4, SAID, verification_info=INFOS) == [1.0, 0.0, 1.0, 1.0]
