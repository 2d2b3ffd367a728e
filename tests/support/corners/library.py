"""Modules of the library, above all what they draw, note or register when they are imported."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "random with a seed": "import random\nrandom.seed(7)\nprint(random.random(), random.sample(range(100), 5), random.gauss(0, 1), random.choices('abc', k=5))",
    "random in a fork": "import random, os\nrandom.seed(1)\na = random.random()\npid = os.fork()\nif pid == 0: print(random.random() == random.Random(1).random()); os._exit(0)\nos.waitpid(pid, 0)",
    "random state": "import random\nprint(random.getstate()[0], random.getstate()[2], random._inst.gauss_next)\nr = random.Random(5)\nprint(r.randint(1, 100), r.random())",
    "uuids that are named": "import uuid\nprint(uuid.uuid5(uuid.NAMESPACE_DNS, 'x'), uuid.UUID(int=5), uuid.uuid4().version)",
    "secrets": "import secrets\nprint(len(secrets.token_hex(8)), secrets.compare_digest('a', 'a'))",
    "tempfile": "import tempfile, os\nprint(tempfile.gettempdir(), tempfile.tempdir, len(os.path.basename(tempfile.mkdtemp())), tempfile.gettempprefix())",
    "caches of re": "import re\nprint(len(re._cache), re._compile_repl.cache_info(), re.compile('a') is re.compile('a'), re.template if hasattr(re, 'template') else None)",
    "caches of re after use": "import re\nfor n in range(600): re.match(str(n), '')\nprint(len(re._cache))",
    "caches of functools": r"""
import functools, typing, re, random, statistics, inspect, json, textwrap, fractions, decimal, datetime, locale, fnmatch
import gc
for module in (typing, re, statistics, inspect, fractions, fnmatch):
    for name, value in sorted(vars(module).items()):
        if hasattr(value, "cache_info"): print(module.__name__, name, value.cache_info())
print(len(typing._cleanups), len(re._cache))
""",
    "caches of typing": "import typing\nprint(typing.List[int] is typing.List[int], typing.get_type_hints(lambda: 0), typing.Optional[int])",
    "caches of lines": "import linecache\nprint(linecache.cache, linecache.getline('/work/main.py', 1))",
    "caches of lines after an error": "import traceback, linecache\ntry: 1 / 0\nexcept Exception: traceback.print_exc()\nprint(sorted(linecache.cache))",
    "caches of abc": "import _abc, collections.abc as c, numbers\nprint([_abc._get_dump(each)[1:3] for each in (c.Sequence, c.Mapping, c.Hashable, numbers.Number, c.Iterable)])",
    "registers of abc": "from collections.abc import *\nimport _abc\nprint(sorted(str(r()) for r in _abc._get_dump(MutableSequence)[0]), sorted(str(r()) for r in _abc._get_dump(Sequence)[0]))",
    "struct and array caches": "import struct\nprint(struct.calcsize('iq'), struct.pack('<hd', 1, 2.5))",
    "copyreg": "import copyreg\nprint(sorted(map(str, copyreg.dispatch_table)), copyreg._extension_registry)",
    "copyreg after re": "import re, copyreg\nprint(sorted(map(str, copyreg.dispatch_table)))",
    "single dispatch": "import functools, statistics, pprint\n@functools.singledispatch\ndef f(x): return 'any'\n@f.register\ndef _(x: int): return 'int'\nprint(f(1), f('a'), dict(f.registry))",
    "copy": "import copy\nclass A: pass\na = A(); a.x = [a]\nb = copy.deepcopy(a)\nprint(b.x[0] is b, copy.copy(a).x is a.x, len(copy._deepcopy_dispatch))",
    "pickle": "import pickle\nclass A:\n    def __init__(self): self.x = 1\nprint(pickle.dumps(A()), pickle.loads(pickle.dumps(A())).x)\npickle.dumps(lambda: 0)",
    "pickle of the library": "import pickle, random, decimal, datetime, re, collections, fractions\nprint([pickle.loads(pickle.dumps(x)) for x in (decimal.Decimal('1.5'), datetime.date(2000, 1, 1), collections.Counter('aab'), fractions.Fraction(1, 3), re.compile('a'))])",
    "marshal": "import marshal\nprint(marshal.loads(marshal.dumps([1, 'a', None])), marshal.version)",
    "context of decimal": "import decimal\nprint(decimal.getcontext(), decimal.Decimal(1) / 3, decimal.DefaultContext)\ndecimal.getcontext().prec = 5\nprint(decimal.Decimal(1) / 3)",
    "flags of decimal": "from decimal import *\nDecimal(1) / 3\nprint(getcontext().flags[Inexact], getcontext().flags[Rounded], BasicContext.flags[Inexact])",
    "decimal in a thread": "import decimal, threading\ndecimal.getcontext().prec = 3\nt = threading.Thread(target=lambda: print(decimal.getcontext().prec)); t.start(); t.join()",
    "context variables": "import contextvars\nv = contextvars.ContextVar('v', default=1)\nprint(v.get(), list(contextvars.copy_context().items()))\nv.set(2)\nprint(contextvars.copy_context().run(v.get))",
    "context after decimal": "import contextvars, decimal\ndecimal.getcontext()\nprint([v.name for v in contextvars.copy_context()])",
    "dataclasses": "from dataclasses import *\n@dataclass(order=True, slots=True)\nclass A:\n    x: int\n    y: list = field(default_factory=list)\nprint(A(1) < A(2), A(1), asdict(A(3)), fields(A)[0])",
    "enums": "import enum\nclass C(enum.Enum):\n    A = enum.auto(); B = enum.auto()\nclass F(enum.Flag):\n    X = 1; Y = 2\nprint(list(C), F.X | F.Y, C.A.name, C['B'], enum.IntFlag('Z', 'a b')(3))",
    "named tuples": "from collections import namedtuple\nP = namedtuple('P', 'x y')\nprint(P(1, 2), P.__module__, P._fields_defaults)",
    "typing": "from typing import *\nclass A(TypedDict):\n    x: int\nclass N(NamedTuple):\n    x: int = 1\nT = TypeVar('T')\nclass G(Generic[T]): pass\nprint(A.__annotations__, N(), G[int], get_type_hints(A))",
    "protocols": "from typing import *\n@runtime_checkable\nclass P(Protocol):\n    def f(self): ...\nclass A:\n    def f(self): pass\nprint(isinstance(A(), P), isinstance(1, P))",
    "inspect source": "import inspect\ndef f(x):\n    return x + 1\nclass A:\n    def m(self): pass\nprint(inspect.getsource(f), inspect.getsource(A), inspect.getsourcefile(f), inspect.getmodule(f), inspect.signature(f))",
    "inspect stack": "import inspect\ndef f(): return [(s.filename, s.lineno, s.function, s.code_context) for s in inspect.stack()]\nprint(f())",
    "inspect of the library": "import inspect, json, random\nprint(len(inspect.getsource(json.dumps)), inspect.getfile(random), inspect.getmodule(random.Random), inspect.getdoc(json.dumps)[:20])",
    "inspect of all modules": "import inspect, sys\ndef f(): pass\nprint(inspect.getmodule(f), sorted(inspect.modulesbyfile)[:3] != [])",
    "doctest": '"""\n>>> 1 + 1\n3\n>>> f(2)\n4\n"""\nimport doctest\ndef f(x):\n    """\n    >>> f(1)\n    2\n    """\n    return 2 * x\nprint(doctest.testmod())',
    "unittest": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(1, 1)\nif __name__ == '__main__':\n    suite = unittest.defaultTestLoader.loadTestsFromTestCase(T)\n    print(suite.countTestCases(), unittest.TestResult().wasSuccessful(), suite.run(unittest.TestResult()))",
    "unittest main": "import unittest, sys, re\nclass T(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): self.fail('no')\nclass Out:\n    def write(self, t): print(re.sub(r'in [\\d.]+s', 'in time', t), end='')\n    def flush(self): pass\nunittest.main(testRunner=unittest.TextTestRunner(stream=Out(), verbosity=2))",
    "unittest mock": "from unittest import mock\nwith mock.patch('json.dumps', return_value='mocked'):\n    import json\n    print(json.dumps(1))\nprint(json.dumps(1), mock.call(1))",
    "unittest async": "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self): self.assertTrue(True)\nr = unittest.TestResult()\nunittest.defaultTestLoader.loadTestsFromTestCase(T).run(r)\nprint(r)",
    "unittest warnings": "import unittest, warnings, io\nclass T(unittest.TestCase):\n    def test_a(self): warnings.warn('x', DeprecationWarning)\nout = io.StringIO()\nunittest.TextTestRunner(stream=out).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))\nprint('DeprecationWarning' in out.getvalue())",
    "logging": "import logging\nlogging.warning('said %s', 1)\nlogging.getLogger('a.b').error('x')\nprint(logging.root.handlers, logging.getLevelName(10), logging._handlers.keys())",
    "logging time": "import logging, time\nr = logging.makeLogRecord({}) if False else logging.LogRecord('n', 10, 'p', 1, 'm', (), None)\nprint(0 <= r.relativeCreated < 5000, abs(logging._startTime - time.time()) < 5, r.process, r.threadName, r.processName)",
    "logging names": "import logging\nprint(logging.Logger.manager.loggerDict, logging.root, logging.lastResort, logging._srcfile)",
    "logging an exception": "import logging\ntry: 1 / 0\nexcept Exception: logging.exception('failed')",
    "logging threads": "import logging, threading\nlogging.basicConfig(format='%(threadName)s %(process)d %(module)s %(funcName)s %(lineno)d %(message)s')\nlogging.error('x')",
    "times": "import time\na = time.time(); b = time.monotonic(); c = time.perf_counter()\nprint(a > 1.6e9, b > 0, c > 0, time.process_time() < 1, time.get_clock_info('monotonic').implementation, time.tzname, time.timezone)",
    "time zones": "import time, datetime, os\nprint(time.localtime(0)[:6], datetime.datetime.fromtimestamp(0), datetime.datetime.now().astimezone().tzinfo)\nos.environ['TZ'] = 'Asia/Tokyo'; time.tzset()\nprint(time.localtime(0)[:6], time.tzname)",
    "zone info": "import zoneinfo\ntry: print(zoneinfo.ZoneInfo('Europe/Berlin').utcoffset(None), zoneinfo.TZPATH)\nexcept Exception as e: print(type(e), e)",
    "strptime": "import datetime, time\nprint(datetime.datetime.strptime('2001-02-03', '%Y-%m-%d'), time.strptime('Mon', '%a').tm_wday, datetime.date(2000, 1, 1).strftime('%A %B'))",
    "strptime modules": "import sys, datetime\nbefore = set(sys.modules)\ndatetime.datetime.strptime('1', '%d')\nprint([m for m in sys.modules if m not in before])",
    "locale": "import locale\nprint(locale.getlocale(), locale.getpreferredencoding(), locale.setlocale(locale.LC_ALL), locale.localeconv()['decimal_point'], f'{1234567:n}')",
    "locale set": "import locale\ntry: print(locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8'))\nexcept locale.Error as e: print(e)\nprint(locale.setlocale(locale.LC_ALL, ''))",
    "hashlib": "import hashlib\nprint(hashlib.md5(b'x').hexdigest(), hashlib.sha256(b'x'), sorted(hashlib.algorithms_available), hashlib.new('sha1', b'x').name)",
    "hmac and ssl": "import hmac, ssl\nprint(hmac.new(b'k', b'm', 'sha256').hexdigest(), ssl.OPENSSL_VERSION, len(ssl.RAND_bytes(4)))",
    "ctypes": "import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.getpid(), ctypes.sizeof(ctypes.c_long), libc.strlen(b'abc'), ctypes.pythonapi.Py_IsInitialized())",
    "ctypes and errno": "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.close(99), ctypes.get_errno())",
    "ctypes callback": "import ctypes\nf = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)\nprint(f(4))\nctypes.CFUNCTYPE(None)(lambda: 1 / 0)()",
    "ctypes at exit of C": "import ctypes\nlibc = ctypes.CDLL(None)\nf = ctypes.CFUNCTYPE(None)(lambda: None)\nlibc.puts(b'c')\nprint('x')",
    "prctl": r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
name = ctypes.create_string_buffer(16)
for option in (2, 3, 7, 16, 23, 27, 30, 37, 39, 46):
    print(option, libc.prctl(option, name, 0, 0, 0) if option != 23 else libc.prctl(23, 0, 0, 0, 0), name.value if option == 16 else "")
""",
    "tracemalloc": "import tracemalloc\nprint(tracemalloc.is_tracing())\ntracemalloc.start()\nx = [bytes(1000) for _ in range(10)]\ns = tracemalloc.take_snapshot()\nprint([t.traceback[0].lineno for t in s.statistics('lineno') if t.traceback[0].filename == '/work/main.py'][:1])",
    "sqlite": "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t (x)')\nc.executemany('insert into t values (?)', [(1,), (2,)])\nprint(c.execute('select sum(x) from t').fetchone(), sqlite3.threadsafety)",
    "mmap": "import mmap\nm = mmap.mmap(-1, 100)\nm[:3] = b'abc'\nprint(m[:4], len(m))",
    "arrays": "import array\na = array.array('i', [1, 2]); a.append(3)\nprint(a, a.buffer_info()[1])",
    "zlib and others": "import zlib, bz2, lzma\nprint(len(zlib.compress(b'x' * 1000)), len(bz2.compress(b'x' * 1000)), len(lzma.compress(b'x' * 1000)))",
    "ast and dis": "import ast, dis\nprint(ast.dump(ast.parse('x = 1')))\ndis.dis(compile('x + 1', 'x', 'eval'))",
    "specialised code": r"""
import dis, json, collections
def f(x): return x + 1
for _ in range(20): f(1)
dis.dis(f, adaptive=True)
""",
    "tokenize": "import tokenize, io\nprint([t.string for t in tokenize.generate_tokens(io.StringIO('x = 1').readline)])",
    "code module": "import code\nc = code.InteractiveInterpreter()\nprint(c.runsource('1 + 1'), c.runsource('1 +'))",
    "interactive console": Corner(
        source="import code\ncode.interact(banner='hello', local={'x': 5})", stdin=b"x + 1\n1 / 0\n"
    ),
    "cmd": Corner(
        source="import cmd\nclass C(cmd.Cmd):\n    def do_hello(self, line): print('hello', line)\n    def do_EOF(self, line): return True\nC().cmdloop()",
        stdin=b"hello you\n",
    ),
    "pdb": Corner(source="import pdb\nx = 1\npdb.set_trace()\nx = 2\nprint(x)", stdin=b"p x\nw\nn\nc\n"),
    "pdb after an error": Corner(
        source="import pdb, sys\ndef f(): 1 / 0\ntry: f()\nexcept Exception: pdb.post_mortem()", stdin=b"w\nq\n"
    ),
    "cProfile": "import cProfile, pstats, io\np = cProfile.Profile(); p.enable(); sum(range(10)); p.disable()\nout = io.StringIO(); pstats.Stats(p, stream=out).print_stats()\nprint(out.getvalue().count('sum'))",
    "cProfile left on": "import cProfile\np = cProfile.Profile()\np.enable()\nprint('x')",
    "profile": "import profile, io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out): profile.run('1 + 1')\nprint('function calls' in out.getvalue())",
    "timeit": "import timeit\nprint(timeit.timeit('1 + 1', number=100) < 1)",
    "trace module": "import trace, sys\nt = trace.Trace(count=1, trace=0)\nt.run('x = 1\\nfor i in range(3): x += i')\nprint(sorted((k[1], v) for k, v in t.results().counts.items() if k[0] == '<string>'))",
    "argparse": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--x', type=int, default=3)\nprint(p.parse_args([]), p.prog)\np.parse_args(['--y'])",
    "pprint": "import pprint\npprint.pprint({'b': [1] * 40, 'a': {'x': set('abc')}})",
    "textwrap": "import textwrap\nprint(textwrap.fill('some text that is long ' * 5, 30), textwrap.dedent('  a\\n  b'))",
    "string": "import string\nprint(string.Template('$x').substitute(x=1), string.ascii_letters, string.Formatter().format('{0}', 1))",
    "statistics": "import statistics as s\nprint(s.mean([1, 2]), s.stdev([1, 2, 4]), s.NormalDist(0, 1).cdf(0.5), s.median([3, 1, 2]))",
    "fractions": "from fractions import Fraction as F\nprint(F(1, 3) + F('0.25'), F(1.5), F(2, 4), hash(F(1, 2)) == hash(0.5))",
    "heapq and bisect": "import heapq, bisect\nh = [3, 1, 2]; heapq.heapify(h)\nprint(heapq.heappop(h), heapq.nsmallest(2, h), bisect.bisect([1, 2, 3], 2), heapq.merge, heapq.__about__[:10])",
    "itertools": "import itertools as i\nprint(list(i.permutations('ab')), list(i.accumulate([1, 2, 3])), next(i.count(5)))",
    "collections": "import collections as c\nprint(c.Counter('aab').most_common(), c.deque([1, 2], 1), c.OrderedDict(a=1), c.defaultdict(int), c.ChainMap({'a': 1}))",
    "numbers": "import numbers, decimal, fractions\nprint([isinstance(x, numbers.Rational) for x in (1, 1.5, fractions.Fraction(1), decimal.Decimal(1))], isinstance(decimal.Decimal(1), numbers.Number))",
    "numbers without the others": "import numbers\nprint(isinstance(1, numbers.Integral), isinstance(1.0, numbers.Real), numbers.Number.__subclasses__())",
    "weak": "import weakref\nclass A: pass\na = A(); d = weakref.WeakValueDictionary(x=a)\nprint(dict(d)); del a\nprint(dict(d), weakref.getweakrefcount(A))",
    "weak counts": "import weakref, types, abc\nprint(weakref.getweakrefcount(int), weakref.getweakrefcount(Exception), weakref.getweakrefcount(object))",
    "types": "import types\nprint(types.SimpleNamespace(a=1), types.FunctionType is type(lambda: 0), types.new_class('A', (), {}))",
    "json": "import json\nprint(json.dumps({'b': [1, 2.5, None, True], 'a': 'é'}, indent=1, sort_keys=True), json.loads('[1e3, NaN]'))",
    "csv and config": "import csv, io, configparser\nout = io.StringIO(); csv.writer(out).writerows([[1, 'a,b']])\nc = configparser.ConfigParser(); c.read_string('[a]\\nx=1')\nprint(out.getvalue(), c['a']['x'], csv.list_dialects())",
    "xml and html": "import xml.etree.ElementTree as e, html\nprint(e.tostring(e.fromstring('<a><b x=\"1\"/></a>')), html.escape('<&'))",
    "urllib": "import urllib.parse, urllib.request\nprint(urllib.parse.urlsplit('http://a/b?c'))\ntry: urllib.request.urlopen('http://127.0.0.1:1', timeout=1)\nexcept OSError as e: print(e)",
    "shutil and pathlib": "import shutil, pathlib\np = pathlib.Path('/tmp/a/b'); p.mkdir(parents=True); (p / 'x').write_text('y')\nprint(sorted(map(str, pathlib.Path('/tmp/a').rglob('*'))), shutil.which('python3'), pathlib.Path.home(), pathlib.Path.cwd())",
    "platform": "import platform, sysconfig\nprint(platform.python_version(), platform.system(), platform.machine(), platform.python_compiler(), sysconfig.get_paths()['stdlib'], platform.libc_ver())",
    "getpass": "import getpass\ntry: print(getpass.getuser())\nexcept Exception as e: print(type(e), e)",
    "curses and readline": "import readline, curses\nprint(readline.get_line_buffer(), curses.COLOR_RED)",
    "input with readline": Corner(source="import readline\nprint(input('? '))", stdin=b"abc\n"),
    "gettext": "import gettext\nprint(gettext.gettext('x'), gettext.find('x'))",
    "weekday": "import calendar\nprint(calendar.month(2000, 1))",
    "numpy": "try:\n    import numpy as np\nexcept ImportError as e: print(e)\nelse: print(np.arange(3) + 1, np.random.seed)",
    "numpy exits": "import sys\ntry:\n    import numpy as np\nexcept ImportError as e: print(e)\nelse: sys.exit(np.int64(3))",
    "codecs that are imported": "import sys\nbefore = set(sys.modules)\n'x'.encode('latin-1'); 'x'.encode('utf-16'); b'x'.decode('ascii')\nprint([m for m in sys.modules if m not in before])",
    "unicodedata": "import unicodedata\nprint(unicodedata.name('é'), unicodedata.normalize('NFD', 'é'), '\\N{BULLET}')",
    "modules that an f-string brings": "import sys\nbefore = set(sys.modules)\nprint(f'{1.5:.2f} {1000:,}', '%s' % 1, '{!r}'.format('x'))\nprint([m for m in sys.modules if m not in before])",
    "modules that open brings": "import sys\nbefore = set(sys.modules)\nopen('/tmp/x', 'w').close(); input\nprint([m for m in sys.modules if m not in before])",
    "modules at an error": "import sys, atexit\nbefore = set(sys.modules)\natexit.register(lambda: print([m for m in sys.modules if m not in before]))\n1 / 0",
    "behaves by what is imported": "import sys\nprint('fast' if 'json' in sys.modules else 'slow', 'threading' in sys.modules, 'typing' in sys.modules, 'numpy' in sys.modules)",
    "audited opens of an import": "import sys\nopened = []\nsys.addaudithook(lambda e, a: opened.append(a[0]) if e == 'open' else None)\nimport wave\nprint(len(opened) > 0)",
}
