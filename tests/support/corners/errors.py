"""What is printed of errors, and how programs end."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "error": "def f():\n    return 1 / 0\n\nf()",
    "error with carets": "x = {'a': {'b': None}}\nprint(x['a']['b']['c'] + 1)",
    "error on long lines": "value = (1 +\n         2 +\n         None)",
    "name error with a suggestion": "lenght = 1\nprint(length)",
    "attribute error with a suggestion": "import math\nmath.squrt(2)",
    "attribute error of a module": "import json\njson.nothing",
    "name that is a module": "print(math.pi)",
    "import error": "import nothing_of_this_name",
    "import from error": "from json import nothing",
    "import of a preloaded name that is no package": "import json.nothing",
    "import of a submodule of a module": "import math.nothing",
    "import from itself": Corner(
        source="import a", files={"a.py": b"from b import x\ny = 1\n", "b.py": b"from a import y\nx = 1\n"}
    ),
    "import of itself": "import main\nprint('twice', __name__)",
    "syntax error": "print(1)\nif True print(2)",
    "syntax error at the end": "print((1, 2)",
    "syntax error in a string": "x = 'abc\nprint(x)",
    "syntax error in an f-string": "print(f'{1 +}')",
    "indentation error": "if 1:\nprint(1)",
    "tab error": "if 1:\n        x = 1\n\tprint(x)",
    "invalid escape": "print('\\d')",
    "invalid escape as an error": "import warnings\nwarnings.simplefilter('error')\nexec(\"print('\\\\d')\")",
    "syntax warnings": "x = 1\nprint(x is 1, 1 is 1)\nassert (x, 'true')",
    "return outside": "return 1",
    "await outside": "await x",
    "nonlocal at the top": "nonlocal x",
    "syntax error in a file": Corner(source="import broken", files={"broken.py": b"x = 1\nprint(x\n"}),
    "error in a file": Corner(source="import broken\nbroken.f()", files={"broken.py": b"def f():\n    return 1 / 0\n"}),
    "error while a file is imported": Corner(
        source="import broken", files={"broken.py": b"x = 1\nraise ValueError(x)\n"}
    ),
    "syntax error in exec": "exec('x = = 1')",
    "error in exec": "exec('def f():\\n    1 / 0')\nf()",
    "syntax error that is raised": "raise SyntaxError('said', ('/work/main.py', 1, 3, 'raise x', 1, 5))",
    "unicode error": "b'\\xff'.decode()",
    "chained by from": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('x') from error",
    "chained by context": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('x')",
    "chained from None": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('x') from None",
    "chained in a circle": "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a",
    "notes": "error = ValueError('x')\nerror.add_note('first\\nsecond')\nerror.add_note('third')\nraise error",
    "notes that are none": "error = ValueError('x')\nerror.__notes__ = 3\nraise error",
    "group": "raise ExceptionGroup('some', [ValueError(1), ExceptionGroup('more', [TypeError(2), KeyError('k')])])",
    "large group": "raise ExceptionGroup('many', [ValueError(n) for n in range(30)])",
    "group split": r"""
try:
    raise ExceptionGroup("some", [ValueError(1), TypeError(2)])
except* ValueError as group:
    print(group.exceptions)
""",
    "group of base exceptions": "raise BaseExceptionGroup('some', [KeyboardInterrupt(), SystemExit(3)])",
    "error whose str fails": "class Bad(Exception):\n    def __str__(self): raise ValueError\nraise Bad",
    "error with many lines": "raise ValueError('first\\nsecond\\n\\nlast')",
    "error without text": "raise ValueError",
    "error with a strange module": "class Bad(Exception): pass\nBad.__module__ = 'some.where'\nraise Bad('x')",
    "error without a module": "class Bad(Exception): pass\nBad.__module__ = None\nraise Bad('x')",
    "raise of nothing": "raise",
    "raise of no exception": "raise 3",
    "exception in a generator": "def g():\n    yield 1\n    1 / 0\nprint(list(g()))",
    "stop iteration in a generator": "def g():\n    yield next(iter(()))\nprint(list(g()))",
    "exception in a comprehension": "print([1 / n for n in (1, 0)])",
    "exception in a lambda": "f = lambda x: x / 0\nf(1)",
    "exception in a class": "class A:\n    x = 1 / 0",
    "exception in a decorator": "def d(f): raise ValueError\n@d\ndef f(): pass",
    "exception in sorted": "print(sorted([3, 1, 2], key=lambda x: 1 / (x - 1)))",
    "exception in another file's callback": r"""
import functools, json
json.dumps({1}, default=lambda x: x.nothing)
""",
    "exception in json": "import json\njson.loads('[1,')",
    "exception in re": "import re\nre.compile('(')",
    "exception in decimal": "from decimal import *\nDecimal('x')",
    "exception in dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: list = []",
    "exception in enum": "from enum import Enum\nclass A(Enum): x = 1\nA(2)",
    "exception in statistics": "import statistics\nstatistics.mean([])",
    "exception in a heap": "import heapq\nheapq.heappush([(1, object())], (1, object()))",
    "mixed tracebacks": r"""
import traceback
try:
    int("x")
except ValueError:
    traceback.print_exc()
    print(traceback.format_exc())
    traceback.print_stack()
""",
    "traceback objects": r"""
import traceback, sys


def f():
    raise ValueError("x")


try:
    f()
except ValueError as error:
    print(
        [
            (frame.filename, frame.lineno, frame.name, frame.line)
            for frame in traceback.extract_tb(error.__traceback__)
        ]
    )
    print(traceback.TracebackException.from_exception(error, capture_locals=True).stack.format())
""",
    "long recursion": "def f(n): return f(n + 1)\nf(0)",
    "recursion of two": "def f(n): return g(n)\ndef g(n): return f(n)\nf(0)",
    "recursion that is caught": "def f(): f()\ntry: f()\nexcept RecursionError as error: print(error)\nprint('on')",
    "del that raises": "class A:\n    def __del__(self): raise ValueError('x')\nA()\nprint('on')",
    "del that raises at the end": "class A:\n    def __del__(self): raise ValueError('x')\na = A()",
    "callback that raises": r"""
import weakref
class A: pass
a = A()
r = weakref.ref(a, lambda _: 1 / 0)
del a
print('on')
""",
    "thread that raises": r"""
import threading
t = threading.Thread(target=lambda: 1 / 0, name='worker')
t.start(); t.join()
print('on')
""",
    "thread that exits": r"""
import threading, sys
t = threading.Thread(target=lambda: sys.exit(3))
t.start(); t.join()
print('on')
""",
    "low thread that raises": r"""
import _thread, time
_thread.start_new_thread(lambda: 1 / 0, ())
time.sleep(0.2)
print('on')
""",
    "hook of threads": r"""
import threading
threading.excepthook = lambda what: print(what.exc_type, what.thread.name)
t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()
""",
    "faulthandler": r"""
import faulthandler, sys
faulthandler.enable()
print(faulthandler.is_enabled())
faulthandler.dump_traceback()
""",
    "faulthandler of a fault": "import faulthandler, ctypes\nfaulthandler.enable()\nctypes.string_at(0)",
    "faulthandler of an abort": "import faulthandler, os\nfaulthandler.enable()\nos.abort()",
    "faulthandler later": "import faulthandler, time\nfaulthandler.dump_traceback_later(0.1, exit=True)\ntime.sleep(5)",
    "fault": "import ctypes\nctypes.string_at(0)",
    "stack overflow": r"""
import sys
sys.setrecursionlimit(10**9)
class A:
    def __getattr__(self, name): return getattr(self, name + "x"[:0])
A().x
""",
    "exit without a code": "import sys\nsys.exit()",
    "exit 0": "import sys\nprint('x')\nsys.exit(0)",
    "exit 3": "import sys\nprint('x')\nsys.exit(3)",
    "exit 256": "import sys\nsys.exit(256)",
    "exit -1": "import sys\nsys.exit(-1)",
    "exit too large": "import sys\nsys.exit(2**100)",
    "exit too small": "import sys\nsys.exit(-2**63 - 5)",
    "exit 2**32+5": "import sys\nsys.exit(2**32 + 5)",
    "exit true": "import sys\nsys.exit(True)",
    "exit false": "import sys\nsys.exit(False)",
    "exit with a float": "import sys\nsys.exit(2.5)",
    "exit with a text": "import sys\nprint('out')\nsys.exit('said')",
    "exit with an empty text": "import sys\nsys.exit('')",
    "exit with bytes": "import sys\nsys.exit(b'x')",
    "exit with a tuple": "import sys\nsys.exit((1, 2))",
    "exit with two": "raise SystemExit(1, 2)",
    "exit with an exception": "import sys\nsys.exit(ValueError('x'))",
    "exit with an index": r"""
import sys
class I:
    def __index__(self): return 5
    def __str__(self): return 'index'
sys.exit(I())
""",
    "exit with an own integer": "import sys\nclass I(int): pass\nsys.exit(I(6))",
    "exit with what has no text": "import sys\nclass I:\n    def __str__(self): raise ValueError\nsys.exit(I())",
    "exit with surrogates": "import sys\nsys.exit('\\udcff')",
    "exit without stderr": "import sys\nsys.stderr = None\nsys.exit('said')",
    "exit with stderr that fails": r"""
import sys
class S:
    def write(self, t): raise ValueError
sys.stderr = S()
sys.exit('said')
""",
    "exit with own stderr": "import sys, io\nsys.stderr = io.StringIO()\nsys.exit('said')",
    "exit of an own class": "class Mine(SystemExit): pass\nraise Mine(4)",
    "exit whose code fails": r"""
class Mine(SystemExit):
    @property
    def code(self): raise ValueError
raise Mine(4)
""",
    "exit class": "raise SystemExit",
    "exit in a function": "import sys\ndef f():\n    try: sys.exit(5)\n    finally: print('finally')\nf()",
    "exit that is caught": "import sys\ntry: sys.exit(5)\nexcept SystemExit as e: print(e.code)\nprint('on')",
    "exit in an imported file": Corner(
        source=r"""
import other
print('not')
""",
        files={"other.py": b"import sys\nsys.exit(9)\n"},
    ),
    "exit in exec": "exec('import sys; sys.exit(2)')",
    "exit in del": "import sys\nclass A:\n    def __del__(self): sys.exit(2)\nA()\nprint('on')",
    "exit in an exception": "import sys\ntry: 1 / 0\nexcept ZeroDivisionError: sys.exit(2)",
    "_exit": "import os\nprint('x', flush=True)\nos._exit(4)",
    "abort": "import os\nprint('x', flush=True)\nos.abort()",
    "keyboard interrupt": "print('x')\nraise KeyboardInterrupt",
    "keyboard interrupt with text": "raise KeyboardInterrupt('said')",
    "keyboard interrupt by a signal": "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(1)",
    "keyboard interrupt in a function": r"""
def f():
    try: raise KeyboardInterrupt
    finally: print('finally')
f()
""",
    "keyboard interrupt of an own class": "class Mine(KeyboardInterrupt): pass\nraise Mine",
    "keyboard interrupt and at exit": "import atexit\natexit.register(print, 'at exit')\nraise KeyboardInterrupt",
    "keyboard interrupt that is ignored": r"""
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
raise KeyboardInterrupt
""",
    "keyboard interrupt that is handled": r"""
import signal
signal.signal(signal.SIGINT, lambda *_: print('handled'))
raise KeyboardInterrupt
""",
    "keyboard interrupt in exec, caught": r"""
try: exec('raise KeyboardInterrupt')
except KeyboardInterrupt: print('caught')
""",
    "keyboard interrupt with a hook": "import sys\nsys.excepthook = lambda *_: print('hook')\nraise KeyboardInterrupt",
    "generator exit": "raise GeneratorExit",
    "base exception": "class Mine(BaseException): pass\nraise Mine('x')",
    "signal by default": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nprint('not')",
    "kill": "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)",
    "user signal": "import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)",
    "alarm": "import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(5)",
    "alarm with handler": r"""
import signal, time
def handler(number, frame):
    print(signal.Signals(number).name, frame.f_code.co_name)
    raise TimeoutError("late")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(5)
""",
    "virtual alarm": "import signal\nsignal.setitimer(signal.ITIMER_VIRTUAL, 0.05)\nwhile True: pass",
    "limit of CPU time": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass",
    "limit of file size": r"""
import resource
f = open('/tmp/x', 'wb')
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
f.write(b'x' * 1000); f.flush()
""",
    "handler left": r"""
import signal, os
signal.signal(signal.SIGTERM, lambda *_: print('term'))
os.kill(os.getpid(), signal.SIGTERM)
print('on')
""",
    "signals as at the start": r"""
import signal
print([(each.name, signal.getsignal(each)) for each in signal.valid_signals() if isinstance(each, signal.Signals)])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.sigpending(), signal.getitimer(signal.ITIMER_REAL))
print(signal.set_wakeup_fd(-1))
""",
    "raised signal": "import signal\nsignal.raise_signal(signal.SIGHUP)",
    "signal to a thread": "import signal, threading\nsignal.pthread_kill(threading.get_ident(), signal.SIGQUIT)",
    "stopped and continued": r"""
import os, signal, time
pid = os.getpid()
if os.fork() == 0:
    time.sleep(0.1); os.kill(pid, signal.SIGCONT); os._exit(0)
os.kill(pid, signal.SIGSTOP)
print("continued")
""",
    "warnings": r"""
import warnings
warnings.warn("said")
warnings.warn("old", DeprecationWarning)
warnings.warn("pending", PendingDeprecationWarning)
def f(): warnings.warn("from f", stacklevel=2)
f(); f()
""",
    "warning as an error": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('said')",
    "deprecated import": "import imp\nimport asynchat",
    "warnings caught": r"""
import warnings
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter('always')
    warnings.warn('x')
print(len(w), w[0])
""",
}
