"""What a zygote does in Python: imports modules and hides them, and ends a program as the interpreter would.

A module that was imported ahead of a program must not be seen by it until it imports it itself. So each lies on a
shelf: out of sys.modules, and not an attribute of its package. The program's first import of it takes it down, with the
modules that it imported in turn, in their order. Where a file of the program's has the name of one of them, nothing is
taken down and the ordinary import follows.

Version-dependent only in what `python.rs` and the interpreter itself depend on: 3.9 and later.
"""

import sys

_MODULES = sys.modules
_AT_START = dict(_MODULES)

import _contextvars  # noqa: E402
import _functools  # noqa: E402
import atexit  # noqa: E402
import builtins  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402

# A program may put anything in the place of these later; its builtins are not ours, either.
_collect, _getframe = gc.collect, sys._getframe
_stat, _listdir, _open, _read, _close = os.stat, os.listdir, os.open, os.read, os.close
# Those of the interpreter itself: its end takes away what it or site adds later.
_BUILTINS = dict(vars(builtins))
for _name in ("open", "copyright", "credits", "exit", "help", "license", "quit"):
    _BUILTINS.pop(_name, None)

_import, _later, _context = builtins.__import__, _functools.partial, _contextvars.copy_context
trace, profile, threads, at_exit = sys.gettrace, sys.getprofile, _MODULES["_thread"]._count, atexit._run_exitfuncs
_streams = (sys.stdout, sys.stderr)
_callbacks = gc.callbacks
_weak = _MODULES["_weakref"].ref
_Module = type(sys)
_names_of = _Module.__dict__["__dict__"].__get__
_type, _objects, _debug, _blocks = type, gc.get_objects, gc.get_debug, sys.getallocatedblocks
_filters = _MODULES["_warnings"].filters
_class_names_of, _bases_of = type.__dict__["__dict__"].__get__, type.__dict__["__mro__"].__get__
_PLAIN = (dict, list, tuple, set, frozenset, _Module, type(lambda: 0), type((lambda x: lambda: x)(0).__closure__[0]))
ModuleSpec = _MODULES["_frozen_importlib"].ModuleSpec
SourceFileLoader = _MODULES["_frozen_importlib_external"].SourceFileLoader
# What asks finders for a module that is to be imported, not for its spec alone.
_IMPORTING = _MODULES["_frozen_importlib"]._find_and_load_unlocked.__code__
# Who seems to import what a library of C imports.
_MACHINERY = ("importlib._bootstrap", "_frozen_importlib", None)
_DIRECTORY = 0o040000
