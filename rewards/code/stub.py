"""The code that a completion goes on from: HumanEval's prompts, and those of other languages made after them."""

from __future__ import annotations

import re
from typing import Final

import msgspec

FUTURE: Final = re.compile(r"^from[ \t]+__future__\b", re.MULTILINE)
_PREAMBLE: Final = re.compile(r"[ \t]*(?:#[ \t]*include\b|using\b)")


class Stub(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`code` ends where the completion begins, inside the function `name`."""

    code: str
    name: str

    def context(self, language: str) -> str:
        """What stands before the function: imports, and helpers that tests may use too."""
        found = self._definition(language).search(self.code)
        return self.code[: found.start()] if found else ""

    def completed(self, source: str, language: str) -> str:
        """The program that `source` is: after the stub, or, where it has the function itself, after what that needs."""
        if not self._definition(language).search(source):
            return self.code + source
        before = self.context(language)
        if language == "python":
            return source if not before.strip() or FUTURE.search(source) else f"{before}\n{source}"
        # Anything but these may be there once only, and the program may bring it along.
        lines = [line for line in before.split("\n") if _PREAMBLE.match(line) and line not in source]
        return "\n".join([*lines, source])

    def _definition(self, language: str) -> re.Pattern[str]:
        name = re.escape(self.name)
        if language == "python":
            return re.compile(rf"^(?:async[ \t]+)?def[ \t]+{name}\b", re.MULTILINE)
        # At the margin, before a bracket: `bool f(`, `std::vector<int> f(`, `function f(`, `f() {`.
        return re.compile(rf"^(?:[^\W\d][^\n=;#/(]{{0,200}}[\s*&])?{name}[ \t]*\(", re.MULTILINE)
