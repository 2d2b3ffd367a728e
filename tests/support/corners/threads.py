"""Threads, processes and event loops."""

from __future__ import annotations

from tests.support.corners.corner import Corner, Corners

CORNERS: Corners = {
    "threads": r"""
import threading
out = []
threads = [threading.Thread(target=out.append, args=(n,)) for n in range(10)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(out), threading.active_count(), [t.name for t in threads])
""",
    "main thread": r"""
import threading, os
t = threading.main_thread()
print(t, t.name, t.ident == threading.get_ident(), t.native_id, threading.get_native_id(), os.getpid(), t.daemon)
print(threading.current_thread() is t, threading.enumerate(), len(threading._dangling))
""",
    "ident without threading": "import _thread\nprint(_thread.get_native_id(), _thread._count(), _thread.stack_size())",
    "thread in which threading is imported": r"""
import _thread, time
def f():
    import threading
    print(threading.main_thread().name, threading.current_thread().name, threading.active_count())
_thread.start_new_thread(f, ()); time.sleep(0.2)
""",
    "thread left running": r"""
import threading, time
threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()
print('end')
""",
    "daemon left running": r"""
import threading, time
threading.Thread(target=lambda: (time.sleep(5), print('late')), daemon=True).start()
print('end')
""",
    "daemon that prints": Corner(
        source="import threading, time\ndef f():\n    while True: time.sleep(0.01)\n"
        "for _ in range(5): threading.Thread(target=f, daemon=True).start()\ntime.sleep(0.1)\nprint('end')"
    ),
    "daemon and at exit": r"""
import threading, time, atexit
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
atexit.register(print, 'last')
""",
    "daemon and an exit": r"""
import threading, time, sys
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
sys.exit(3)
""",
    "thread and an error": r"""
import threading, time
threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()
1 / 0
""",
    "low thread left running": r"""
import _thread, time
_thread.start_new_thread(time.sleep, (5,))
time.sleep(0.05)
print('end')
""",
    "del while a daemon runs": r"""
import threading, time
class A:
    def __del__(self): print("deleted")
a = A()
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
""",
    "stack sizes": r"""
import threading
print(threading.stack_size())
threading.stack_size(1 << 20)
t = threading.Thread(target=print, args=("in",)); t.start(); t.join()
print(threading.stack_size())
""",
    "deep recursion in a thread": r"""
import sys, threading
sys.setrecursionlimit(10**6)
threading.stack_size(256 << 20)
def down(n): return 0 if n == 0 else 1 + down(n - 1)
t = threading.Thread(target=lambda: print(down(100_000))); t.start(); t.join()
""",
    "default stack of a thread": r"""
import sys, threading
sys.setrecursionlimit(10**6)
class A:
    def __init__(self, n): self.n = n
    def __repr__(self): return "x" if self.n == 0 else repr(A(self.n - 1))
t = threading.Thread(target=lambda: print(repr(A(8_000)))); t.start(); t.join()
""",
    "recursion in a thread": "import threading\ndef f(): f()\nt = threading.Thread(target=f); t.start(); t.join()",
    "exception in a daemon": r"""
import threading
t = threading.Thread(target=lambda: [][1], daemon=True); t.start(); t.join()
print('end')
""",
    "timer": "import threading\nt = threading.Timer(0.05, print, ('late',)); t.start()\nprint('end')",
    "locks": r"""
import threading

print(
    threading.Lock(),
    threading.RLock(),
    threading.Semaphore(),
    threading.Condition(),
    threading.Event(),
    threading.Barrier(2),
)
""",
    "thread local values": r"""
import threading
x = threading.local(); x.a = 1
t = threading.Thread(target=lambda: print(hasattr(x, 'a'))); t.start(); t.join()
print(x.a)
""",
    "names of threads": r"""
import threading
print([threading.Thread().name for _ in range(3)], threading._newname('x-%d'))
""",
    "numbers of futures": r"""
from concurrent.futures import ThreadPoolExecutor
import threading
with ThreadPoolExecutor(2) as pool:
    print(list(pool.map(lambda x: x * x, range(5))), pool.submit(lambda: threading.current_thread().name[:-1]).result())
""",
    "pool not shut down": r"""
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
print(pool.submit(pow, 2, 3).result())
""",
    "pool of processes": r"""
from concurrent.futures import ProcessPoolExecutor
if __name__ == '__main__':
    with ProcessPoolExecutor(2) as pool: print(list(pool.map(abs, [-1, -2])))
""",
    "queue": r"""
import queue, threading
q = queue.Queue()
t = threading.Thread(target=lambda: q.put(1)); t.start()
print(q.get()); t.join()
""",
    "interrupted main": "import _thread, time\n_thread.start_new_thread(_thread.interrupt_main, ())\ntime.sleep(1)",
    "excepthook at the end": r"""
import threading, time
def f():
    time.sleep(0.1)
    raise ValueError("late")
threading.Thread(target=f, name="late one").start()
""",
    "settrace of threads": r"""
import threading
threading.settrace(lambda frame, event, arg: print(event, frame.f_code.co_name))
def f(): pass
t = threading.Thread(target=f); t.start(); t.join()
""",
    "fork in a thread": r"""
import threading, os


def f():
    pid = os.fork()
    if pid == 0:
        print(
            "child",
            threading.active_count(),
            threading.current_thread().name,
            threading.main_thread().name,
            flush=True,
        )
        os._exit(0)
    os.waitpid(pid, 0)


t = threading.Thread(target=f)
t.start()
t.join()
""",
    "fork": r"""
import os
pid = os.fork()
if pid == 0:
    print("child", os.getpid(), os.getppid(), flush=True)
    os._exit(3)
print("parent", pid, os.waitpid(pid, 0), os.getpid(), os.getppid())
""",
    "fork and an exception": r"""
import os
pid = os.fork()
if pid == 0: raise ValueError('child')
print(os.waitpid(pid, 0))
""",
    "fork and an exit": "import os, sys\npid = os.fork()\nif pid == 0: sys.exit(7)\nprint(os.waitpid(pid, 0))",
    "hooks of a fork": r"""
import os

os.register_at_fork(
    before=lambda: print("before"),
    after_in_parent=lambda: print("parent"),
    after_in_child=lambda: print("child"),
)
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
""",
    "orphans": r"""
import os, time
if os.fork() == 0:
    time.sleep(0.3)
    print('late', flush=True)
    os._exit(0)
print('end')
""",
    "grandchildren": r"""
import os
pid = os.fork()
if pid == 0:
    pid = os.fork()
    if pid == 0: os._exit(1)
    os.waitpid(pid, 0)
    os._exit(2)
print(os.waitpid(pid, 0), os.times()[2] >= 0)
""",
    "pids": r"""
import os
for _ in range(3):
    pid = os.fork()
    if pid == 0: os._exit(0)
    print(pid, os.waitpid(pid, 0))
""",
    "forks refused": r"""
import os, time
n = 0
try:
    while True:
        if os.fork() == 0: time.sleep(30); os._exit(0)
        n += 1
except OSError as error:
    print(error)
print(n > 50)
""",
    "threads refused": r"""
import threading
e = threading.Event()
n = 0
try:
    while True:
        threading.Thread(target=e.wait).start(); n += 1
except RuntimeError as error:
    print(error)
print(n)
e.set()
""",
    "multiprocessing fork": r"""
import multiprocessing as mp
def f(q, n): q.put(n * n)
if __name__ == "__main__":
    print(mp.get_start_method(), mp.current_process(), mp.parent_process())
    q = mp.Queue()
    ps = [mp.Process(target=f, args=(q, n)) for n in range(3)]
    for p in ps: p.start()
    print(sorted(q.get() for _ in ps), [p.name for p in ps])
    for p in ps: p.join()
    print([p.exitcode for p in ps])
""",
    "multiprocessing spawn": r"""
import multiprocessing as mp, sys
def f(c): c.send((__name__, sys.argv, len(sys.path), sys.flags.isolated)); c.close()
if __name__ == "__main__":
    mp.set_start_method("spawn")
    a, b = mp.Pipe()
    p = mp.Process(target=f, args=(b,)); p.start(); print(a.recv()); p.join(); print(p.exitcode)
""",
    "multiprocessing forkserver": r"""
import multiprocessing as mp
def f(c): c.send(__name__); c.close()
if __name__ == "__main__":
    mp.set_start_method("forkserver")
    a, b = mp.Pipe()
    p = mp.Process(target=f, args=(b,)); p.start(); print(a.recv()); p.join(); print(p.exitcode)
""",
    "multiprocessing that fails": r"""
import multiprocessing as mp
def f(): 1 / 0
p = mp.Process(target=f); p.start(); p.join(); print(p.exitcode)
""",
    "multiprocessing pool": r"""
import multiprocessing as mp
if __name__ == '__main__':
    with mp.Pool(2) as pool: print(pool.map(abs, [-1, -2, 3]))
""",
    "multiprocessing pool not closed": r"""
import multiprocessing as mp
if __name__ == '__main__':
    pool = mp.Pool(2)
    print(pool.map(abs, [-1]))
""",
    "multiprocessing memory": r"""
import multiprocessing as mp
v, a, l = mp.Value("i", 1), mp.Array("d", 3), mp.Lock()
def f():
    with l: v.value += 1; a[1] = 2.5
p = mp.Process(target=f); p.start(); p.join()
print(v.value, a[:])
""",
    "multiprocessing manager": r"""
import multiprocessing as mp
if __name__ == '__main__':
    with mp.Manager() as m:
        d = m.dict(); d['a'] = 1; print(dict(d))
""",
    "shared memory": r"""
from multiprocessing import shared_memory
try:
    m = shared_memory.SharedMemory(create=True, size=10)
    m.buf[0] = 7; print(m.buf[0], m.size); m.close(); m.unlink()
except OSError as e: print(e)
""",
    "child left by multiprocessing": r"""
import multiprocessing as mp, time
mp.Process(target=time.sleep, args=(0.1,)).start()
print('end')
""",
    "daemon left by multiprocessing": r"""
import multiprocessing as mp, time
mp.Process(target=time.sleep, args=(9,), daemon=True).start()
print('end')
""",
    "subprocess": r"""
import subprocess
print(subprocess.run(['echo', 'x'], capture_output=True), subprocess.run('exit 3', shell=True).returncode)
""",
    "subprocess that inherits": "import subprocess\nprint('a', flush=True)\nsubprocess.run(['echo', 'b'])\nprint('c')",
    "subprocess with stdin": Corner(source="import subprocess\nsubprocess.run(['cat'])", stdin=b"given\n"),
    "subprocess after input": Corner(
        source=r"""
import subprocess
print(input())
subprocess.run(['cat'])
""",
        stdin=b"a\nb\n",
    ),
    "environment of a subprocess": "import subprocess\nprint(subprocess.check_output(['env', '-0']))",
    "python in a subprocess": r"""
import subprocess, sys
code = "import sys, os; print(sys.argv, sys.flags, dict(os.environ), sys.path, list(sys.modules)[-3:], os.getppid())"
subprocess.run([sys.executable, "-c", code])
""",
    "descriptors of a subprocess": r"""
import subprocess
print(subprocess.check_output(['ls', '/proc/self/fd'], close_fds=False))
""",
    "signals of a subprocess": r"""
import subprocess
print(subprocess.check_output(['grep', '^Sig[BIC]', '/proc/self/status']).decode())
""",
    "limits of a subprocess": r"""
import subprocess
print(subprocess.check_output(['cat', '/proc/self/limits']).decode())
""",
    "broken pipe of a subprocess": r"""
import subprocess
print(subprocess.run('yes | head -1', shell=True, capture_output=True))
""",
    "system": "import os\nprint(os.system('exit 4'), os.popen('echo x').read())",
    "exec": "import os\nos.execvp('echo', ['echo', 'executed'])",
    "exec of python": "import os, sys\nprint('lost')\nos.execv(sys.executable, [sys.executable, '-c', 'print(1)'])",
    "exec of itself": r"""
import os, sys
if 'again' in sys.argv: print('again', sys.orig_argv)
else: os.execv(sys.executable, [sys.executable, 'main.py', 'again'])
""",
    "spawn": r"""
import os
print(os.posix_spawn('/bin/echo', ['echo', 'x'], {}) > 2, os.wait()[1], os.spawnlp(os.P_WAIT, 'true', 'true'))
""",
    "process groups": r"""
import os
print(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid(), os.getpgid(0))
try: os.setsid()
except OSError as e: print(e)
""",
    "terminal": r"""
import os
try: print(os.ttyname(0))
except OSError as e: print(e)
try: print(os.get_terminal_size())
except OSError as e: print(e)
""",
    "pseudo terminal": "import os\ntry: print(os.openpty())\nexcept OSError as e: print(e)",
    "kill all": "import os, signal\nos.kill(0, signal.SIGTERM)",
    "kill everybody": r"""
import os, signal
print('x', flush=True)
try: os.kill(-1, signal.SIGTERM)
except OSError as e: print(e)
""",
    "kill init": r"""
import os
for pid in (1, 300, 301):
    try: print(os.kill(pid, 0))
    except OSError as e: print(pid, e)
""",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0.01); return 3\nprint(asyncio.run(f()))",
    "asyncio gather": r"""
import asyncio
async def f(n): await asyncio.sleep(0.01 * n); print(n); return n
async def main(): print(await asyncio.gather(*map(f, (3, 1, 2))))
asyncio.run(main())
""",
    "asyncio error": "import asyncio\nasync def f(): raise ValueError('x')\nasyncio.run(f())",
    "asyncio task left": r"""
import asyncio
async def f():
    asyncio.create_task(asyncio.sleep(9), name='left')
asyncio.run(f())
print('end')
""",
    "asyncio error never read": r"""
import asyncio
async def bad(): raise ValueError('x')
async def f():
    t = asyncio.create_task(bad(), name='t'); await asyncio.sleep(0.01)
asyncio.run(f())
""",
    "asyncio loop not closed": r"""
import asyncio
loop = asyncio.new_event_loop()
print(loop.run_until_complete(asyncio.sleep(0, 5)))
""",
    "asyncio interrupted": r"""
import asyncio, os, signal
async def f():
    os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(5)
asyncio.run(f())
""",
    "asyncio group": r"""
import asyncio
async def bad(): raise ValueError('x')
async def f():
    async with asyncio.TaskGroup() as g: g.create_task(bad())
asyncio.run(f())
""",
    "asyncio subprocess": r"""
import asyncio
async def f():
    p = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1); print(await p.communicate())
asyncio.run(f())
""",
    "asyncio names": r"""
import asyncio
async def f(): return [asyncio.create_task(asyncio.sleep(0)).get_name() for _ in range(3)]
print(asyncio.run(f()))
""",
    "asyncio in a thread": "import asyncio\nasync def f(): print(await asyncio.to_thread(pow, 2, 5))\nasyncio.run(f())",
    "asyncio pair of sockets": r"""
import asyncio, socket
a, b = socket.socketpair()
print(a.family, a.send(b'x'), b.recv(1))
""",
    "selectors": r"""
import selectors, os

r, w = os.pipe()
os.write(w, b"x")
for kind in (selectors.DefaultSelector, selectors.SelectSelector, selectors.PollSelector):
    s = kind()
    s.register(r, selectors.EVENT_READ)
    print(kind.__name__, len(s.select(0)), s.get_map()[r].fd)
    s.close()
""",
    "epoll": "import select\ne = select.epoll()\nprint(e.fileno(), e.poll(0)); e.close()",
    "sockets": r"""
import socket
s = socket.socket()
print(s.fileno()); s.bind(('127.0.0.1', 0)); s.listen()
try: print(socket.create_connection(s.getsockname(), 1).fileno())
except OSError as e: print(e)
""",
    "host": r"""
import socket
print(socket.gethostname())
try: socket.gethostbyname('localhost')
except OSError as e: print(e)
""",
}
