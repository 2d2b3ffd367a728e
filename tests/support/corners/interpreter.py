"""What sys and builtins say of an interpreter that has only just started."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "argv": "import sys; print(sys.argv, sys.orig_argv, sys.executable, sys._base_executable)",
    "path": "import sys; print(sys.path, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.platlibdir)",
    "flags": "import sys; print(sys.flags, sys._xoptions, sys.warnoptions, sys.dont_write_bytecode)",
    "modules in order": "import sys; print(list(sys.modules))",
    "modules after an import": "import sys, json; print(list(sys.modules))",
    "modules after many imports": r"""
import sys
for name in "typing collections random decimal datetime statistics hashlib unittest threading inspect".split():
    before = set(sys.modules)
    __import__(name)
    print(name, [each for each in sys.modules if each not in before])
""",
    "modules after imports from": r"""
import sys
before = list(sys.modules)
from collections.abc import Mapping
from unittest import TestCase
from concurrent.futures import ThreadPoolExecutor
print([each for each in sys.modules if each not in before])
""",
    "names of main": r"""
print(list(globals().items())[:5], list(globals()))
print(__file__, __cached__, __spec__, __doc__)
""",
    "loader of main": r"""
import __main__
print(type(__loader__), __loader__.name, __loader__.path, __loader__ is __main__.__loader__, vars(__loader__))
print(len(__loader__.get_source("__main__")), __main__, __main__.__dict__ is globals())
""",
    "annotations of main": "x: int = 1\ny: 'str'\nprint(__annotations__)",
    "doc of main": '"""A program."""\nprint(__doc__)',
    "frames": r"""
import sys
print(sys._getframe().f_back, sys._getframe().f_code.co_name, sys._getframe().f_lineno)
try:
    sys._getframe(1)
except ValueError as error:
    print(error)
""",
    "current frames": "import sys; print([frame.f_code for frame in sys._current_frames().values()])",
    "current exceptions": "import sys; print(sys._current_exceptions(), sys.exc_info())",
    "depth of recursion": r"""
import sys
print(sys.getrecursionlimit())
def down(n):
    try:
        return down(n + 1)
    except RecursionError:
        return n
print(down(0))
sys.setrecursionlimit(333)
print(down(0))
""",
    "low recursion limit": r"""
import sys
def try_it(n):
    try:
        sys.setrecursionlimit(n)
        return "set"
    except RecursionError as error:
        return str(error)
for n in (1, 2, 3, 4, 5, 10):
    said = try_it(n)
    sys.setrecursionlimit(1000)
    print(n, said)
sys.setrecursionlimit(8)
""",
    "end at a low recursion limit": r"""
import sys, atexit
class Last:
    def __del__(self):
        print("deleted")
last = Last()
atexit.register(print, "at exit")
sys.setrecursionlimit(5)
""",
    "deep recursion": r"""
import sys
sys.setrecursionlimit(10**6)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
print(down(50_000))
""",
    "deep recursion through C": r"""
import sys
sys.setrecursionlimit(10**6)
class A:
    def __init__(self, n): self.n = n
    def __repr__(self): return "x" if self.n == 0 else repr(A(self.n - 1))
print(repr(A(20_000)))
""",
    "recursion without end": "def f(): f()\nf()",
    "recursion of repr": "a = []\nfor _ in range(10**5): a = [a]\nprint(repr(a))",
    "recursion of comparison": "a, b = [], []\na.append(b); b.append(a)\nprint(a == b)",
    "recursion of the compiler": "eval('(' * 300 + ')' * 300)",
    "recursion of the parser": "eval('-' * 100_000 + '1')",
    "refcounts": r"""
import sys
x = object()
print(sys.getrefcount(x), sys.getrefcount([]), sys.getrefcount(sys.modules["__main__"]), sys.getrefcount(globals()))
""",
    "sizes": r"""
import sys
print([sys.getsizeof(x) for x in ([], {}, (), "", b"", 0, 1.0, set(), object(), type, print, sys, globals())])
""",
    "interned": r"""
import sys
a = "".join(["he", "llo"])
print(sys.intern(a) is sys.intern("hello"), sys.intern("hello") is "hello"[:])
""",
    "limits of integers": "import sys; print(sys.get_int_max_str_digits(), sys.int_info, sys.float_info, sys.maxsize)",
    "hashes": r"""
import sys

print(hash("a"), hash(b"b"), hash((1, "c")), hash(1.5), sys.hash_info)
print({"x", "y", "z"})
""",
    "order of sets": "print(set('the quick brown fox'.split()), frozenset(map(str, range(20))))",
    "hash of None and types": "print(hash(None) == hash(None), {None: 1}, hash(...) == hash(...))",
    "implementation": r"""
import sys

print(sys.implementation, sys.version, sys.abiflags, sys.api_version, sys.copyright)
""",
    "thread info": "import sys; print(sys.thread_info, sys.getswitchinterval(), sys.getdlopenflags())",
    "filters of warnings": r"""
import sys, warnings

print(warnings.filters, warnings.onceregistry, warnings.defaultaction)
""",
    "hooks": r"""
import sys
print(sys.excepthook is sys.__excepthook__, sys.displayhook, sys.unraisablehook, sys.breakpointhook, sys.gettrace())
print(sys.getprofile(), sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth(), hasattr(sys, "last_type"))
print(hasattr(sys, "ps1"), hasattr(sys, "exitfunc"), hasattr(sys, "tracebacklimit"))
""",
    "names of sys": "import sys; print(sorted(vars(sys)))",
    "names of sys in order": "import sys; print(list(vars(sys)))",
    "names of builtins": "import builtins; print(list(vars(builtins)))",
    "meta path": "import sys; print(sys.meta_path)",
    "length of the meta path": "import sys; print(len(sys.meta_path), sys.meta_path[0].__name__)",
    "path hooks": "import sys; print(sys.path_hooks)",
    "importer cache": "import sys; print(list(sys.path_importer_cache.items()))",
    "importer cache after an import": "import sys, json; print(list(sys.path_importer_cache))",
    "builtin names": "import sys; print(sys.builtin_module_names, len(sys.stdlib_module_names))",
    "display hook": "import sys\nsys.displayhook(3)\nprint(_)\nexec(compile('1+1', 'x', 'single'))",
    "site builtins": "print(exit, quit, copyright, credits, license, help)",
    "exit object": "exit(3)",
    "quit object closes stdin": "import sys\ntry:\n    quit()\nfinally:\n    print(sys.stdin.closed)",
    "breakpoint without input": "breakpoint()\nprint('after')",
    "help": "help(int.bit_length)",
    "license": "license()",
    "trace of calls": r"""
import sys
def tracer(frame, event, arg):
    print(event, frame.f_code.co_name, frame.f_lineno)
    return tracer
def f(x):
    return x + 1
sys.settrace(tracer)
f(1)
sys.settrace(None)
""",
    "trace left on": r"""
import sys
def tracer(frame, event, arg):
    print(event, frame.f_code.co_name)
def f():
    pass
sys.settrace(tracer)
f()
""",
    "trace left on with an end": r"""
import sys, atexit
def tracer(frame, event, arg):
    print(event, frame.f_code.co_name)
    return tracer
def last():
    print("last")
atexit.register(last)
sys.settrace(tracer)
""",
    "profile left on": r"""
import sys
def profiler(frame, event, arg):
    print(event, frame.f_code.co_name, getattr(arg, "__name__", arg))
def f():
    return len("abc")
sys.setprofile(profiler)
f()
""",
    "trace of an error": r"""
import sys
def tracer(frame, event, arg):
    print(event, frame.f_code.co_name, frame.f_lineno)
    return tracer
sys.settrace(tracer)
def f():
    raise ValueError
f()
""",
    "audit hook": r"""
import sys
def hook(event, args):
    if event in ("compile", "exec", "open"):
        print(event, args[0] if event != "exec" else "")
sys.addaudithook(hook)
open("/dev/null").close()
eval("1 + 1")
""",
    "audit hook to the end": r"""
import sys, os
sys.addaudithook(lambda event, args: os.write(1, (event + "\n").encode()))
""",
    "audit hook and an import": r"""
import sys, os
sys.addaudithook(lambda event, args: event == "import" and os.write(1, (args[0] + "\n").encode()))
import json
""",
    "audit hook that refuses": r"""
import sys
def hook(event, args):
    if event == "os.listdir" or event == "os.system":
        raise PermissionError(event)
sys.addaudithook(hook)
import json
print(json.dumps([1]))
import os
os.system("true")
""",
    "exception hook": r"""
import sys
sys.excepthook = lambda kind, value, traceback: print("hook", kind.__name__, value)
raise ValueError("x")
""",
    "exception hook that fails": r"""
import sys
def hook(*_): raise KeyError("in the hook")
sys.excepthook = hook
raise ValueError("x")
""",
    "exception hook that exits": r"""
import sys
sys.excepthook = lambda *_: sys.exit(7)
raise ValueError("x")
""",
    "no exception hook": "import sys\ndel sys.excepthook\nraise ValueError('x')",
    "unraisable hook": r"""
import sys
sys.unraisablehook = lambda what: print("hook", what.exc_value, what.err_msg)
class A:
    def __del__(self): raise ValueError("in del")
a = A()
del a
b = A()
""",
    "last exception in atexit": r"""
import sys, atexit
@atexit.register
def last(): print(sys.last_type, sys.last_value, sys.exc_info())
1 / 0
""",
    "traceback limit": "import sys\nsys.tracebacklimit = 1\ndef f(): g()\ndef g(): 1 / 0\nf()",
    "modules replaced": "import sys\nsys.modules = {}\nprint('on')",
    "modules cleared": "import sys\nsys.modules.clear()\nprint('on')",
    "main taken out of the modules": "import sys\ndel sys.modules['__main__']\nprint('on')",
    "strange things in modules": r"""
import sys
class Loud:
    def __getattr__(self, name):
        print("asked for", name)
        raise ValueError(name)
sys.modules["loud"] = Loud()
sys.modules["number"] = 3
sys.modules["none"] = None
print("end")
""",
    "module that is an instance": Corner(
        source="import magic; print(magic.anything)",
        files={
            "magic.py": b"import sys\nclass Magic:\n    def __getattr__(self, name):\n        print('asked', name)\n"
            b"        return 1\nsys.modules[__name__] = Magic()\n"
        },
    ),
    "module with getattr": Corner(
        source="import lazy; print(lazy.x)",
        files={"lazy.py": b"del __file__\ndef __getattr__(name):\n    print('asked', name)\n    return 1\n"},
    ),
    "builtins patched": r"""
import builtins
for name in "getattr len list vars any str type isinstance print sorted reversed set frozenset".split():
    def patched(*args, _name=name, _old=getattr(builtins, name), **more):
        import os
        os.write(1, (_name + "\n").encode())
        return _old(*args, **more)
    setattr(builtins, name, patched)
import json
""",
    "builtins deleted": r"""
import builtins
for name in "getattr len list vars any str isinstance print sorted reversed set BaseException Exception".split():
    delattr(builtins, name)
import json
""",
    "gc and os patched": r"""
import gc, os, sys
write = os.write
def loud(*_): write(1, b"patched\n")
gc.collect = os.listdir = os.stat = sys.exit = loud
import json
write(1, json.dumps([1]).encode())
""",
    "stdout deleted from sys": r"""
import sys
print('a')
del sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, sys.__stdin__
""",
    "types of what preloading could change": r"""
import copyreg, atexit, codecs
print(sorted(map(str, copyreg.dispatch_table)), atexit._ncallbacks())
""",
    "subclasses of exceptions": r"""
def tree(kind, depth=0):
    print(" " * depth + kind.__name__)
    for each in kind.__subclasses__():
        tree(each, depth + 1)
tree(Exception)
""",
    "subclasses of object": "print(sorted(each.__qualname__ for each in object.__subclasses__()))",
    "eval and exec": r"""
x = 1
exec('x += 1; y = x')
print(x, y, eval('x + y'), sorted(k for k in globals() if k[0] != '_'))
""",
    "compile flags": r"""
import ast
exec(compile("def f(x: int): ...\nprint(f.__annotations__)", "<x>", "exec"))
exec(compile("from __future__ import annotations\ndef f(x: int): ...\nprint(f.__annotations__)", "<x>", "exec"))
exec("def f(x: int): ...\nprint(f.__annotations__)")
""",
    "future annotations": r"""
from __future__ import annotations
def f(x: nothing): ...
print(f.__annotations__)
exec('def g(x: y): ...\nprint(g.__annotations__)')
""",
    "debug": "assert __debug__\nassert False, 'said'",
    "memory error": "x = bytearray(2**62)",
    "getobjects of this program": r"""
import gc
class Mine: pass
kept = [Mine() for _ in range(3)]
print(sum(type(each) is Mine for each in gc.get_objects()), gc.is_tracked(kept[0]), gc.get_referrers(kept[0]) == [kept])
""",
}
