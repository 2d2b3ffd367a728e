"""The paths that `assay serve` has for other trainers."""

from __future__ import annotations

from typing import Final

from engine.server.routes import Routes

ROUTES: Final[Routes] = {}
