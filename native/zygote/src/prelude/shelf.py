"""The shelf: modules that were imported ahead, where a program does not see them until it imports them."""


class _Imports:
    """Notes what each module imports while it is imported: modules, in order, and names from them."""

    def __init__(self):
        self.of = {}
        self.names = {}
        self._claimed = set()
        self._under_way = ["<preload>"]

    def __enter__(self):
        builtins.__import__ = self._noted
        return self

    def __exit__(self, *_):
        builtins.__import__ = _import

    def _noted(self, name, globals=None, locals=None, fromlist=(), level=0):
        importer = globals.get("__name__") if globals else None
        if importer in _MACHINERY:
            importer = self._under_way[-1]
        absolute = self._absolute(name, globals, level)
        before = set(_MODULES)
        self._under_way.append(absolute)
        module = _import(name, globals, locals, fromlist, level)
        self._under_way.pop()
        self._note(importer, absolute, module, fromlist or ())
        # What a module put there by itself.
        own = [each for each in _MODULES if each not in before and each not in self._claimed]
        self.of.setdefault(absolute, {}).update(dict.fromkeys(own))
        self._claimed.update(own)
        return module

    def _note(self, importer, name, module, fromlist):
        noted = self.of.setdefault(importer, {})
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            noted[".".join(parts[:count])] = None
        for item in fromlist:
            if f"{name}.{item}" in _MODULES:
                noted[f"{name}.{item}"] = None
            elif isinstance(module, _Module) and item in _names_of(module):
                names = _names_of(module)
                self.names.setdefault(importer, []).append((names, item, names[item]))
        self._claimed.update(noted)

    @staticmethod
    def _absolute(name, globals, level):
        if not level:
            return name
        package = globals.get("__package__") or globals["__name__"].rpartition(".")[0]
        base = package.rsplit(".", level - 1)[0] if level > 1 else package
        return f"{base}.{name}" if name else base


class _Registrations:
    """Keeps what modules register for a fork or the end: each is for after its module has left the shelf."""

    def __init__(self):
        self._of = {}
        self._at_fork, self._at_exit = os.register_at_fork, atexit.register

    def __enter__(self):
        os.register_at_fork, atexit.register = self._keep_for_fork, self._keep_for_exit
        return self

    def __exit__(self, *_):
        os.register_at_fork, atexit.register = self._at_fork, self._at_exit

    def _keep_for_fork(self, **hooks):
        self._keep(self._fork, (), hooks)

    def _keep_for_exit(self, function, *arguments, **named):
        self._keep(self._at_exit, (function, *arguments), named)
        return function

    def _keep(self, register, arguments, named):
        self._of.setdefault(_getframe(2).f_globals["__name__"], []).append((register, arguments, named))

    def _fork(self, **hooks):
        """As if they were registered here, and a fork followed."""
        self._at_fork(**hooks)
        if "after_in_child" in hooks:
            hooks["after_in_child"]()

    def make(self, name):
        """Those of this module."""
        for register, arguments, named in self._of.get(name, ()):
            register(*arguments, **named)


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
    """The first finder on sys.meta_path: modules that were imported, and that nobody has asked for yet.

    It gives one only where an ordinary import would make the same one out of the same others; else it says nothing, and
    the ordinary import follows.
    """

    def __init__(self, imports, registrations):
        self._registrations = registrations
        self.modules = {name: _MODULES[name] for name in _MODULES if name not in _AT_START}
        # All that was imported, on the shelf or not, with the names that each module has.
        self.known = {name: (module, tuple(getattr(module, "__dict__", ()))) for name, module in _MODULES.items()}
        for name in self.modules:
            del _MODULES[name]
        self._order = {name: tuple(n for n in imports.of.get(name, ()) if n in self.modules) for name in self.modules}
        self._attributes = set()
        for name, module in self.modules.items():
            parent, _, child = name.rpartition(".")
            package = self._package(parent)
            # unittest.main is a class: what a package put in the place of its module stays.
            if package is not None and vars(package).get(child) is module:
                self._attributes.add(name)
        for name in self._attributes:
            parent, _, child = name.rpartition(".")
            delattr(self._package(parent), child)
        self._closures = {name: self._closure(name, imports.of, set()) for name in self.modules}
        self._tops = {name: self._top_names(closure) for name, closure in self._closures.items()}
        self._names = {name: self._still(closure, imports.names) for name, closure in self._closures.items()}
        self._path, self._hooks = frozenset(sys.path), tuple(sys.path_hooks)
        self._finders = (self, *sys.meta_path)
        self._listings = {}

    def _package(self, name):
        return self.modules.get(name) or _MODULES.get(name)

    def _closure(self, name, imports, seen):
        """The names of all modules that importing this one imports, on the shelf or not."""
        if name in self.known and name not in seen:
            seen.add(name)
            for other in (name.rpartition(".")[0], *imports.get(name, ())):
                self._closure(other, imports, seen)
        return seen

    def _top_names(self, closure):
        """The first parts of those that come from files."""
        tops = {name.partition(".")[0] for name in closure if name in self.modules}
        return tops.difference(sys.builtin_module_names)

    @staticmethod
    def _still(closure, names):
        """The names that these modules import from others, and what was meant; without those that changed since."""
        return [each for other in closure for each in names.get(other, ()) if each[0].get(each[1]) is each[2]]

    def find_spec(self, name, path=None, target=None):
        """A module that is here."""
        if name in self.modules and _getframe(2).f_code is _IMPORTING and self._is_the_same(name):
            return ModuleSpec(name, _Loader(self))
        return None

    def invalidate_caches(self):
        """As every finder: what is in directories may have changed."""
        self._listings.clear()

    def _is_the_same(self, name):
        return (
            builtins.__import__ is _import
            and tuple(sys.meta_path[: len(self._finders)]) == self._finders
            and tuple(sys.path_hooks) == self._hooks
            and trace() is profile() is None
            and all(self._is_untouched(each) for each in self._closures[name])
            and all(names.get(item) is value for names, item, value in self._names[name])
            and self._path.issubset(each for each in sys.path if isinstance(each, str))
            and not self._is_shadowed(self._tops[name])
        )

    def _is_untouched(self, name):
        if name in self.modules:
            return name not in _MODULES
        return _MODULES.get(name) is self.known[name][0]

    def _is_shadowed(self, names):
        """Whether the program's part of sys.path has something of one of these names."""
        if not names:
            return False
        entries = [entry for entry in sys.path if isinstance(entry, str) and entry not in self._path]
        return any(there is None or not names.isdisjoint(there) for there in map(self._listing, entries))

    def _listing(self, entry):
        """The names in a directory up to their first dot; None for what is none, which may be an archive."""
        try:
            found = _stat(entry or ".")
            if not found.st_mode & _DIRECTORY:
                return None
            seen = (found.st_dev, found.st_ino, found.st_mtime_ns)
            known = self._listings.get(entry)
            if known is None or known[0] != seen:
                there = frozenset(name.partition(".")[0] for name in _listdir(entry or "."))
                known = self._listings[entry] = (seen, there - {"main", "__pycache__"})
        except ValueError:  # no path at all: let the ordinary import say so
            return None
        except OSError:
            return frozenset()
        return known[1]

    def take(self, name, whole=True):
        """Puts a module where its import would have put it; not `whole`: the import system does that part."""
        module = self.modules.pop(name, None)
        if module is None:
            return
        parent, _, child = name.rpartition(".")
        if whole:
            if parent:
                self.take(parent)
                if name in _MODULES:
                    return
            _MODULES[name] = module
        for other in self._order[name]:
            self.take(other)
        if whole:
            # The import system puts a module last when it has been executed.
            _MODULES[name] = _MODULES.pop(name)
            if parent and name in self._attributes:
                setattr(_MODULES[parent], child, module)
        self._registrations.make(name)
        if name in _ANEW:
            _ANEW[name](module)


# What modules draw or note when they are imported, and what would be the same for every program.
_ANEW = {
    "numpy.random": lambda module: module.seed(),
    "threading": lambda module: module._main_thread._set_native_id(),
    "logging": lambda module: setattr(module, "_startTime", type(module._startTime)(_now(module._startTime))),
}


def _now(like):
    time = _MODULES["time"]
    return time.time_ns() if isinstance(like, int) else time.time()


def _preload(names):
    directories = set(sys.path_importer_cache)
    with _Imports() as imports, _Registrations() as registrations:
        for name in names:
            builtins.__import__(name, {"__name__": "<preload>"})
    for entry in set(sys.path_importer_cache) - directories:
        del sys.path_importer_cache[entry]
    shelf = _Shelf(imports, registrations)
    sys.meta_path.insert(0, shelf)
    return shelf


def _exercise(shelf):
    """Imports nothing a few times: the interpreter specialises the code that a program's first import runs."""
    name = "<exercise>"
    for _ in range(12):
        shelf.modules[name] = module = _Module(name)
        module.__spec__ = ModuleSpec(name, None)
        shelf._order[name], shelf._closures[name], shelf._names[name], shelf._tops[name] = (), {name}, (), {name}
        __import__(name)
        del _MODULES[name]
    for table in (shelf._order, shelf._closures, shelf._names, shelf._tops):
        del table[name]
    shelf._listings.clear()
