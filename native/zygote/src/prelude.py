"""What a zygote does in Python: imports modules and hides them, and ends a program as the interpreter would.

A module that was imported ahead of a program must not be seen by it until it imports it itself. So each lies on a
shelf: out of sys.modules, and not an attribute of its package. The program's first import of it takes it down, with the
modules that it imported in turn, in their order. Where a file of the program's has the name of one of them, nothing is
taken down and the ordinary import follows.

Version-dependent only in what `python.rs` and the interpreter itself depend on: 3.9 and later.
"""

import sys

_AT_START = frozenset(sys.modules)

import builtins  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402

_ref = sys.modules["_weakref"].ref
ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec
SourceFileLoader = sys.modules["_frozen_importlib_external"].SourceFileLoader


class _Imports:
    """Notes, for each module that is being imported, which ones it imported itself, in order."""

    def __init__(self):
        self.of = {}
        self._import = builtins.__import__

    def __enter__(self):
        builtins.__import__ = self._noted
        return self

    def __exit__(self, *_):
        builtins.__import__ = self._import

    def _noted(self, name, globals=None, locals=None, fromlist=(), level=0):
        module = self._import(name, globals, locals, fromlist, level)
        importer = globals.get("__name__") if globals else None
        if importer:
            self._note(importer, self._absolute(name, globals, level), fromlist or ())
        return module

    def _note(self, importer, name, fromlist):
        noted = self.of.setdefault(importer, {})
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            noted[".".join(parts[:count])] = None
        for item in fromlist:
            if f"{name}.{item}" in sys.modules:
                noted[f"{name}.{item}"] = None

    @staticmethod
    def _absolute(name, globals, level):
        if not level:
            return name
        package = globals.get("__package__") or globals["__name__"].rpartition(".")[0]
        base = package.rsplit(".", level - 1)[0] if level > 1 else package
        return f"{base}.{name}" if name else base


class _ForkHooks:
    """Keeps hooks that modules register for a fork: each is for after its module has left the shelf."""

    def __init__(self):
        self.of = {}
        self._register = os.register_at_fork

    def __enter__(self):
        os.register_at_fork = self._keep
        return self

    def __exit__(self, *_):
        os.register_at_fork = self._register

    def _keep(self, **hooks):
        self.of.setdefault(sys._getframe(1).f_globals["__name__"], []).append(hooks)

    def run(self, name):
        """As if the module had registered them here, and a fork had followed."""
        for hooks in self.of.get(name, ()):
            self._register(**hooks)
            if "after_in_child" in hooks:
                hooks["after_in_child"]()


class _Loader:
    """Gives a module that is there already."""

    def __init__(self, shelf):
        self._shelf = shelf

    def create_module(self, spec):
        self._spec = self._shelf.modules[spec.name].__spec__
        return self._shelf.modules[spec.name]

    def exec_module(self, module):
        module.__spec__ = self._spec
        self._shelf.take(self._spec.name, whole=False)


class _Shelf:
    """The first finder on sys.meta_path: modules that were imported, and that nobody has asked for yet."""

    def __init__(self, imports, hooks):
        self._hooks = hooks
        self.modules = {name: sys.modules.pop(name) for name in list(sys.modules) if name not in _AT_START}
        self._order = {name: tuple(n for n in imports.of.get(name, ()) if n in self.modules) for name in self.modules}
        self._attributes = set()
        for name, module in self.modules.items():
            parent, _, child = name.rpartition(".")
            package = self.modules.get(parent) or sys.modules.get(parent)
            # unittest.main is a class: what a package put in the place of its module stays.
            if package is not None and vars(package).get(child) is module:
                self._attributes.add(name)
        for name in self._attributes:
            parent, _, child = name.rpartition(".")
            delattr(self.modules.get(parent) or sys.modules[parent], child)
        self._tops = {name: self._top_names(name, set()) for name in self.modules}
        self._path = frozenset(sys.path)
        self._listings = {}
        self.names = frozenset(self.modules)

    def _top_names(self, name, seen):
        """The first parts of all names that importing this one imports."""
        if name not in self.modules or name in seen:
            return frozenset()
        seen.add(name)
        parent = name.rpartition(".")[0]
        names = {name.partition(".")[0]}
        for other in (parent, *self._order[name]):
            names |= self._top_names(other, seen)
        return frozenset(names)

    def find_spec(self, name, path=None, target=None):
        """A module that is here, unless a file on the program's part of sys.path comes before it."""
        if name in self.modules and not self._shadowed(self._tops[name]):
            return ModuleSpec(name, _Loader(self))
        return None

    def _shadowed(self, names):
        for entry in sys.path:
            if entry in self._path:
                continue
            try:
                changed = os.stat(entry).st_mtime_ns
            except (OSError, TypeError, ValueError):
                continue
            known = self._listings.get(entry)
            if known is None or known[0] != changed:
                there = frozenset(name.partition(".")[0] for name in os.listdir(entry))
                known = self._listings[entry] = (changed, there - {"main", "__pycache__"})
            if not names.isdisjoint(known[1]):
                return True
        return False

    def take(self, name, whole=True):
        """Puts a module where its import would have put it; not `whole`: the import system does that part."""
        module = self.modules.pop(name, None)
        if module is None:
            return
        parent, _, child = name.rpartition(".")
        if whole:
            if parent:
                self.take(parent)
                if name in sys.modules:
                    return
            sys.modules[name] = module
        for other in self._order[name]:
            self.take(other)
        if whole:
            # The import system puts a module last when it has been executed.
            sys.modules[name] = sys.modules.pop(name)
            if parent and name in self._attributes:
                setattr(sys.modules[parent], child, module)
        self._hooks.run(name)
        if name in _ANEW:
            _ANEW[name](module)


# What modules draw or note when they are imported, and what would be the same for every program.
_ANEW = {
    "numpy.random": lambda module: module.seed(),
    "logging": lambda module: setattr(module, "_startTime", type(module._startTime)(_now(module._startTime))),
}


def _now(like):
    time = sys.modules["time"]
    return time.time_ns() if isinstance(like, int) else time.time()


def _preload(names):
    with _Imports() as imports, _ForkHooks() as hooks:
        for name in names:
            builtins.__import__(name, {"__name__": "<preload>"})
    shelf = _Shelf(imports, hooks)
    sys.meta_path.insert(0, shelf)
    return shelf


def _exercise(shelf):
    """Imports nothing a few times: the interpreter specialises the code that a program's first import runs."""
    for _ in range(12):
        shelf.modules["<exercise>"] = module = type(sys)("<exercise>")
        module.__spec__ = ModuleSpec("<exercise>", None)
        shelf._order["<exercise>"], shelf._tops["<exercise>"] = (), frozenset(("<exercise>",))
        __import__("<exercise>")
        del sys.modules["<exercise>"]
    for table in (shelf._order, shelf._tops):
        del table["<exercise>"]
    shelf._listings.clear()


def ready(script):
    """Makes `__main__` and the first entry of sys.path for this script; returns the script's loader.

    After gc.freeze, in each child: nothing of a frozen `__main__` would ever be collected.
    """
    old = sys.modules["__main__"]
    sys.modules["__main__"] = main = type(sys)("__main__")
    vars(main).update(__annotations__={}, __builtins__=builtins, __loader__=old.__loader__)
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, script.rpartition("/")[0])
    # What a look for a package or an archive of this name leaves there.
    sys.path_importer_cache[script] = None
    return SourceFileLoader("__main__", script)


def known(script):
    """The code of this script if it is one that was compiled ahead, else None."""
    fd = os.open(script, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _compiled.get(os.read(fd, _MOST_BYTES))
    finally:
        os.close(fd)


def needs_whole_end():
    """Whether only the interpreter's own end will do: threads are left, or libraries with destructors were loaded."""
    modules = sys.modules
    if "ctypes" in modules or ("threading" in modules and len(modules["threading"]._active) > 1):
        return True
    own = [module for name, module in list(modules.items()) if name not in _KEPT and name not in _shelf.names]
    return any(str(getattr(module, "__file__", "")).endswith(".so") for module in own)


def end(code):
    """Does what the interpreter's end does to what the program made, in its order; the exit code.

    Sooner than that by all that it does to the interpreter itself, which is gone a moment later.
    """
    modules = sys.modules
    if "threading" in modules:
        try:
            modules["threading"]._shutdown()
        except BaseException:  # as the interpreter: what a thread's end raises is nobody's
            pass
    if "atexit" in modules:
        modules["atexit"]._run_exitfuncs()
    failed = _flush(sys.stdout, sys.stderr)
    # While the modules still stand: a file that is not closed must be flushed before what it writes to is closed.
    gc.collect()
    sys.last_type = sys.last_value = sys.last_traceback = None
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    left = []
    for name in [name for name in modules if name not in _KEPT or name == "__main__"]:
        try:
            left.append(_ref(modules.pop(name)))
        except TypeError:
            pass
    gc.collect()
    for reference in reversed(left):
        module = reference()
        if module is not None and getattr(module, "__name__", "") not in _shelf.names:
            try:
                vars(module).clear()
            except (AttributeError, TypeError):
                pass
    module = None
    failed |= _flush(sys.__stdout__, sys.__stderr__)
    return 120 if failed else code


def _flush(*streams):
    failed = False
    for stream in streams:
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:  # a stream of the program's may raise whatever it likes
            failed = True
    return failed


_compiled = {text: compile(text, _SCRIPT, "exec", dont_inherit=True) for text in _KNOWN}
_MOST_BYTES = max(map(len, _KNOWN), default=0) + 1
_shelf = _preload(_PRELOAD)
_exercise(_shelf)
for _name in list(sys.modules):
    if _name not in _AT_START:
        del sys.modules[_name]
_KEPT = frozenset(sys.modules)
gc.collect()
gc.freeze()
