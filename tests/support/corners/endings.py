"""The end of a program: what is deleted, flushed and called, and in which order."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

LOUD = (
    "class Loud:\n    def __init__(self, name): self.name = name\n    def __del__(self): print('deleted', self.name)\n"
)

CORNERS: Corners = {
    "at exit": "import atexit\nfor n in range(3): atexit.register(print, n)",
    "at exit that raises": "import atexit\natexit.register(print, 'on')\natexit.register(lambda: 1 / 0)",
    "at exit that exits": "import atexit, sys\natexit.register(print, 'on')\natexit.register(sys.exit, 5)",
    "at exit that is interrupted": "import atexit\ndef f(): raise KeyboardInterrupt\natexit.register(f)",
    "at exit that registers": "import atexit\natexit.register(lambda: atexit.register(print, 'inner'))",
    "at exit that is taken back": r"""
import atexit
atexit.register(print, 1)
atexit.unregister(print)
print(atexit._ncallbacks())
""",
    "at exit after an error": "import atexit\natexit.register(print, 'last')\n1 / 0",
    "at exit after an exit": "import atexit, sys\natexit.register(print, 'last')\nsys.exit(3)",
    "at exit and _exit": "import atexit, os\natexit.register(print, 'last')\nos._exit(3)",
    "at exit ends the process": "import atexit, os\natexit.register(os._exit, 9)",
    "at exit sees the names of main": r"""
import atexit
@atexit.register
def last():
    for name in ("__file__", "__cached__", "__loader__", "__name__"):
        print(name, name in globals())
""",
    "at exit sees the names of main after an exit": r"""
import atexit, sys
@atexit.register
def last():
    for name in ("__file__", "__cached__", "__loader__", "__name__"):
        print(name, name in globals())
sys.exit(0)
""",
    "at exit sees the names of main after an error": r"""
import atexit
@atexit.register
def last():
    for name in ("__file__", "__cached__", "__loader__", "__name__"):
        print(name, name in globals())
1 / 0
""",
    "at exit imports": r"""
import atexit
@atexit.register
def f():
    import json, fractions
    print(json.dumps(1), fractions.Fraction(1, 2))
""",
    "at exit starts a thread": r"""
import atexit, threading
@atexit.register
def f():
    t = threading.Thread(target=print, args=("in a thread",)); t.start(); t.join()
""",
    "at exit has a frame": "import atexit, sys\natexit.register(lambda: print(sys._getframe().f_back, sys.exc_info()))",
    "at exit before and after logging": r"""
import atexit
atexit.register(print, "registered first")
import logging, logging.handlers, sys
handler = logging.StreamHandler(sys.stdout)
old = handler.close
handler.close = lambda: (print("handler closed"), old())
logging.getLogger().addHandler(handler)
atexit.register(print, "registered last")
""",
    "logging from at exit": r"""
import atexit
atexit.register(lambda: logging.warning('late'))
import logging
logging.basicConfig(format='%(message)s')
""",
    "logging to a file": r"""
import logging, atexit
atexit.register(lambda: print(open("/tmp/log").read()))
logging.basicConfig(filename="/tmp/log", format="%(levelname)s %(message)s", level=10)
logging.debug("a"); logging.error("b")
""",
    "memory handler": r"""
import logging, logging.handlers, sys
target = logging.StreamHandler(sys.stdout)
handler = logging.handlers.MemoryHandler(100, target=target)
logging.getLogger().addHandler(handler)
logging.warning("kept")
print("end")
""",
    "deleted at the end": LOUD + "a = Loud('a'); b = Loud('b'); c = [Loud('c')]",
    "deleted in a function": LOUD + "def f():\n    a = Loud('a')\n    print('end of f')\nf()",
    "deleted in a circle": LOUD + "a = Loud('a'); b = Loud('b'); a.b = b; b.a = a\ndel a, b\nprint('end')",
    "circle while collection is off": LOUD
    + "import gc\ngc.disable()\na = Loud('a'); a.a = a\ndel a\nb = Loud('b'); b.b = b\nprint('end')",
    "deleted after an error": LOUD + "a = Loud('a')\ndef f():\n    b = Loud('b')\n    1 / 0\nf()",
    "deleted after an exit": LOUD + "import sys\na = Loud('a')\ndef f():\n    b = Loud('b')\n    sys.exit(3)\nf()",
    "deleted classes": r"""
class Meta(type):
    def __del__(cls): print("class", cls.__name__)
class A(metaclass=Meta): pass
class B(A): pass
""",
    "deleted with names": r"""
import sys
class A:
    def __del__(self): print("sys" in globals(), sys is None, helper())
def helper(): return "helped"
a = A()
""",
    "deleted later than its module": r"""
import sys
class A:
    def __del__(self):
        try: print("names", x, sys)
        except NameError as error: print(error)
x = 1
sys.kept = A()
""",
    "hung into sys": LOUD + "import sys\nsys.kept = Loud('sys')",
    "hung into builtins": LOUD + "import builtins\nbuiltins.kept = Loud('builtins')",
    "hung into os": LOUD + "import os\nos.kept = Loud('os')",
    "hung into a module": LOUD + "import json\njson.kept = Loud('json')",
    "hung into a module that is not preloaded": LOUD + "import wave\nwave.kept = Loud('wave')",
    "hung into a class": LOUD + "import threading\nthreading.Thread.kept = Loud('Thread')",
    "file hung into builtins": r"""
import builtins, os
r, w = os.pipe()
if os.fork() == 0:
    builtins.kept = open(w, "w")
    kept.write("unflushed")
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file hung into a module": r"""
import json, os
r, w = os.pipe()
if os.fork() == 0:
    json.kept = open(w, "w")
    json.kept.write("unflushed")
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file in a global": r"""
import os
r, w = os.pipe()
if os.fork() == 0:
    kept = open(w, "w")
    kept.write("unflushed")
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file in a circle": r"""
import os
r, w = os.pipe()
if os.fork() == 0:
    def f():
        kept = open(w, "w"); kept.write("unflushed"); me = [kept]; me.append(me)
    f()
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file in a default argument": r"""
import os
r, w = os.pipe()
if os.fork() == 0:
    def f(kept=open(w, "w")): kept.write("unflushed")
    f()
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file in a thread": r"""
import os, threading
r, w = os.pipe()
if os.fork() == 0:
    local = threading.local()
    local.kept = open(w, "w"); local.kept.write("unflushed")
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file in a context": r"""
import os, contextvars
r, w = os.pipe()
if os.fork() == 0:
    var = contextvars.ContextVar("var")
    var.set(open(w, "w")); var.get().write("unflushed")
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "file in an exception": r"""
import os
r, w = os.pipe()
if os.fork() == 0:
    def f():
        kept = open(w, "w"); kept.write("unflushed"); 1 / 0
    os.close(2)
    f()
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "csv left open": r"""
import csv, os
r, w = os.pipe()
if os.fork() == 0:
    out = csv.writer(open(w, "w", newline="")); out.writerow([1, "a b", None])
else:
    os.close(w); os.wait(); print(repr(open(r).read()))
""",
    "archives left open": r"""
import gzip, zipfile, os
if os.fork() == 0:
    f = gzip.open("/tmp/x.gz", "wb"); f.write(b"text")
    z = zipfile.ZipFile("/tmp/x.zip", "w"); z.writestr("a", "b")
else:
    os.wait()
    print(os.path.getsize("/tmp/x.gz"), os.path.getsize("/tmp/x.zip"))
""",
    "shelf left open": r"""
import shelve, os
if os.fork() == 0:
    kept = shelve.open("/tmp/shelf", writeback=True); kept["a"] = [1]
else:
    os.wait()
    print(dict(shelve.open("/tmp/shelf")))
""",
    "database left open": r"""
import sqlite3, os
if os.fork() == 0:
    c = sqlite3.connect("/tmp/db"); c.execute("create table t (x)"); c.commit(); c.execute("insert into t values (1)")
else:
    os.wait()
    print(sqlite3.connect("/tmp/db").execute("select * from t").fetchall())
""",
    "temporary directory left": r"""
import tempfile, os
d = tempfile.TemporaryDirectory()
f = tempfile.NamedTemporaryFile()
print(os.path.isdir(d.name))
""",
    "context": LOUD + "import contextvars\nvar = contextvars.ContextVar('var')\nvar.set(Loud('context'))",
    "thread local": LOUD + "import threading\nlocal = threading.local()\nlocal.x = Loud('local')",
    "weak callbacks": r"""
import weakref
class A: pass
a, b = A(), A()
ra = weakref.ref(a, lambda _: print("a is gone"))
weakref.finalize(b, print, "b is gone")
""",
    "finalizers": r"""
import weakref
class A: pass
a = A()
for n in range(3): weakref.finalize(a, print, "finalized", n)
f = weakref.finalize(a, print, "never"); f.atexit = False
""",
    "finalizers before at exit": r"""
import atexit, weakref
atexit.register(print, 'at exit')
class A: pass
a = A()
weakref.finalize(a, print, 'finalized')
""",
    "generator left open": r"""
def g():
    try:
        yield 1
    finally:
        print('closed')
x = g(); next(x)
""",
    "generator left open in a function": r"""
def g():
    try: yield 1
    finally: print('closed')
def f():
    x = g(); next(x); print('f')
f()
print('end')
""",
    "generators left open": r"""
def g(n):
    try: yield n
    finally: print('closed', n)
kept = [g(n) for n in range(3)]
for x in kept: next(x)
""",
    "generator that refuses to close": "def g():\n    try: yield 1\n    finally: yield 2\nx = g(); next(x)",
    "context manager left open": r"""
import contextlib
@contextlib.contextmanager
def m():
    yield 1
    print('left')
c = m(); c.__enter__()
""",
    "coroutine never awaited": "async def f(): pass\nf()\nx = f()",
    "async generator left open": r"""
async def g():
    try: yield 1
    finally: print('closed')
x = g()
try: x.asend(None).send(None)
except StopIteration as e: print(e.value)
""",
    "del prints to stderr": "import sys\nclass A:\n    def __del__(self): print('deleted', file=sys.stderr)\na = A()",
    "del opens a file": "class A:\n    def __del__(self): print(open('/etc/passwd').readline() != '')\na = A()",
    "del imports": "class A:\n    def __del__(self):\n        import json\n        print(json.dumps(1))\na = A()",
    "del imports what is new": r"""
class A:
    def __del__(self):
        import wave
        print(wave.__name__)
a = A()
""",
    "del of a module's object": Corner(
        source=r"""
import other
print('end')
""",
        files={"other.py": (LOUD + "a = Loud('other')\n").encode()},
    ),
    "del in several modules": Corner(
        source="import one, two\n" + LOUD + "a = Loud('main')",
        files={name + ".py": (LOUD + f"a = Loud('{name}')\n").encode() for name in ("one", "two")},
    ),
    "modules in a circle": Corner(
        source="import one\nprint('end')",
        files={
            "one.py": b"import two\n" + LOUD.encode() + b"a = Loud('one')\n",
            "two.py": b"import one\nb = one\n",
        },
    ),
    "module kept by a C object": Corner(
        source=r"""
import other, functools
kept = functools.partial(print, other)
import sys
sys.kept = kept
print('end')
""",
        files={"other.py": (LOUD + "a = Loud('other')\n").encode()},
    ),
    "resurrection": r"""
kept = []
class A:
    def __del__(self): kept.append(self); print('again')
A()
print(len(kept))
import gc
gc.collect()
""",
    "collection at the end": "import gc\ngc.callbacks.append(lambda phase, info: print(phase, info['generation']))",
    "file in what was frozen": r"""
import gc, os
r, w = os.pipe()
if os.fork() == 0:
    kept = open(w, "w")
    kept.write("unflushed")
    gc.freeze()
else:
    os.close(w); os.wait(); print(open(r).read())
""",
    "table of dbm left open": r"""
import dbm, os
if os.fork() == 0:
    kept = dbm.open("/tmp/table", "n"); kept["a"] = "b"
else:
    os.wait()
    print(dbm.whichdb("/tmp/table"), dict(dbm.open("/tmp/table")))
""",
    "directory left open": "import os, warnings\nwarnings.simplefilter('always')\nkept = os.scandir('/')\nnext(kept)",
    "socket of C left open": "import _socket, warnings\nwarnings.simplefilter('always')\nkept = _socket.socket()",
    "very many objects": "kept = [[] for _ in range(1_000_000)]\nprint(len(kept))",
    "deleted object of an abstract class": r"""
from abc import ABC
class A(ABC):
    __slots__ = ()
    def __del__(self): print("deleted")
a = A()
""",
    "deleted by a method that came later": "class A: pass\na = A()\nA.__del__ = lambda self: print('deleted')",
    "buffer of stderr detached": "import sys\nkept = sys.stderr.detach()\nkept.write(b'kept')",
    "second buffer of stdout": r"""
import io
kept = io.BufferedWriter(io.FileIO(1, 'w', closefd=False))
kept.write(b'text')
""",
    "collected by hand": "import gc\nclass A: pass\na = A(); a.a = a\ndel a\nprint(gc.collect() > 0)",
    "what a collection finds": "import gc\nprint(gc.collect(), gc.collect(), gc.garbage)",
    "what a collection finds after a circle": r"""
import gc
gc.collect()
class A: pass
for _ in range(10): a = A(); a.a = a
del a
print(gc.collect())
""",
    "saved garbage": r"""
import gc
gc.set_debug(gc.DEBUG_SAVEALL)
a = []; a.append(a)
del a
gc.collect()
print(gc.garbage)
""",
    "statistics of garbage": "import gc\ngc.set_debug(gc.DEBUG_STATS)\ngc.collect(0)",
    "uncollectable": "import gc\ngc.set_debug(gc.DEBUG_UNCOLLECTABLE)\na = []; a.append(a)",
    "thresholds": "import gc\nprint(gc.get_threshold(), gc.isenabled(), gc.get_debug(), gc.callbacks)",
    "counts of collections": "import gc\nprint(gc.get_count(), gc.get_stats())",
    "frozen": "import gc\nprint(gc.get_freeze_count())",
    "collections on their own": r"""
import gc
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]) if phase == "start" else None)
kept = [[] for _ in range(100_000)]
print(seen[:40], len(seen))
""",
    "del of circles while running": r"""
class A:
    def __init__(self, n): self.n, self.me = n, self
    def __del__(self): print(self.n, end=" ")
for n in range(3000): A(n)
print("end")
""",
    "memory given back": "x = bytearray(10**8)\ndel x\nx = [0] * 10**6\nprint(len(x))",
    "unraisable at the end": r"""
import sys
sys.unraisablehook = lambda what: print("hook", what.exc_type.__name__)
class A:
    def __del__(self): raise ValueError
a = A()
""",
    "del calls exit": r"""
import os
class A:
    def __del__(self):
        print('deleted', flush=True)
        os._exit(5)
a = A()
""",
    "del prints a lot": "class A:\n    def __del__(self): print('x' * 100_000)\na = A()",
    "del changes the modules": r"""
import sys
class A:
    def __del__(self): sys.modules['new'] = 1; print('changed')
a = A()
""",
    "end without modules": LOUD + "import sys\na = Loud('a')\nfor name in list(sys.modules): del sys.modules[name]",
    "end with stdout in a circle": r"""
import sys
class Out:
    def write(self, t): sys.__stdout__.write(t)
    def flush(self): pass
sys.stdout = Out()
sys.stdout.me = sys.stdout
print('x')
""",
    "end while a lock is held": "import threading\nlock = threading.Lock()\nlock.acquire()\nprint('x')",
    "end after a fork": "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint('parent' if pid else 'child')",
    "deleted after a fork": LOUD + "import os\na = Loud('a')\npid = os.fork()\nif pid: os.waitpid(pid, 0)",
    "unflushed and a fork": "import os\nprint('once', end=' ')\npid = os.fork()\nif pid: os.waitpid(pid, 0)",
    "at exit and a fork": r"""
import os, atexit
atexit.register(print, 'last')
pid = os.fork()
if pid: os.waitpid(pid, 0)
else: os._exit(0)
""",
}
