"""Standard streams and encodings."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "attributes": r"""
import sys
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, stream.write_through,
          stream.newlines, stream.isatty(), stream.fileno(), stream.readable(), stream.writable(), stream.seekable(),
          stream.buffer, stream.buffer.raw, stream.buffer.raw.mode, stream.buffer.raw.closefd, stream._CHUNK_SIZE)
print(sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
""",
    "without stdin": "import sys, os\nprint(repr(sys.stdin.read()), os.fstat(0).st_rdev, sys.stdin.seekable())",
    "input at the end": "print(input())",
    "input": Corner(source="a = input('? ')\nb = input()\nprint(repr(a), repr(b))", stdin=b"one\ntwo"),
    "input after the end": Corner(source="print(input())\nprint(input())", stdin=b"one\n"),
    "input with carriage returns": Corner(source="print(repr(input()), repr(input()))", stdin=b"a\r\nb\rc\n"),
    "lines": Corner(source="import sys\nfor line in sys.stdin: print(repr(line))", stdin=b"a\nb\n\nc"),
    "read in parts": Corner(
        source="import sys\nprint(repr(sys.stdin.read(3)), repr(sys.stdin.readline()), repr(sys.stdin.read()))",
        stdin=b"abcdef\nghi\njkl",
    ),
    "tell and seek of stdin": Corner(
        source="import sys\nprint(sys.stdin.tell(), sys.stdin.read(2), sys.stdin.seek(0), sys.stdin.read())",
        stdin=b"abcdef\n",
    ),
    "binary stdin": Corner(source="import sys\nprint(sys.stdin.buffer.read())", stdin=bytes(range(256))),
    "raw stdin": Corner(
        source=r"""
import os
print(os.read(0, 5), os.lseek(0, 0, 1), os.fstat(0).st_size)
""",
        stdin=b"abcdefg",
    ),
    "text and raw stdin": Corner(source="import os\nprint(input(), os.read(0, 5))", stdin=b"abc\ndefg\n"),
    "descriptor of stdin opened again": Corner(
        source="print(open(0).read(2), open('/dev/stdin').read(), open('/proc/self/fd/0').read())", stdin=b"abcdefg"
    ),
    "stdin that is no utf-8": Corner(source="print(ascii(input()))", stdin=b"a\xff\xfeb\n"),
    "stdin that is no utf-8, lines": Corner(
        source=r"""
import sys
print(ascii(sys.stdin.readlines()))
""",
        stdin=b"a\xff\nb\n",
    ),
    "stdin with a mark": Corner(source="print(ascii(input()))", stdin=b"\xef\xbb\xbfa\n"),
    "stdin with zeros": Corner(source="print(ascii(input()))", stdin=b"a\0b\n"),
    "stdin in another encoding": Corner(
        source="import sys\nsys.stdin.reconfigure(encoding='latin-1')\nprint(ascii(input()))", stdin=b"\xe9\n"
    ),
    "long stdin": Corner(
        source="import sys\nlines = sys.stdin.read().split()\nprint(len(lines), sum(map(int, lines)))",
        stdin=b"\n".join(b"%d" % n for n in range(100_000)),
    ),
    "stdin by fileinput": Corner(
        source=r"""
import fileinput
for line in fileinput.input(): print(line, end='')
""",
        stdin=b"a\nb\n",
    ),
    "closed stdin": "import sys\nsys.stdin.close()\nprint(input())",
    "no stdin": "import sys\nsys.stdin = None\nprint(input())",
    "surrogates out": "print('\\udcff')",
    "surrogates to stderr": "import sys\nprint('\\udcff \\ud800', file=sys.stderr)",
    "surrogates in an error": "raise ValueError('\\udcff \\ud800')",
    "surrogates allowed": "import sys\nsys.stdout.reconfigure(errors='surrogateescape')\nprint('\\udcff')",
    "unicode": "print('\\u20ac \\N{SNOWMAN} \\U0001f600', ascii('\\u20ac'))",
    "unicode in the source": "print('€ ☃ 😀'); ñ = 3; print(ñ)",
    "latin-1 source": Corner(
        source=r"""
import other
print(ascii(other.x))
""",
        files={"other.py": b"# coding: latin-1\nx = '\xe9'\n"},
    ),
    "coding line": "# -*- coding: ascii -*-\nprint('plain')",
    "coding line that is broken": "# -*- coding: ascii -*-\nprint('é')",
    "coding line that is unknown": "# coding: no-such-thing\nprint(1)",
    "imported source that is no utf-8": Corner(source="import other", files={"other.py": b"x = '\xe9'\n"}),
    "byte order mark": "\ufeffprint('marked')",
    "carriage returns in the source": "print(1)\r\nx = '''a\r\nb'''\r\nprint(repr(x))\r\n",
    "form feeds and tabs": "if 1:\n\tprint(1)\n\x0cprint(2)",
    "zero in the source": "print(1)\nx = '\0'\nprint(2)",
    "no line end": "print(1)\nif 1: print(2)",
    "backslash at the end": "print(1)\n\\",
    "empty": "",
    "only a comment": "# nothing",
    "long line": "print(" + "+".join(["1"] * 3000) + ")",
    "many lines": "\n" * 5000 + "raise ValueError",
    "print to a closed stdout": "import sys\nsys.stdout.close()\nprint('x')",
    "stdout closed": "import sys\nprint('x')\nsys.stdout.close()",
    "stderr closed": "import sys\nsys.stderr.close()\n1 / 0",
    "both closed": "import sys\nsys.stderr.close()\nsys.stdout.close()\n1 / 0",
    "descriptor of stdout closed": "import os\nprint('x')\nos.close(1)",
    "descriptor of stdout closed, nothing written": "import os\nos.close(1)",
    "descriptor of stderr closed": "import os, sys\nos.close(2)\nprint('x', file=sys.stderr)",
    "descriptor of stderr closed and an error": "import os, sys\nos.close(2)\n1 / 0",
    "descriptor of stdin closed": "import os, sys\nos.close(0)\nprint(input())",
    "all descriptors closed": "import os\nos.closerange(0, 256)",
    "full stdout": "import os\nfd = os.open('/dev/full', os.O_WRONLY)\nos.dup2(fd, 1)\nprint('x')",
    "full stdout, many": r"""
import os
fd = os.open('/dev/full', os.O_WRONLY)
os.dup2(fd, 1)
print('x' * 10**6)
print(2)
""",
    "full stdout and an error": "import os\nfd = os.open('/dev/full', os.O_WRONLY)\nos.dup2(fd, 1)\nprint('x')\n1 / 0",
    "full stdout and an exit": r"""
import os, sys
fd = os.open('/dev/full', os.O_WRONLY)
os.dup2(fd, 1)
print('x')
sys.exit(3)
""",
    "stdout without reader": r"""
import os
r, w = os.pipe()
os.dup2(w, 1)
os.close(r)
print('x')
""",
    "stdout without reader, flushed": r"""
import os
r, w = os.pipe()
os.dup2(w, 1)
os.close(r)
print('x', flush=True)
""",
    "broken pipe by default": r"""
import os, signal
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
r, w = os.pipe()
os.dup2(w, 1)
os.close(r)
print('x')
""",
    "stdout replaced": "import sys, io\nsys.stdout = io.StringIO()\nprint('x')\nsys.__stdout__.write('y\\n')",
    "stdout replaced by a file": r"""
import sys, atexit, os
@atexit.register
def show(): sys.stdout.flush(); os.write(2, open("/tmp/out").read().encode())
sys.stdout = open("/tmp/out", "w")
print("in the file")
""",
    "stdout replaced by nothing": "import sys\nsys.stdout = None\nprint('x')",
    "stderr replaced by nothing": "import sys\nsys.stderr = None\n1 / 0",
    "stdout whose flush fails": r"""
import sys
class Bad:
    def write(self, text): sys.__stdout__.write(text)
    def flush(self): raise ValueError("flush")
sys.stdout = Bad()
print("x")
""",
    "stderr whose flush fails": r"""
import sys
class Bad:
    def write(self, text): sys.__stdout__.write(text)
    def flush(self): raise ValueError("flush")
sys.stderr = Bad()
1 / 0
""",
    "stdout without a flush": r"""
import sys
class Bad:
    def write(self, text): sys.__stdout__.write(text)
sys.stdout = Bad()
print("x")
""",
    "stdout that says when it is closed": r"""
import sys
class Loud:
    def write(self, text): sys.__stdout__.write(text)
    def flush(self): sys.__stdout__.write("flush\n")
    @property
    def closed(self):
        sys.__stdout__.write("closed?\n")
        return False
    def __del__(self): sys.__stdout__.write("deleted\n")
sys.stdout = Loud()
print("x")
""",
    "stdout detached": "import sys\nprint('x')\nraw = sys.stdout.detach()\nraw.write(b'y\\n')",
    "stdout wrapped": "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-16')\nprint('x')",
    "stdout opened again": r"""
import sys, os
print('a')
with open(1, 'w', closefd=False) as out: print('b', file=out)
print('c')
""",
    "stdout opened again and closed": r"""
import sys
print('a')
with open(1, 'w') as out: print('b', file=out)
print('c')
""",
    "stdout by its device": r"""
print('a', flush=True)
with open('/dev/stdout', 'w') as out: out.write('b\n')
print('c')
""",
    "order of stdout and stderr": r"""
import os
os.dup2(1, 2)
import sys
print("a"); sys.stderr.write("b\n"); print("c", flush=True); sys.stderr.write("d")
""",
    "line buffering": "import sys, os\nsys.stdout.reconfigure(line_buffering=True)\nprint('a')\nos.write(1, b'b\\n')",
    "no buffering": r"""
import sys, os
sys.stdout.reconfigure(write_through=True)
print('a', end='')
os.write(1, b'b\n')
""",
    "unflushed and _exit": "import os\nprint('lost')\nos._exit(0)",
    "unflushed and a signal": "import os, signal\nprint('lost')\nos.kill(os.getpid(), signal.SIGKILL)",
    "unflushed and abort": "import os\nprint('lost')\nos.abort()",
    "buffer larger than it holds": r"""
import os, sys
sys.stdout.write('x' * 8191)
os.write(1, b'|')
sys.stdout.write('y' * 2)
""",
    "binary stdout": "import sys\nsys.stdout.buffer.write(bytes(range(256)))\nprint('text')",
    "stdio of C": r"""
import ctypes, os
libc = ctypes.CDLL(None)
print("python")
libc.puts(b"c")
libc.printf(b"%d\n", 3)
""",
    "redirected": r"""
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as out: print('x')
print(repr(out.getvalue()))
""",
    "large output": "for n in range(20_000): print(n, 'some text that is long')",
    "too large output": Corner(source="while True: print('x' * 1000)"),
    "write to stdin": r"""
import sys, os
try: sys.stdin.write('x')
except Exception as error: print(repr(error))
os.write(0, b'x')
""",
    "read from stdout": "import os\nprint(os.read(1, 10))",
    "files left open": r"""
f = open("/tmp/left", "w")
f.write("text")
import atexit
atexit.register(lambda: print(repr(open("/tmp/left").read()), f.closed))
""",
    "resource warning": "import warnings\nwarnings.simplefilter('always')\nopen('/dev/null')\nf = open('/dev/zero')",
    "resource warning as an error": "import warnings\nwarnings.simplefilter('error')\nopen('/dev/null')\nprint(1)",
    "codecs": r"""
import codecs
print(codecs.lookup('rot13'), codecs.encode('abc', 'rot13'), 'x'.encode('utf-16'), b'\x80'.decode('cp1252'))
""",
    "idna and punycode": "print('bücher'.encode('idna'), 'bücher'.encode('punycode'))",
    "own codec": r"""
import codecs
codecs.register(lambda name: codecs.lookup("utf-8") if name == "mine" else None)
print("é".encode("mine"))
""",
    "file system encoding": r"""
import sys, os
print(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), os.fsencode('é\udcff'), sys.getdefaultencoding())
""",
    "names of files": r"""
import os
open(b'/tmp/\xff', 'w').close()
open('/tmp/é', 'w').close()
print(ascii(sorted(os.listdir('/tmp'))))
""",
    "encoding of open": "f = open('/tmp/x', 'w')\nprint(f.encoding, f.errors, f.newlines, f.buffer.raw.fileno())",
    "line ends": r"""
open('/tmp/x', 'wb').write(b'a\r\nb\rc\n')
print(open('/tmp/x').readlines(), open('/tmp/x', newline='').readlines())
""",
}
