"""The import system, and files of a program that have a module's name."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

# Names of modules that programs have in their directories: preloaded ones, those under them, and others.
SHADOWED = """
random types token enum json re typing collections queue string copy operator decimal fractions
datetime statistics hashlib dataclasses threading textwrap contextlib traceback inspect unittest
logging heapq bisect functools keyword linecache tokenize weakref reprlib copyreg numbers locale
signal select socket selectors calendar test math time io abc stat os sys code struct pickle csv
email html http calc utils solution helper input output ast dis opcode difflib pprint argparse
gettext shutil fnmatch warnings _weakrefset _strptime base64 secrets sre_parse
"""

_OWN = b"import sys\nprint('own', __name__, __file__)\nclass Enum: pass\ndef f(): return 'mine'\n"
_USERS = ["random", "json", "statistics", "unittest", "datetime", "decimal", "threading", "dataclasses"]


def shadow(name: str) -> Corner:
    """Imports the file, and modules of the library that import the name in turn."""
    lines = [
        f"try:\n    import {each}\n    print('{each}', getattr({each}, '__file__', None))\n"
        f"except BaseException as error:\n    print('{each}', type(error), error)\n"
        for each in (name, *_USERS)
    ]
    return Corner(source="".join(lines), files={f"{name}.py": _OWN})


CORNERS: Corners = {
    **{f"own {name}.py": shadow(name) for name in SHADOWED.split()},
    "own package json": Corner(
        source=r"""
import json
print(json.x)
import json.decoder
""",
        files={"json/__init__.py": b"x = 1\n"},
    ),
    "own directory json": Corner(source="import json\nprint(json.dumps([1]), json.__file__)", files={"json/x.py": b""}),
    "own package collections": Corner(
        source=r"""
import collections
print(collections)
""",
        files={"collections/__init__.py": b"x = 1\n"},
    ),
    "own file in a directory": Corner(
        source=r"""
import sys
sys.path.insert(0, 'lib')
import random
print(random.x)
""",
        files={"lib/random.py": b"x = 1\n"},
    ),
    "own file in an absolute directory": Corner(
        source=r"""
import sys
sys.path.insert(0, '/work/lib')
import textwrap
print(textwrap.x)
""",
        files={"lib/textwrap.py": b"x = 1\n"},
    ),
    "own file in a directory behind": Corner(
        source=r"""
import sys
sys.path.append('lib')
import random
print(hasattr(random, 'x'))
""",
        files={"lib/random.py": b"x = 1\n"},
    ),
    "empty entry of the path": Corner(
        source=r"""
import sys, os
sys.path[0] = ''
os.chdir('lib')
import random
print(random.x)
""",
        files={"lib/random.py": b"x = 1\n"},
    ),
    "empty entry of the path first": r"""
import sys
sys.path.insert(0, '')
open('random.py', 'w').write('x = 1')
import random
print(random.x)
""",
    "changed directory": Corner(
        source="import sys, os\nsys.path.insert(0, '.')\nimport json\nos.chdir('lib')\nimport random\nprint(random.x)",
        files={"lib/random.py": b"x = 1\n"},
    ),
    "script as a directory": Corner(
        source=r"""
import sys
sys.path[0] = '/work/main.py'
import json
print(json.dumps(1))
"""
    ),
    "entry that is no directory": "import sys\nsys.path.insert(0, '/etc/passwd')\nimport json\nprint(json.dumps([1]))",
    "entry that is no text": r"""
import sys
sys.path.insert(0, 3)
sys.path.insert(0, None)
import json
print(json.dumps([1]))
""",
    "entry of bytes": "import sys\nsys.path.insert(0, b'/work')\nimport json\nprint(json.dumps([1]))",
    "entry that is a path": r"""
import sys, pathlib
sys.path.insert(0, pathlib.Path('/tmp'))
import json
print(json.dumps([1]))
""",
    "entry that may not be read": r"""
import sys, os
os.mkdir('/tmp/d', 0o300)
sys.path.insert(0, '/tmp/d')
import json
print(json.dumps([1]))
""",
    "entry with a zero": r"""
import sys
sys.path.insert(0, 'a\0b')
try: import json
except ValueError as e: print(e)
print('on')
""",
    "archive in the path": r"""
import zipfile, sys
with zipfile.ZipFile("/tmp/lib.zip", "w") as z: z.writestr("random.py", "x = 1"); z.writestr("mine.py", "y = 2")
sys.path.insert(0, "/tmp/lib.zip")
import mine, random, json
print(mine.y, random.x, mine.__loader__.archive, json.dumps([1]))
""",
    "archive in the path, of main": r"""
import zipfile, sys, zipimport
with zipfile.ZipFile("lib.zip", "w") as z: z.writestr("pack/__init__.py", ""); z.writestr("pack/mod.py", "def f(): 1/0")
sys.path.insert(0, "lib.zip")
import pack.mod
import textwrap
pack.mod.f()
""",
    "no path": "import sys\nsys.path = []\nimport json\nprint(json)",
    "path cleared": "import sys\nsys.path.clear()\nimport random\nprint(random)",
    "path without the library": r"""
import sys
sys.path = [each for each in sys.path if 'lib-dynload' in each]
import json
""",
    "no finders": "import sys\nsys.meta_path.clear()\nimport json",
    "no hooks of the path": "import sys\nsys.path_hooks.clear()\nsys.path_importer_cache.clear()\nimport json",
    "finder before all": r"""
import sys
class Finder:
    def find_spec(name, path=None, target=None): print("asked for", name)
sys.meta_path.insert(0, Finder)
import json
""",
    "finder before all refuses": r"""
import sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "hashlib" or name == "os": raise ImportError("forbidden: " + name)
sys.meta_path.insert(0, Finder)
try: import random
except ImportError as error: print(error)
else: print("imported")
""",
    "finder behind all": r"""
import sys
class Finder:
    def find_spec(name, path=None, target=None): print("asked for", name)
sys.meta_path.append(Finder)
import json
try: import nothing_of_this_name
except ImportError as error: print(error)
""",
    "finder of its own": r"""
import sys, importlib.util, importlib.abc
class Loader(importlib.abc.Loader):
    def exec_module(self, module): module.x = 5
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("made", "fractions"): return importlib.util.spec_from_loader(name, Loader())
sys.meta_path.insert(0, Finder())
import made, fractions
print(made.x, fractions.x, made)
""",
    "import replaced": r"""
import builtins
old = builtins.__import__
def noisy(name, *rest):
    print("import", name, rest[2] if len(rest) > 2 else None)
    return old(name, *rest)
builtins.__import__ = noisy
import json
import random
""",
    "import that forbids": r"""
import builtins
old = builtins.__import__
def guarded(name, *rest):
    if name in ("os", "sys", "subprocess", "_collections_abc"): raise ImportError("forbidden: " + name)
    return old(name, *rest)
builtins.__import__ = guarded
for name in ("math", "random", "collections", "json", "re", "datetime"):
    try: __import__(name)
    except ImportError as error: print(name, error)
    else: print(name, "imported")
""",
    "modules forbidden": r"""
import sys
for name in ("hashlib", "_sre", "numbers", "os.path", "logging"): sys.modules[name] = None
for name in ("random", "re", "decimal", "fractions", "statistics", "unittest", "json"):
    try: __import__(name)
    except ImportError as error: print(name, error)
    else: print(name, "imported")
""",
    "modules faked": r"""
import sys, types
fake = types.ModuleType("math"); fake.__getattr__ = lambda name: name
sys.modules["math"] = fake
import random
print(random._log, sys.modules["math"] is fake)
import math
print(math is fake)
""",
    "modules patched before they are imported from": r"""
import math, time
math.sqrt = lambda x: "patched"
time.monotonic = lambda: "patched"
import random, statistics, threading, queue
print(random._sqrt(4), queue.time())
""",
    "submodule faked": "import sys\nsys.modules['json.decoder'] = None\nimport json",
    "guard of human-eval": r"""
import faulthandler

faulthandler.disable()
import builtins

builtins.exit = builtins.quit = None
import os

os.environ["OMP_NUM_THREADS"] = "1"
for name in (
    "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace"
    " unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir listdir stat"
).split():
    setattr(os, name, None)
import shutil

shutil.rmtree = shutil.move = shutil.chown = None
import subprocess

subprocess.Popen = None
builtins.help = None
import sys

for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
    sys.modules[name] = None
exec("import math, json, collections, typing, heapq\nprint(json.dumps([math.pi]))")
""",
    "specs": r"""
import importlib.util
for name in ("json", "math", "random", "json.decoder", "nothing", "collections.abc", "_decimal", "wave", "sys"):
    print(name, importlib.util.find_spec(name))
""",
    "specs of what is imported": r"""
import json, math, random, collections, decimal, typing, heapq, _heapq

for each in (json, math, random, collections, decimal, typing, heapq, _heapq, json.decoder):
    print(
        each.__spec__,
        each.__loader__,
        each.__package__,
        getattr(each, "__file__", None),
        getattr(each, "__cached__", None),
    )
    print(
        each,
        getattr(each, "__path__", None),
        each.__spec__.cached,
        each.__spec__.has_location,
        vars(each.__spec__).keys(),
    )
""",
    "find a spec, then import": r"""
import importlib.util
spec = importlib.util.find_spec('json')
import json
print(json.__spec__, json.dumps(1))
""",
    "module from a spec": r"""
import importlib.util, sys
spec = importlib.util.find_spec("textwrap")
module = importlib.util.module_from_spec(spec)
print("textwrap" in sys.modules, hasattr(module, "dedent"))
spec.loader.exec_module(module)
print("textwrap" in sys.modules, module.dedent("  x"))
import textwrap
print(textwrap is module)
""",
    "lazy loader": r"""
import importlib.util, sys
def lazy(name):
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
for name in ("typing", "random", "wave"):
    module = lazy(name)
    print(type(module), sorted(vars(module))[:3] != [], module.__name__, hasattr(module, "TYPE_CHECKING"), type(module))
""",
    "spec from a file": Corner(
        source="import importlib.util\nspec = importlib.util.spec_from_file_location('m', 'other.txt')\nprint(spec)\n"
        "spec = importlib.util.spec_from_file_location('m', 'other.py')\nm = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(m)\nprint(m.x, m)",
        files={"other.py": b"x = 1\n", "other.txt": b"x = 2\n"},
    ),
    "import_module": r"""
import importlib
print(importlib.import_module('json.decoder').JSONDecoder, importlib.import_module('.encoder', 'json'))
""",
    "__import__": r"""
print(
    __import__("os.path"),
    __import__("os.path", fromlist=["join"]),
    __import__("json.decoder"),
    __import__("json", fromlist=["decoder"]).decoder,
)
""",
    "reload": r"""
import importlib, json, random
old = json.JSONDecoder
print(importlib.reload(json) is json, json.JSONDecoder is old, importlib.reload(random) is random)
""",
    "reload of an own file": r"""
import importlib
open("own.py", "w").write("x = 1\n")
import own
open("own.py", "w").write("x = 22\n")
importlib.reload(own)
print(own.x)
""",
    "imported again": r"""
import sys, json
old = json
del sys.modules['json']
import json
print(json is old, json.decoder is old.decoder)
""",
    "imported again, all": r"""
import sys
import random, decimal, json, datetime, re

for name in ("random", "decimal", "json", "datetime", "re", "_decimal", "_random", "_json", "_datetime"):
    sys.modules.pop(name, None)
import random as r, decimal as d, json as j, datetime as dt, re as e

print(
    r is random,
    d is decimal,
    j is json,
    d.Decimal(1) / 3,
    r.Random(1).random(),
    dt.datetime(2000, 1, 1),
    e.match("a", "a"),
)
""",
    "attributes of packages": r"""
import json, unittest, collections, importlib, xml, concurrent, email, logging, urllib, os, http
for package in (json, unittest, collections, importlib, xml, concurrent, email, logging, urllib, os, http):
    print(package.__name__, sorted(name for name, value in vars(package).items() if type(value) is type(os)))
""",
    "submodule that is not imported": "import urllib\nurllib.parse",
    "submodule that is not imported, unittest": r"""
import unittest
print(hasattr(unittest, 'mock'), unittest.main)
unittest.mock
""",
    "submodule that is not imported, importlib": r"""
import importlib
print(hasattr(importlib, 'util'), hasattr(importlib, 'machinery'), hasattr(importlib, 'abc'))
""",
    "submodule that is not imported, logging": "import logging\nprint(hasattr(logging, 'handlers'))",
    "submodule that is not imported, concurrent": "import concurrent\nprint(hasattr(concurrent, 'futures'))",
    "star": r"""
from random import *
from math import *
from collections import *
print(sorted(name for name in globals() if name[0] != '_'))
""",
    "import in a function": r"""
def f():
    import json, os.path as p
    from re import match
    return json.dumps(1), p.join('a', 'b'), match
print(f(), 'json' in globals())
""",
    "import in a thread": r"""
import threading
t = threading.Thread(target=lambda: print(__import__('json').dumps(1))); t.start(); t.join()
import json, sys
print(list(sys.modules)[-5:])
""",
    "imports in many threads": r"""
import threading
names = "json random decimal statistics unittest datetime inspect typing json random decimal".split()
out = []
ts = [threading.Thread(target=lambda n=n: out.append(__import__(n).__name__)) for n in names]
for t in ts: t.start()
for t in ts: t.join()
print(sorted(out))
""",
    "deep import": r"""
import sys
def f(n):
    if n == 0:
        import json, statistics
        return json.dumps(1)
    return f(n - 1)
print(f(800))
""",
    "import at the limit of recursion": r"""
def f():
    try: f()
    except RecursionError:
        import statistics
        print('imported')
        raise SystemExit(0)
f()
""",
    "package": Corner(
        source=r"""
import pack.sub.mod
from pack import helper
print(pack.sub.mod.x, helper.y, pack.sub.mod.__package__, pack.__path__)
""",
        files={
            "pack/__init__.py": b"",
            "pack/helper.py": b"y = 2\n",
            "pack/sub/__init__.py": b"from .. import helper\n",
            "pack/sub/mod.py": b"from ..helper import y\nfrom . import helper\nx = y + 1\n",
        },
    ),
    "package whose modules have names of the library": Corner(
        source=r"""
from pack import random, json
import random as r, json as j
print(random.x, json.x, r.__file__, j.__file__)
""",
        files={
            "pack/__init__.py": b"",
            "pack/random.py": b"import json, random\nx = 1, random.__name__\n",
            "pack/json.py": b"from . import random\nx = 2\n",
        },
    ),
    "namespace package": Corner(
        source=r"""
import space.mod
print(space.mod.x, space.__path__, space.__file__ if hasattr(space, '__file__') else None)
""",
        files={"space/mod.py": b"x = 1\n"},
    ),
    "relative import in main": "from . import x",
    "compiled file": r"""
import py_compile, os, sys
open("own.py", "w").write("x = 1\n")
print(py_compile.compile("own.py", "compiled.pyc"))
os.remove("own.py")
import compiled
print(compiled.x, compiled.__file__, compiled.__cached__)
""",
    "compiled files left": Corner(
        source=r"""
import own, os
print(own.__cached__, os.listdir('__pycache__'), os.listdir('.'))
""",
        files={"own.py": b"x = 1\n"},
    ),
    "compiled file that was sent": Corner(source="import own\nprint(own)", files={"own.pyc": b"not compiled"}),
    "no compiled files": Corner(
        source=r"""
import sys
sys.dont_write_bytecode = True
import own, os
print(os.listdir('.'))
""",
        files={"own.py": b""},
    ),
    "file made while it runs": r"""
import json
open("random.py", "w").write("x = 'mine'\n")
import importlib
importlib.invalidate_caches()
import random
print(random.x)
""",
    "file made later": r"""
import json, time, importlib
time.sleep(0.02)
open("statistics.py", "w").write("x = 'mine'\n")
importlib.invalidate_caches()
import statistics
print(statistics.x)
""",
    "extension that is broken": Corner(
        source=r"""
try: import own
except ImportError as e: print(e)
""",
        files={"own.so": b"no library"},
    ),
    "runpy": Corner(
        source=r"""
import runpy
print(sorted(runpy.run_path('own.py', run_name='ran')))
runpy.run_module('own')
""",
        files={"own.py": b"print(__name__, __file__)\n"},
    ),
    "runpy of the library": r"""
import runpy, sys
sys.argv = ['x', '-h']
runpy.run_module('json.tool', run_name='__main__', alter_sys=True)
""",
    "runpy of main": r"""
import runpy, sys
if __name__ == '__main__':
    print(sorted(runpy.run_path(__file__, run_name='again')))
""",
    "pkgutil": Corner(
        source=r"""
import pkgutil, json
print([m.name for m in pkgutil.iter_modules(['.'])], [m.name for m in pkgutil.iter_modules(json.__path__)])
print(pkgutil.get_data('pack', 'data.txt'), pkgutil.resolve_name('json:dumps'), pkgutil.find_loader('random'))
""",
        files={"pack/__init__.py": b"", "pack/data.txt": b"data", "own.py": b""},
    ),
    "importers": "import pkgutil\nprint(list(pkgutil.iter_importers()))",
    "resources": Corner(
        source=r"""
import importlib.resources as r
print(r.files('pack').joinpath('data.txt').read_text(), r.read_text('pack', 'data.txt'))
""",
        files={"pack/__init__.py": b"", "pack/data.txt": b"data"},
    ),
    "metadata": r"""
import importlib.metadata as m
print(sorted(d.name for d in m.distributions()))
try: m.version('nothing')
except m.PackageNotFoundError as e: print(e)
""",
    "sys.modules while importing": Corner(
        source="import own",
        files={
            "own.py": b"import sys\nprint([n for n in sys.modules if n in ('own', 'json')])\n"
            b"import json\nprint('json' in sys.modules)\n"
        },
    ),
    "import that fails half": Corner(
        source=r"""
try: import own
except ZeroDivisionError: pass
import sys
print('own' in sys.modules, 'json' in sys.modules)
""",
        files={"own.py": b"import json\n1 / 0\n"},
    ),
    "import that replaces itself": Corner(
        source=r"""
import own
print(own.dumps(1), own.__name__)
""",
        files={"own.py": b"import sys, json\nsys.modules[__name__] = json\n"},
    ),
    "import time": r"""
import sys, subprocess

print(
    subprocess.run([sys.executable, "-X", "importtime", "-c", ""], capture_output=True).stderr.count(
        b"import time:"
    )
    > 5
)
""",
    "usercustomize": Corner(
        source="print('main')", files={"usercustomize.py": b"print('custom')\n", "sitecustomize.py": b"print('site')\n"}
    ),
    "user site": "import site, sys\nprint(site.ENABLE_USER_SITE, site.getusersitepackages() in sys.path)",
    "path file": Corner(
        source=r"""
import site
site.addsitedir('lib')
import sys
print('dirs' in str(sys.path))
""",
        files={"lib/own.pth": b"import sys; sys.x = 1\n/work/lib/dirs\n", "lib/dirs/x": b""},
    ),
    "antigravity and this": "import this\nimport __hello__\n__hello__.main()",
    "import of the prelude's helpers": r"""
import sys
print([m for m in sys.modules.values() if 'assay' in repr(m)])
print([x for x in sys.meta_path if 'shelf' in repr(x).lower()])
""",
    "strange names": r"""
for name in ('', '.', 'json.', 'a b', 'main.py', 'json..decoder', '__main__'):
    try: print(__import__(name))
    except Exception as e: print(repr(name), type(e), e)
""",
    "import lock": "import _imp, importlib._bootstrap as b\nprint(_imp.lock_held(), b._module_locks, b._blocking_on)",
    "names of frozen modules": r"""
import _imp
print(_imp.is_frozen('os'), _imp.is_builtin('math'), _imp.extension_suffixes())
""",
    "zipapp": r"""
import zipapp, os, subprocess, sys
os.mkdir('app'); open('app/__main__.py', 'w').write('print(__name__)')
zipapp.create_archive('app', 'app.pyz')
subprocess.run([sys.executable, 'app.pyz'])
""",
}
