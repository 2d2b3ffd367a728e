"""Corners in which a warm start can be told from a cold one, and why that is as it is."""

from __future__ import annotations

_FINDER = "the first finder on sys.meta_path is the zygote's"
_SERVED = "a module is given with all that it imported: nobody is asked for those, and no directory is listed"
_ORDER = "a package is imported before its module without the import that the zygote watches"
_MADE = "modules are in memory before they are imported: their classes and registrations are seen"
_OWN_HELP = "the import system itself asks for what the program has broken, which a given module needs less of"
_C_MODULES = "a module of C is made once in a process: a second import of it imports nothing"
_UNORDERED = "finalizers of one collection run in no order that is promised"
_FROZEN = "what was made ahead of the program is not counted as garbage, nor collected"
_FORK = "the kernel shows a fork, of a process that root had started with a library more"

ACCEPTED = {
    "interpreter: modules after many imports": _ORDER,
    "interpreter: modules after imports from": _ORDER,
    "interpreter: meta path": _FINDER,
    "interpreter: length of the meta path": _FINDER,
    "interpreter: importer cache after an import": _SERVED,
    "interpreter: audit hook and an import": _SERVED,
    "interpreter: audit hook that refuses": _SERVED,
    "interpreter: audit hook to the end": "that nothing with a finalizer is left is found by gc.get_objects",
    "interpreter: builtins patched": _OWN_HELP,
    "interpreter: builtins deleted": _OWN_HELP,
    "interpreter: types of what preloading could change": _MADE,
    "interpreter: subclasses of exceptions": _MADE,
    "interpreter: subclasses of object": _MADE,
    "endings: generators left open": _UNORDERED,
    "endings: del in several modules": _UNORDERED,
    "endings: statistics of garbage": _FROZEN,
    "endings: counts of collections": _FROZEN,
    "endings: frozen": _FROZEN,
    "endings: del of circles while running": _FROZEN,
    "imports: own collections.py": _C_MODULES,
    "imports: own operator.py": _C_MODULES,
    "imports: own keyword.py": _C_MODULES,
    "imports: own reprlib.py": _C_MODULES,
    "imports: own numbers.py": _C_MODULES,
    "imports: modules forbidden": _C_MODULES,
    "imports: import at the limit of recursion": _SERVED,
    "imports: changed directory": _SERVED,
    "imports: importers": _FINDER,
    "imports: import of the prelude's helpers": _FINDER,
    "library: caches of re": _MADE,
    "library: caches of functools": _MADE,
    "library: caches of abc": _MADE,
    "library: copyreg": _MADE,
    "library: weak counts": _MADE,
    "system: environment of the kernel, all of it": "where LD_PRELOAD stood there are zeros",
    "system: stat": _FORK,
    "system: libraries that are mapped": _FORK,
    "system: everything that is mapped": _FORK,
    "system: mapped files without a name": _FORK,
    "system: auxiliary vector": _FORK,
    "system: import when descriptors are used up": _SERVED,
}
