"""Whether a row's own solution passes its own test: where it does not, no completion was judged by it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from engine.errors import BadInput
from engine.program import Verdict
from rewards.code.item import CodeItem
from rewards.sandbox_fusion.cases import Cases, statement_cases
from rewards.sandbox_fusion.trial import Told

_COLUMN: Final = "canonical_solution"
_KEPT: Final = 8192


class Sound:
    """The rows whose solution has passed: it is asked once, when a completion fails."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    async def check(
        self, row: Mapping[str, Any], item: CodeItem, field: str, tried: Callable[[Cases], Awaitable[Told]]
    ) -> None:
        """Raises BadInput for a row that is at fault; one without a solution, or a stub that it goes on, is not asked.

        field  where the row stands
        tried  what comes of a program put to tests
        """
        reference = row.get(_COLUMN)
        if item.stub is None or not isinstance(reference, str) or not reference.strip():
            return
        source = item.stub.completed(reference, item.language)
        digest = hashlib.sha256(repr((source, item.tests)).encode()).digest()
        if digest in self._seen:
            return
        told = await tried(statement_cases(source, item.tests, item.language, imports=True))
        if told.verdict is not Verdict.ACCEPTED:
            message = f"does not pass the row's own test ({told.verdict.value}): nothing is judged by it"
            raise BadInput(f"{field}.{_COLUMN}", reference, message)
        self._seen[digest] = None
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
