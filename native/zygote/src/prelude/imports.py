"""What modules import, and what they register, while they are imported ahead."""


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
        try:
            module = _import(name, globals, locals, fromlist, level)
        finally:
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
                self.names.setdefault(importer, []).append((name, names, item, names[item]))
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
