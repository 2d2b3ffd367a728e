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
    "thread left running": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()\nprint('end')",
    "daemon left running": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(5), print('late')), daemon=True).start()\nprint('end')",
    "daemon that prints": Corner(
        source="import threading, time\ndef f():\n    while True: time.sleep(0.01)\n"
        "for _ in range(5): threading.Thread(target=f, daemon=True).start()\ntime.sleep(0.1)\nprint('end')"
    ),
    "daemon and at exit": "import threading, time, atexit\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\natexit.register(print, 'last')",
    "daemon and an exit": "import threading, time, sys\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\nsys.exit(3)",
    "thread and an error": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()\n1 / 0",
    "low thread left running": "import _thread, time\n_thread.start_new_thread(time.sleep, (5,))\ntime.sleep(0.05)\nprint('end')",
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
    "exception in a daemon": "import threading\nt = threading.Thread(target=lambda: [][1], daemon=True); t.start(); t.join()\nprint('end')",
    "timer": "import threading\nt = threading.Timer(0.05, print, ('late',)); t.start()\nprint('end')",
    "locks": r"""
import threading
print(threading.Lock(), threading.RLock(), threading.Semaphore(), threading.Condition(), threading.Event(), threading.Barrier(2))
""",
    "thread local values": "import threading\nx = threading.local(); x.a = 1\nt = threading.Thread(target=lambda: print(hasattr(x, 'a'))); t.start(); t.join()\nprint(x.a)",
    "names of threads": "import threading\nprint([threading.Thread().name for _ in range(3)], threading._newname('x-%d'))",
    "numbers of futures": r"""
from concurrent.futures import ThreadPoolExecutor
import threading
with ThreadPoolExecutor(2) as pool:
    print(list(pool.map(lambda x: x * x, range(5))), pool.submit(lambda: threading.current_thread().name).result())
""",
    "pool not shut down": "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\nprint(pool.submit(pow, 2, 3).result())",
    "pool of processes": "from concurrent.futures import ProcessPoolExecutor\nif __name__ == '__main__':\n    with ProcessPoolExecutor(2) as pool: print(list(pool.map(abs, [-1, -2])))",
    "queue": "import queue, threading\nq = queue.Queue()\nt = threading.Thread(target=lambda: q.put(1)); t.start()\nprint(q.get()); t.join()",
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
        print("child", threading.active_count(), threading.current_thread().name, threading.main_thread().name, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
t = threading.Thread(target=f); t.start(); t.join()
""",
    "fork": r"""
import os
pid = os.fork()
if pid == 0:
    print("child", os.getpid(), os.getppid(), flush=True)
    os._exit(3)
print("parent", pid, os.waitpid(pid, 0), os.getpid(), os.getppid())
""",
    "fork and an exception": "import os\npid = os.fork()\nif pid == 0: raise ValueError('child')\nprint(os.waitpid(pid, 0))",
    "fork and an exit": "import os, sys\npid = os.fork()\nif pid == 0: sys.exit(7)\nprint(os.waitpid(pid, 0))",
    "hooks of a fork": r"""
import os
os.register_at_fork(before=lambda: print("before"), after_in_parent=lambda: print("parent"), after_in_child=lambda: print("child"))
pid = os.fork()
if pid == 0: os._exit(0)
os.waitpid(pid, 0)
""",
    "orphans": "import os, time\nif os.fork() == 0:\n    time.sleep(0.3)\n    print('late', flush=True)\n    os._exit(0)\nprint('end')",
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
    "pids": "import os\nfor _ in range(3):\n    pid = os.fork()\n    if pid == 0: os._exit(0)\n    print(pid, os.waitpid(pid, 0))",
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
    "multiprocessing pool": "import multiprocessing as mp\nif __name__ == '__main__':\n    with mp.Pool(2) as pool: print(pool.map(abs, [-1, -2, 3]))",
    "multiprocessing pool not closed": "import multiprocessing as mp\nif __name__ == '__main__':\n    pool = mp.Pool(2)\n    print(pool.map(abs, [-1]))",
    "multiprocessing memory": r"""
import multiprocessing as mp
v, a, l = mp.Value("i", 1), mp.Array("d", 3), mp.Lock()
def f():
    with l: v.value += 1; a[1] = 2.5
p = mp.Process(target=f); p.start(); p.join()
print(v.value, a[:])
""",
    "multiprocessing manager": "import multiprocessing as mp\nif __name__ == '__main__':\n    with mp.Manager() as m:\n        d = m.dict(); d['a'] = 1; print(dict(d))",
    "shared memory": "from multiprocessing import shared_memory\ntry:\n    m = shared_memory.SharedMemory(create=True, size=10)\n    m.buf[0] = 7; print(m.buf[0], m.size); m.close(); m.unlink()\nexcept OSError as e: print(e)",
    "child left by multiprocessing": "import multiprocessing as mp, time\nmp.Process(target=time.sleep, args=(0.1,)).start()\nprint('end')",
    "daemon left by multiprocessing": "import multiprocessing as mp, time\nmp.Process(target=time.sleep, args=(9,), daemon=True).start()\nprint('end')",
    "subprocess": "import subprocess\nprint(subprocess.run(['echo', 'x'], capture_output=True), subprocess.run('exit 3', shell=True).returncode)",
    "subprocess that inherits": "import subprocess\nprint('a', flush=True)\nsubprocess.run(['echo', 'b'])\nprint('c')",
    "subprocess with stdin": Corner(source="import subprocess\nsubprocess.run(['cat'])", stdin=b"given\n"),
    "subprocess after input": Corner(
        source="import subprocess\nprint(input())\nsubprocess.run(['cat'])", stdin=b"a\nb\n"
    ),
    "environment of a subprocess": "import subprocess\nprint(subprocess.check_output(['env', '-0']))",
    "python in a subprocess": r"""
import subprocess, sys
code = "import sys, os; print(sys.argv, sys.flags, dict(os.environ), sys.path, list(sys.modules)[-3:], os.getppid())"
subprocess.run([sys.executable, "-c", code])
""",
    "descriptors of a subprocess": "import subprocess\nprint(subprocess.check_output(['ls', '/proc/self/fd'], close_fds=False))",
    "signals of a subprocess": "import subprocess\nprint(subprocess.check_output(['grep', '^Sig[BIC]', '/proc/self/status']).decode())",
    "limits of a subprocess": "import subprocess\nprint(subprocess.check_output(['cat', '/proc/self/limits']).decode())",
    "broken pipe of a subprocess": "import subprocess\nprint(subprocess.run('yes | head -1', shell=True, capture_output=True))",
    "system": "import os\nprint(os.system('exit 4'), os.popen('echo x').read())",
    "exec": "import os\nos.execvp('echo', ['echo', 'executed'])",
    "exec of python": "import os, sys\nprint('lost')\nos.execv(sys.executable, [sys.executable, '-c', 'print(1)'])",
    "exec of itself": "import os, sys\nif 'again' in sys.argv: print('again', sys.orig_argv)\nelse: os.execv(sys.executable, [sys.executable, 'main.py', 'again'])",
    "spawn": "import os\nprint(os.posix_spawn('/bin/echo', ['echo', 'x'], {}) > 2, os.wait()[1], os.spawnlp(os.P_WAIT, 'true', 'true'))",
    "process groups": "import os\nprint(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid(), os.getpgid(0))\ntry: os.setsid()\nexcept OSError as e: print(e)",
    "terminal": "import os\ntry: print(os.ttyname(0))\nexcept OSError as e: print(e)\ntry: print(os.get_terminal_size())\nexcept OSError as e: print(e)",
    "pseudo terminal": "import os\ntry: print(os.openpty())\nexcept OSError as e: print(e)",
    "kill all": "import os, signal\nos.kill(0, signal.SIGTERM)",
    "kill everybody": "import os, signal\nprint('x', flush=True)\ntry: os.kill(-1, signal.SIGTERM)\nexcept OSError as e: print(e)",
    "kill init": "import os\nfor pid in (1, 300, 301):\n    try: print(os.kill(pid, 0))\n    except OSError as e: print(pid, e)",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0.01); return 3\nprint(asyncio.run(f()))",
    "asyncio gather": "import asyncio\nasync def f(n): await asyncio.sleep(0.01 * n); print(n); return n\nasync def main(): print(await asyncio.gather(*map(f, (3, 1, 2))))\nasyncio.run(main())",
    "asyncio error": "import asyncio\nasync def f(): raise ValueError('x')\nasyncio.run(f())",
    "asyncio task left": "import asyncio\nasync def f():\n    asyncio.create_task(asyncio.sleep(9), name='left')\nasyncio.run(f())\nprint('end')",
    "asyncio error never read": "import asyncio\nasync def bad(): raise ValueError('x')\nasync def f():\n    t = asyncio.create_task(bad(), name='t'); await asyncio.sleep(0.01)\nasyncio.run(f())",
    "asyncio loop not closed": "import asyncio\nloop = asyncio.new_event_loop()\nprint(loop.run_until_complete(asyncio.sleep(0, 5)))",
    "asyncio interrupted": "import asyncio, os, signal\nasync def f():\n    os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(5)\nasyncio.run(f())",
    "asyncio group": "import asyncio\nasync def bad(): raise ValueError('x')\nasync def f():\n    async with asyncio.TaskGroup() as g: g.create_task(bad())\nasyncio.run(f())",
    "asyncio subprocess": "import asyncio\nasync def f():\n    p = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1); print(await p.communicate())\nasyncio.run(f())",
    "asyncio names": "import asyncio\nasync def f(): return [asyncio.create_task(asyncio.sleep(0)).get_name() for _ in range(3)]\nprint(asyncio.run(f()))",
    "asyncio in a thread": "import asyncio\nasync def f(): print(await asyncio.to_thread(pow, 2, 5))\nasyncio.run(f())",
    "asyncio pair of sockets": "import asyncio, socket\na, b = socket.socketpair()\nprint(a.family, a.send(b'x'), b.recv(1))",
    "selectors": r"""
import selectors, os
r, w = os.pipe(); os.write(w, b"x")
for kind in (selectors.DefaultSelector, selectors.SelectSelector, selectors.PollSelector):
    s = kind(); s.register(r, selectors.EVENT_READ); print(kind.__name__, len(s.select(0)), s.get_map()[r].fd); s.close()
""",
    "epoll": "import select\ne = select.epoll()\nprint(e.fileno(), e.poll(0)); e.close()",
    "sockets": "import socket\ns = socket.socket()\nprint(s.fileno()); s.bind(('127.0.0.1', 0)); s.listen()\ntry: print(socket.create_connection(s.getsockname(), 1).fileno())\nexcept OSError as e: print(e)",
    "host": "import socket\nprint(socket.gethostname())\ntry: socket.gethostbyname('localhost')\nexcept OSError as e: print(e)",
}
