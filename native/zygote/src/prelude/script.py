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
    return SourceFileLoader("__main__", script)


def known(path):
    """The code of the script if it was compiled ahead, else None."""
    try:
        fd = _open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _compiled.get(_read(fd, _MOST_BYTES))
    finally:
        _close(fd)
