"""The script: its `__main__`, and what of ours was compiled ahead."""


def ready(script):
    """Makes `__main__` and the first entry of sys.path for this script; returns the script's loader.

    After gc.freeze, in each child: nothing of a frozen `__main__` would ever be collected.
    """
    old = _MODULES["__main__"]
    _MODULES["__main__"] = main = _Module("__main__")
    vars(main).update(__annotations__={}, __builtins__=builtins, __loader__=old.__loader__)
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, script.rpartition("/")[0])
    # What a look for a package or an archive of this name leaves there.
    sys.path_importer_cache[script] = None
    if _KNOWN:
        sys.path_importer_cache[_PLACE] = _KnownFinder()
    return SourceFileLoader("__main__", script)


class _KnownLoader(SourceFileLoader):
    """Loads a file that was compiled ahead."""

    def __init__(self, name, path, code):
        super().__init__(name, path)
        self._code = code

    def get_code(self, name):
        return self._code


class _KnownFinder:
    """Finds modules beside a script of ours, where their files are what they were compiled from."""

    def find_spec(self, name, target=None):
        path = f"{_PLACE}/{name}.py"
        code = known(path)
        if code is None:
            return None
        spec = ModuleSpec(name, _KnownLoader(name, path, code), origin=path)
        spec.has_location = True
        return spec


def known(path):
    """The code of this file if it was compiled ahead, else None."""
    try:
        fd = _open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _compiled.get((path, _read(fd, _MOST_BYTES)))
    finally:
        _close(fd)
