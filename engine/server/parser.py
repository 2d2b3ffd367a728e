"""What clients ask for: bodies into requests, runs and items, with what the daemon gives where they say nothing."""

from __future__ import annotations

from typing import Any

from engine.config.settings import Settings
from engine.errors import BadInput
from engine.scorer import Parsed, Scorers, parsed_item
from engine.wire.messages import Request, Run, check_batch, request_from


class Parser:
    """Parses for any face; every method raises BadInput."""

    def __init__(self, scorers: Scorers, settings: Settings) -> None:
        self._scorers = scorers
        self._limits = settings.engine.limits
        self._compile_limits = settings.engine.compile_limits
        self._batch_items = settings.server.batch_items

    def request(self, op: str, fields: dict[str, Any]) -> Request:
        """The request in a decoded map; limits that it leaves out are this daemon's."""
        return request_from(op, fields, limits=self._limits, compile_limits=self._compile_limits)

    def run(self, fields: dict[str, Any]) -> Run:
        """One run."""
        request = self.request("run", fields)
        if not isinstance(request, Run):
            raise BadInput("batch", None, "only a frame has it: expected the fields of one run, or a list of such")
        return request

    def runs(self, wanted: list[Any], field: str = "body") -> list[Run | BadInput]:
        """Many runs, a wrong one as what is wrong with it; BadInput is raised for too many."""
        check_batch(wanted, self._batch_items, field)
        return [self._run_or_error(fields) for fields in wanted]

    def _run_or_error(self, fields: object) -> Run | BadInput:
        if not isinstance(fields, dict):
            return BadInput("run", fields, "expected a map")
        try:
            return self.run(fields)
        except BadInput as error:
            return error

    def item(self, wanted: object) -> Parsed:
        """One item, parsed by its scorer."""
        return parsed_item(self._scorers, wanted)

    def items(self, wanted: list[Any], field: str = "body") -> list[Parsed]:
        """Many items; BadInput is raised for too many or, its field beginning with the index, for a wrong one."""
        check_batch(wanted, self._batch_items, field)
        items = []
        for index, item in enumerate(wanted):
            if not isinstance(item, dict):
                raise BadInput(f"[{index}]", item, "expected a map")
            try:
                items.append(self.item(item))
            except BadInput as error:
                raise error.below(f"[{index}]") from None
        return items
