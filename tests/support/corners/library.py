"""Modules of the library, above all what they draw, note or register when they are imported."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "random with a seed": r"""
import random
random.seed(7)
print(random.random(), random.sample(range(100), 5), random.gauss(0, 1), random.choices('abc', k=5))
""",
    "random in a fork": r"""
import random, os
random.seed(1)
a = random.random()
pid = os.fork()
if pid == 0: print(random.random() == random.Random(1).random()); os._exit(0)
os.waitpid(pid, 0)
""",
    "random state": r"""
import random
print(random.getstate()[0], random.getstate()[2], random._inst.gauss_next)
r = random.Random(5)
print(r.randint(1, 100), r.random())
""",
    "uuids that are named": r"""
import uuid
print(uuid.uuid5(uuid.NAMESPACE_DNS, 'x'), uuid.UUID(int=5), uuid.uuid4().version)
""",
    "secrets": "import secrets\nprint(len(secrets.token_hex(8)), secrets.compare_digest('a', 'a'))",
    "tempfile": r"""
import tempfile, os
print(tempfile.gettempdir(), tempfile.tempdir, len(os.path.basename(tempfile.mkdtemp())), tempfile.gettempprefix())
""",
    "caches of re": r"""
import re

print(
    len(re._cache),
    re._compile_repl.cache_info(),
    re.compile("a") is re.compile("a"),
    re.template if hasattr(re, "template") else None,
)
""",
    "caches of re after use": "import re\nfor n in range(600): re.match(str(n), '')\nprint(len(re._cache))",
    "caches of functools": r"""
import functools, typing, re, random, statistics, inspect, json, textwrap, fractions, decimal, datetime, locale, fnmatch
import gc
for module in (typing, re, statistics, inspect, fractions, fnmatch):
    for name, value in sorted(vars(module).items()):
        if hasattr(value, "cache_info"): print(module.__name__, name, value.cache_info())
print(len(typing._cleanups), len(re._cache))
""",
    "caches of typing": r"""
import typing
print(typing.List[int] is typing.List[int], typing.get_type_hints(lambda: 0), typing.Optional[int])
""",
    "caches of lines": "import linecache\nprint(list(linecache.cache), linecache.getline('/work/main.py', 1))",
    "caches of lines after an error": r"""
import traceback, linecache
try: 1 / 0
except Exception: traceback.print_exc()
print(sorted(linecache.cache))
""",
    "caches of abc": r"""
import _abc, collections.abc as c, numbers
print([_abc._get_dump(each)[1:3] for each in (c.Sequence, c.Mapping, c.Hashable, numbers.Number, c.Iterable)])
""",
    "registers of abc": r"""
from collections.abc import *
import _abc

print(
    sorted(str(r()) for r in _abc._get_dump(MutableSequence)[0]),
    sorted(str(r()) for r in _abc._get_dump(Sequence)[0]),
)
""",
    "struct and array caches": "import struct\nprint(struct.calcsize('iq'), struct.pack('<hd', 1, 2.5))",
    "copyreg": "import copyreg\nprint(sorted(map(str, copyreg.dispatch_table)), copyreg._extension_registry)",
    "copyreg after re": "import re, copyreg\nprint(sorted(map(str, copyreg.dispatch_table)))",
    "single dispatch": r"""
import functools, statistics, pprint
@functools.singledispatch
def f(x): return 'any'
@f.register
def _(x: int): return 'int'
print(f(1), f('a'), dict(f.registry))
""",
    "copy": r"""
import copy
class A: pass
a = A(); a.x = [a]
b = copy.deepcopy(a)
print(b.x[0] is b, copy.copy(a).x is a.x, len(copy._deepcopy_dispatch))
""",
    "pickle": r"""
import pickle
class A:
    def __init__(self): self.x = 1
print(pickle.dumps(A()), pickle.loads(pickle.dumps(A())).x)
pickle.dumps(lambda: 0)
""",
    "pickle of the library": r"""
import pickle, random, decimal, datetime, re, collections, fractions

print(
    [
        pickle.loads(pickle.dumps(x))
        for x in (
            decimal.Decimal("1.5"),
            datetime.date(2000, 1, 1),
            collections.Counter("aab"),
            fractions.Fraction(1, 3),
            re.compile("a"),
        )
    ]
)
""",
    "marshal": "import marshal\nprint(marshal.loads(marshal.dumps([1, 'a', None])), marshal.version)",
    "context of decimal": r"""
import decimal
print(decimal.getcontext(), decimal.Decimal(1) / 3, decimal.DefaultContext)
decimal.getcontext().prec = 5
print(decimal.Decimal(1) / 3)
""",
    "flags of decimal": r"""
from decimal import *
Decimal(1) / 3
print(getcontext().flags[Inexact], getcontext().flags[Rounded], BasicContext.flags[Inexact])
""",
    "decimal in a thread": r"""
import decimal, threading
decimal.getcontext().prec = 3
t = threading.Thread(target=lambda: print(decimal.getcontext().prec)); t.start(); t.join()
""",
    "context variables": r"""
import contextvars
v = contextvars.ContextVar('v', default=1)
print(v.get(), list(contextvars.copy_context().items()))
v.set(2)
print(contextvars.copy_context().run(v.get))
""",
    "context after decimal": r"""
import contextvars, decimal
decimal.getcontext()
print([v.name for v in contextvars.copy_context()])
""",
    "dataclasses": r"""
from dataclasses import *
@dataclass(order=True, slots=True)
class A:
    x: int
    y: list = field(default_factory=list)
print(A(1) < A(2), A(1), asdict(A(3)), fields(A)[0])
""",
    "enums": r"""
import enum
class C(enum.Enum):
    A = enum.auto(); B = enum.auto()
class F(enum.Flag):
    X = 1; Y = 2
print(list(C), F.X | F.Y, C.A.name, C['B'], enum.IntFlag('Z', 'a b')(3))
""",
    "named tuples": r"""
from collections import namedtuple
P = namedtuple('P', 'x y')
print(P(1, 2), P.__module__, P._fields_defaults)
""",
    "typing": r"""
from typing import *
class A(TypedDict):
    x: int
class N(NamedTuple):
    x: int = 1
T = TypeVar('T')
class G(Generic[T]): pass
print(A.__annotations__, N(), G[int], get_type_hints(A))
""",
    "protocols": r"""
from typing import *
@runtime_checkable
class P(Protocol):
    def f(self): ...
class A:
    def f(self): pass
print(isinstance(A(), P), isinstance(1, P))
""",
    "inspect source": r"""
import inspect
def f(x):
    return x + 1
class A:
    def m(self): pass
print(inspect.getsource(f), inspect.getsource(A), inspect.getsourcefile(f), inspect.getmodule(f), inspect.signature(f))
""",
    "inspect stack": r"""
import inspect
def f(): return [(s.filename, s.lineno, s.function, s.code_context) for s in inspect.stack()]
print(f())
""",
    "inspect of the library": r"""
import inspect, json, random

print(
    len(inspect.getsource(json.dumps)),
    inspect.getfile(random),
    inspect.getmodule(random.Random),
    inspect.getdoc(json.dumps)[:20],
)
""",
    "inspect of all modules": r"""
import inspect, sys
def f(): pass
print(inspect.getmodule(f), sorted(inspect.modulesbyfile)[:3] != [])
""",
    "doctest": r'''
import doctest
def f(x):
    """
    >>> f(1)
    2
    >>> f(2)
    5
    """
    return 2 * x
print(doctest.testmod())
''',
    "unittest": r"""
import unittest
class T(unittest.TestCase):
    def test_a(self): self.assertEqual(1, 1)
if __name__ == '__main__':
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(T)
    print(suite.countTestCases(), unittest.TestResult().wasSuccessful(), suite.run(unittest.TestResult()))
""",
    "unittest main": r"""
import unittest, sys, re
class T(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): self.fail('no')
class Out:
    def write(self, t): print(re.sub(r'in [\d.]+s', 'in time', t), end='')
    def flush(self): pass
unittest.main(testRunner=unittest.TextTestRunner(stream=Out(), verbosity=2))
""",
    "unittest mock": r"""
from unittest import mock
with mock.patch('json.dumps', return_value='mocked'):
    import json
    print(json.dumps(1))
print(json.dumps(1), mock.call(1))
""",
    "unittest async": r"""
import unittest
class T(unittest.IsolatedAsyncioTestCase):
    async def test_a(self): self.assertTrue(True)
r = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromTestCase(T).run(r)
print(r)
""",
    "unittest warnings": r"""
import unittest, warnings, io
class T(unittest.TestCase):
    def test_a(self): warnings.warn('x', DeprecationWarning)
out = io.StringIO()
unittest.TextTestRunner(stream=out).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
print('DeprecationWarning' in out.getvalue())
""",
    "logging": r"""
import logging
logging.warning('said %s', 1)
logging.getLogger('a.b').error('x')
print(logging.root.handlers, logging.getLevelName(10), logging._handlers.keys())
""",
    "logging time": r"""
import logging, time
r = logging.LogRecord('n', 10, 'p', 1, 'm', (), None)
print(0 <= r.relativeCreated < 5000, abs(logging._startTime - time.time()) < 5, r.process, r.threadName, r.processName)
""",
    "logging names": r"""
import logging
print(logging.Logger.manager.loggerDict, logging.root, logging.lastResort, logging._srcfile)
""",
    "logging an exception": "import logging\ntry: 1 / 0\nexcept Exception: logging.exception('failed')",
    "logging threads": r"""
import logging, threading
logging.basicConfig(format='%(threadName)s %(process)d %(module)s %(funcName)s %(lineno)d %(message)s')
logging.error('x')
""",
    "times": r"""
import time

a = time.time()
b = time.monotonic()
c = time.perf_counter()
print(
    a > 1.6e9,
    b > 0,
    c > 0,
    time.process_time() < 1,
    time.get_clock_info("monotonic").implementation,
    time.tzname,
    time.timezone,
)
""",
    "time zones": r"""
import time, datetime, os
print(time.localtime(0)[:6], datetime.datetime.fromtimestamp(0), datetime.datetime.now().astimezone().tzinfo)
os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()
print(time.localtime(0)[:6], time.tzname)
""",
    "zone info": r"""
import zoneinfo
try: print(zoneinfo.ZoneInfo('Europe/Berlin').utcoffset(None), zoneinfo.TZPATH)
except Exception as e: print(type(e), e)
""",
    "strptime": r"""
import datetime, time

print(
    datetime.datetime.strptime("2001-02-03", "%Y-%m-%d"),
    time.strptime("Mon", "%a").tm_wday,
    datetime.date(2000, 1, 1).strftime("%A %B"),
)
""",
    "strptime modules": r"""
import sys, datetime
before = set(sys.modules)
datetime.datetime.strptime('1', '%d')
print([m for m in sys.modules if m not in before])
""",
    "locale": r"""
import locale

print(
    locale.getlocale(),
    locale.getpreferredencoding(),
    locale.setlocale(locale.LC_ALL),
    locale.localeconv()["decimal_point"],
    f"{1234567:n}",
)
""",
    "locale set": r"""
import locale
try: print(locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8'))
except locale.Error as e: print(e)
print(locale.setlocale(locale.LC_ALL, ''))
""",
    "hashlib": r"""
import hashlib

print(
    hashlib.md5(b"x").hexdigest(),
    hashlib.sha256(b"x"),
    sorted(hashlib.algorithms_available),
    hashlib.new("sha1", b"x").name,
)
""",
    "hmac and ssl": r"""
import hmac, ssl
print(hmac.new(b'k', b'm', 'sha256').hexdigest(), ssl.OPENSSL_VERSION, len(ssl.RAND_bytes(4)))
""",
    "ctypes": r"""
import ctypes
libc = ctypes.CDLL(None)
print(libc.getpid(), ctypes.sizeof(ctypes.c_long), libc.strlen(b'abc'), ctypes.pythonapi.Py_IsInitialized())
""",
    "ctypes and errno": r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.close(99), ctypes.get_errno())
""",
    "ctypes callback": r"""
import ctypes
f = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)
print(f(4))
ctypes.CFUNCTYPE(None)(lambda: 1 / 0)()
""",
    "ctypes at exit of C": r"""
import ctypes
libc = ctypes.CDLL(None)
f = ctypes.CFUNCTYPE(None)(lambda: None)
libc.puts(b'c')
print('x')
""",
    "prctl": r"""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
name = ctypes.create_string_buffer(16)
for option in (2, 3, 7, 16, 23, 27, 30, 37, 39, 46):
    print(
        option,
        libc.prctl(option, name, 0, 0, 0) if option != 23 else libc.prctl(23, 0, 0, 0, 0),
        name.value if option == 16 else "",
    )
""",
    "tracemalloc": r"""
import tracemalloc
print(tracemalloc.is_tracing())
tracemalloc.start()
x = [bytes(1000) for _ in range(10)]
s = tracemalloc.take_snapshot()
print([t.traceback[0].lineno for t in s.statistics('lineno') if t.traceback[0].filename == '/work/main.py'][:1])
""",
    "sqlite": r"""
import sqlite3
c = sqlite3.connect(':memory:')
c.execute('create table t (x)')
c.executemany('insert into t values (?)', [(1,), (2,)])
print(c.execute('select sum(x) from t').fetchone(), sqlite3.threadsafety)
""",
    "mmap": "import mmap\nm = mmap.mmap(-1, 100)\nm[:3] = b'abc'\nprint(m[:4], len(m))",
    "arrays": "import array\na = array.array('i', [1, 2]); a.append(3)\nprint(a, a.buffer_info()[1])",
    "zlib and others": r"""
import zlib, bz2, lzma
print(len(zlib.compress(b'x' * 1000)), len(bz2.compress(b'x' * 1000)), len(lzma.compress(b'x' * 1000)))
""",
    "ast and dis": "import ast, dis\nprint(ast.dump(ast.parse('x = 1')))\ndis.dis(compile('x + 1', 'x', 'eval'))",
    "specialised code": r"""
import dis, json, collections
def f(x): return x + 1
for _ in range(20): f(1)
dis.dis(f, adaptive=True)
""",
    "tokenize": r"""
import tokenize, io
print([t.string for t in tokenize.generate_tokens(io.StringIO('x = 1').readline)])
""",
    "code module": "import code\nc = code.InteractiveInterpreter()\nprint(c.runsource('1 + 1'), c.runsource('1 +'))",
    "interactive console": Corner(
        source=r"""
import code
code.interact(banner='hello', local={'x': 5})
""",
        stdin=b"x + 1\n1 / 0\n",
    ),
    "cmd": Corner(
        source=r"""
import cmd
class C(cmd.Cmd):
    def do_hello(self, line): print('hello', line)
    def do_EOF(self, line): return True
C().cmdloop()
""",
        stdin=b"hello you\n",
    ),
    "pdb": Corner(source="import pdb\nx = 1\npdb.set_trace()\nx = 2\nprint(x)", stdin=b"p x\nw\nn\nc\n"),
    "pdb after an error": Corner(
        source=r"""
import pdb, sys
def f(): 1 / 0
try: f()
except Exception: pdb.post_mortem()
""",
        stdin=b"w\nq\n",
    ),
    "cProfile": r"""
import cProfile, pstats, io
p = cProfile.Profile(); p.enable(); sum(range(10)); p.disable()
out = io.StringIO(); pstats.Stats(p, stream=out).print_stats()
print(out.getvalue().count('sum'))
""",
    "cProfile left on": "import cProfile\np = cProfile.Profile()\np.enable()\nprint('x')",
    "profile": r"""
import profile, io, contextlib
out = io.StringIO()
with contextlib.redirect_stdout(out): profile.run('1 + 1')
print('function calls' in out.getvalue())
""",
    "timeit": "import timeit\nprint(timeit.timeit('1 + 1', number=100) < 1)",
    "trace module": r"""
import trace, sys
t = trace.Trace(count=1, trace=0)
t.run('x = 1\nfor i in range(3): x += i')
print(sorted((k[1], v) for k, v in t.results().counts.items() if k[0] == '<string>'))
""",
    "argparse": r"""
import argparse
p = argparse.ArgumentParser()
p.add_argument('--x', type=int, default=3)
print(p.parse_args([]), p.prog)
p.parse_args(['--y'])
""",
    "pprint": "import pprint\npprint.pprint({'b': [1] * 40, 'a': {'x': set('abc')}})",
    "textwrap": r"""
import textwrap
print(textwrap.fill('some text that is long ' * 5, 30), textwrap.dedent('  a\n  b'))
""",
    "string": r"""
import string
print(string.Template('$x').substitute(x=1), string.ascii_letters, string.Formatter().format('{0}', 1))
""",
    "statistics": r"""
import statistics as s
print(s.mean([1, 2]), s.stdev([1, 2, 4]), s.NormalDist(0, 1).cdf(0.5), s.median([3, 1, 2]))
""",
    "fractions": r"""
from fractions import Fraction as F
print(F(1, 3) + F('0.25'), F(1.5), F(2, 4), hash(F(1, 2)) == hash(0.5))
""",
    "heapq and bisect": r"""
import heapq, bisect
h = [3, 1, 2]; heapq.heapify(h)
print(heapq.heappop(h), heapq.nsmallest(2, h), bisect.bisect([1, 2, 3], 2), heapq.merge, heapq.__about__[:10])
""",
    "itertools": r"""
import itertools as i
print(list(i.permutations('ab')), list(i.accumulate([1, 2, 3])), next(i.count(5)))
""",
    "collections": r"""
import collections as c
print(c.Counter('aab').most_common(), c.deque([1, 2], 1), c.OrderedDict(a=1), c.defaultdict(int), c.ChainMap({'a': 1}))
""",
    "numbers": r"""
import numbers, decimal, fractions

print(
    [isinstance(x, numbers.Rational) for x in (1, 1.5, fractions.Fraction(1), decimal.Decimal(1))],
    isinstance(decimal.Decimal(1), numbers.Number),
)
""",
    "numbers without the others": r"""
import numbers
print(isinstance(1, numbers.Integral), isinstance(1.0, numbers.Real), numbers.Number.__subclasses__())
""",
    "weak": r"""
import weakref
class A: pass
a = A(); d = weakref.WeakValueDictionary(x=a)
print(dict(d)); del a
print(dict(d), weakref.getweakrefcount(A))
""",
    "weak counts": r"""
import weakref, types, abc
print(weakref.getweakrefcount(int), weakref.getweakrefcount(Exception), weakref.getweakrefcount(object))
""",
    "types": r"""
import types
print(types.SimpleNamespace(a=1), types.FunctionType is type(lambda: 0), types.new_class('A', (), {}))
""",
    "json": r"""
import json
print(json.dumps({'b': [1, 2.5, None, True], 'a': 'é'}, indent=1, sort_keys=True), json.loads('[1e3, NaN]'))
""",
    "csv and config": r"""
import csv, io, configparser
out = io.StringIO(); csv.writer(out).writerows([[1, 'a,b']])
c = configparser.ConfigParser(); c.read_string('[a]\nx=1')
print(out.getvalue(), c['a']['x'], csv.list_dialects())
""",
    "xml and html": r"""
import xml.etree.ElementTree as e, html
print(e.tostring(e.fromstring('<a><b x="1"/></a>')), html.escape('<&'))
""",
    "urllib": r"""
import urllib.parse, urllib.request
print(urllib.parse.urlsplit('http://a/b?c'))
try: urllib.request.urlopen('http://127.0.0.1:1', timeout=1)
except OSError as e: print(e)
""",
    "shutil and pathlib": r"""
import shutil, pathlib

p = pathlib.Path("/tmp/a/b")
p.mkdir(parents=True)
(p / "x").write_text("y")
print(
    sorted(map(str, pathlib.Path("/tmp/a").rglob("*"))),
    shutil.which("python3"),
    pathlib.Path.home(),
    pathlib.Path.cwd(),
)
""",
    "platform": r"""
import platform, sysconfig

print(
    platform.python_version(),
    platform.system(),
    platform.machine(),
    platform.python_compiler(),
    sysconfig.get_paths()["stdlib"],
    platform.libc_ver(),
)
""",
    "getpass": "import getpass\ntry: print(getpass.getuser())\nexcept Exception as e: print(type(e), e)",
    "curses and readline": "import readline, curses\nprint(readline.get_line_buffer(), curses.COLOR_RED)",
    "input with readline": Corner(source="import readline\nprint(input('? '))", stdin=b"abc\n"),
    "gettext": "import gettext\nprint(gettext.gettext('x'), gettext.find('x'))",
    "weekday": "import calendar\nprint(calendar.month(2000, 1))",
    "numpy": r"""
try:
    import numpy as np
except ImportError as e: print(e)
else: print(np.arange(3) + 1, np.random.seed)
""",
    "numpy exits": r"""
import sys
try:
    import numpy as np
except ImportError as e: print(e)
else: sys.exit(np.int64(3))
""",
    "codecs that are imported": r"""
import sys
before = set(sys.modules)
'x'.encode('latin-1'); 'x'.encode('utf-16'); b'x'.decode('ascii')
print([m for m in sys.modules if m not in before])
""",
    "unicodedata": "import unicodedata\nprint(unicodedata.name('é'), unicodedata.normalize('NFD', 'é'), '\\N{BULLET}')",
    "modules that an f-string brings": r"""
import sys
before = set(sys.modules)
print(f'{1.5:.2f} {1000:,}', '%s' % 1, '{!r}'.format('x'))
print([m for m in sys.modules if m not in before])
""",
    "modules that open brings": r"""
import sys
before = set(sys.modules)
open('/tmp/x', 'w').close(); input
print([m for m in sys.modules if m not in before])
""",
    "modules at an error": r"""
import sys, atexit
before = set(sys.modules)
atexit.register(lambda: print([m for m in sys.modules if m not in before]))
1 / 0
""",
    "behaves by what is imported": r"""
import sys

print(
    "fast" if "json" in sys.modules else "slow",
    "threading" in sys.modules,
    "typing" in sys.modules,
    "numpy" in sys.modules,
)
""",
    "audited opens of an import": r"""
import sys
opened = []
sys.addaudithook(lambda e, a: opened.append(a[0]) if e == 'open' else None)
import wave
print(len(opened) > 0)
""",
}
