"""The shelf: modules that were imported ahead, where a program does not see them until it imports them."""


class _Loader:
    """Gives a module that is there already."""

    def __init__(self, shelf):
        self._shelf = shelf

    def create_module(self, spec):
        # Not always the name that the module's own spec has.
        self._name = spec.name
        self._spec = self._shelf.modules[spec.name].__spec__
        return self._shelf.modules[spec.name]

    def exec_module(self, module):
        module.__spec__ = self._spec
        self._shelf.take(self._name)


class _Need:
    """What has to be as it was for a module to be what its import would give, and what comes with it.

    shelved                all modules that it imports and that were on the shelf, itself too
    others                 those that were not, by name
    hidden_names, names    what they import from where no program comes by, and from elsewhere: source, its namespace,
                           the name, the value
    tops                   first parts of those that come from files
    order                  of what is taken down with it: name, the package that has it as an attribute, that one's name
    """

    def __init__(self, shelved, others, hidden_names, names, tops, order):
        self.shelved, self.others = shelved, others
        self.hidden_names, self.names = hidden_names, names
        self.tops, self.order = tops, order


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
        # collections.abc is another name of a module that every program has.
        by_id = [id(each[0]) for each in self.known.values()]
        self._hidden = {name for name, module in self.modules.items() if by_id.count(id(module)) == 1}
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
        self._needs = {name: self._need_of(name, imports) for name in self.modules}
        self._path, self._hooks = frozenset(sys.path), tuple(sys.path_hooks)
        self._finders = (self, *sys.meta_path)
        self._listings = {}

    def _package(self, name):
        return self.modules.get(name) or _MODULES.get(name)

    def _need_of(self, name, imports):
        closure = self._closure(name, imports.of, set())
        shelved = frozenset(each for each in closure if each in self.modules)
        others = tuple((each, self.known[each][0]) for each in closure if each not in shelved)
        tops = {each.partition(".")[0] for each in shelved}.difference(sys.builtin_module_names)
        names = [each for importer in closure for each in imports.names.get(importer, ()) if self._still(*each)]
        return _Need(
            shelved,
            others,
            tuple(each for each in names if each[0] in self._hidden),
            tuple(each for each in names if each[0] not in self._hidden),
            tops,
            tuple(self._order(name, imports.of, {name})),
        )

    def _closure(self, name, imports, seen):
        """The names of all modules that importing this one imports, on the shelf or not."""
        if name in self.known and name not in seen:
            seen.add(name)
            for other in (name.rpartition(".")[0], *imports.get(name, ())):
                self._closure(other, imports, seen)
        return seen

    def _order(self, name, imports, seen):
        """What is taken down with this one: last what was executed last."""
        for other in imports.get(name, ()):
            if other in self.modules and other not in seen:
                seen.add(other)
                parent = other.rpartition(".")[0]
                if parent in self.modules and parent not in seen:
                    seen.add(parent)
                    yield from self._order(parent, imports, seen)
                    yield self._step(parent)
                yield from self._order(other, imports, seen)
                yield self._step(other)

    def _step(self, name):
        parent, _, child = name.rpartition(".")
        return name, self._package(parent) if name in self._attributes else None, child

    @staticmethod
    def _still(source, names, item, value):
        """Whether a name that a module imported from another has not changed since."""
        return names.get(item) is value

    def find_spec(self, name, path=None, target=None):
        """A module that is here."""
        if name in self.modules and _getframe(2).f_code is _IMPORTING and self._is_the_same(name):
            return ModuleSpec(name, _Loader(self))
        return None

    def invalidate_caches(self):
        """As every finder: what is in directories may have changed."""
        self._listings.clear()

    def _is_the_same(self, name):
        need = self._needs[name]
        return (
            builtins.__import__ is _import
            and tuple(sys.meta_path[: len(self._finders)]) == self._finders
            and tuple(sys.path_hooks) == self._hooks
            and trace() is profile() is None
            and self._are_untouched(need)
            and all(names.get(item) is value for _, names, item, value in need.names)
            and self._path.issubset(each for each in sys.path if isinstance(each, str))
            and not self._is_shadowed(need.tops)
        )

    def _are_untouched(self, need):
        if not all(_MODULES.get(name) is module for name, module in need.others):
            return False
        # To look at an object copies its page: what is still on the shelf the program has not come by.
        if need.shelved <= self.modules.keys():
            return _MODULES.keys().isdisjoint(need.shelved)
        return all(self._is_untouched(name) for name in need.shelved) and all(
            source in self.modules or names.get(item) is value for source, names, item, value in need.hidden_names
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

    def take(self, name):
        """Puts what a module imported where that would have put it; its own place is the import system's part."""
        module = self.modules.pop(name)
        for other, package, child in self._needs[name].order:
            taken = self.modules.pop(other, None)
            if taken is not None:
                _MODULES[other] = taken
                if package is not None:
                    setattr(package, child, taken)
                self._has_come(other, taken)
        self._has_come(name, module)

    def _has_come(self, name, module):
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


def _preload(usual, named):
    directories = set(sys.path_importer_cache)
    with _Imports() as imports, _Registrations() as registrations:
        for name in usual:
            # A small Python has not all of the library.
            try:
                builtins.__import__(name, {"__name__": "<preload>"})
            except ImportError:
                pass
        for name in named:
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
        shelf._needs[name] = _Need(frozenset((name,)), (), (), (), frozenset(), ())
        __import__(name)
        del _MODULES[name]
    del shelf._needs[name]
    shelf._listings.clear()
