"""The end of a program: what the interpreter's own end does to what the program made, in its order."""


def nothing_follows():
    """Whether the rest of the interpreter's end could not show: nothing is left that a finalizer is called for.

    A class with a finalizer counts like an object of it, which need not be known to the collector.
    """
    if _callbacks or _debug() or sys.stdout is not _streams[0] or sys.stderr is not _streams[1]:
        return False
    # Detached: nobody has flushed what is below.
    if _streams[0].buffer is None or _streams[1].buffer is None:
        return False
    # Objects of C that only warn are not known to the collector; a list of very many would be memory of the program's.
    if tuple(_filters) != _FILTERS or _blocks() > _MANY_BLOCKS:
        return False
    things, main = _objects(), _MODULES.get("__main__")
    # Not there: the program has frozen what it made until then.
    if not any(thing is main for thing in things):
        return False
    harmless = set(_PLAIN)
    for thing in things:
        kind = _type(thing)
        if kind is _weak or kind is _type:
            if (thing.__callback__ is not None) if kind is _weak else _has_finalizer(thing):
                return False
        elif kind not in harmless:
            if _has_finalizer(kind) or _weak in _bases_of(kind):
                return False
            harmless.add(kind)
    return True


def _has_finalizer(kind):
    return any("__del__" in _class_names_of(each) for each in _bases_of(kind))


# What is set to None before modules go.
_GONE_FIRST = ("path", "argv", "ps1", "ps2", "last_type", "last_value", "last_traceback", "path_hooks")
_GONE_FIRST += ("path_importer_cache", "meta_path", "__interactivehook__")
_left = []


def take_modules():
    """The steps of the interpreter's end that take away all modules, or at least those that nobody else holds.

    Steps are called from C: what a program does in them has no frame of ours below it.
    """
    names = vars(sys)
    gone = dict.fromkeys(_GONE_FIRST)
    gone.update((name, names.get(f"__{name}__")) for name in ("stdin", "stdout", "stderr"))
    for name, module in list(_MODULES.items()):
        if isinstance(module, _Module):
            original, its_names = _shelf.known.get(name, (None, None))
            _left.append((_weak(module), its_names if module is original and name != "__main__" else None))
    old = dict(vars(builtins))
    return [
        _later(names.update, gone),
        # C asks for builtins while there is an interpreter.
        _later(_MODULES.update, dict.fromkeys(name for name in _MODULES if name not in ("sys", "builtins"))),
        _MODULES.clear,
        vars(builtins).clear,
        _later(vars(builtins).update, _BUILTINS),
        old.clear,
        _callbacks.clear,
        _collect,
    ]


def clear_modules():
    """The steps that follow: they clear those that are left, but of ours only what the program put into them."""
    steps = []
    while _left:
        reference, spared = _left.pop()
        module = reference()
        if module is not None and module is not sys and module is not builtins:
            steps += _clearing(_names_of(module), spared)
    steps += (stream.flush for stream in _streams)
    steps.append(_later(vars(sys).update, {"stdout": None, "stderr": None}))
    steps += _clearing(vars(sys), _shelf.known["sys"][1])
    return steps + [_later(variable.set, None) for variable in _context()]


def _clearing(own, spared):
    """Sets names to None, those with one underscore first; if some are spared, only the others."""
    if spared is not None and len(own) == len(spared):
        return []
    names = [name for name in own if isinstance(name, str) and name != "__builtins__" and name not in (spared or ())]
    private = [name for name in names if name[:1] == "_" != name[1:2]]
    return [_later(own.update, dict.fromkeys(private)), _later(own.update, dict.fromkeys(names))]


def show_lines():
    """Before an end that does not flush what stays: lines go out by themselves."""
    for stream in _streams:
        try:
            stream.reconfigure(line_buffering=True)
        except (OSError, ValueError):  # closed, or broken: the end says so
            pass
