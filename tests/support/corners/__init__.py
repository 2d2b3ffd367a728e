"""Corners of Python and its library, each a small program, by name; a name begins with the area it is of."""

from __future__ import annotations

from tests.support.corners import endings, errors, imports, interpreter, library, streams, system, threads
from tests.support.corners.corner import Corner

AREAS = {
    "interpreter": interpreter.CORNERS,
    "streams": streams.CORNERS,
    "errors": errors.CORNERS,
    "endings": endings.CORNERS,
    "threads": threads.CORNERS,
    "imports": imports.CORNERS,
    "library": library.CORNERS,
    "system": system.CORNERS,
}


def corners(area: str) -> dict[str, Corner]:
    """The programs of an area."""
    return {
        f"{area}: {name}": corner if isinstance(corner, Corner) else Corner(source=corner)
        for name, corner in AREAS[area].items()
    }
