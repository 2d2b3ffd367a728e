"""The daemon's sockets: one daemon for each path, and one line that says what to do where that fails."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.errors import CannotStart

log = logging.getLogger("assay.server")
BACKLOG: Final = 2048
# sun_path holds 108 bytes with the closing zero.
_PATH_BYTES: Final = 107


@contextlib.contextmanager
def unix_listener(path: Path) -> Iterator[socket.socket]:
    """A listening socket at `path`, mode 0600, removed afterwards; raises CannotStart."""
    if len(os.fsencode(path)) > _PATH_BYTES:
        raise CannotStart(f"{path} is longer than {_PATH_BYTES} bytes: choose another with --socket PATH")
    with contextlib.ExitStack() as held:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(_locked(path))
            _remove_stale(path)
            listener = held.enter_context(_bind_unix(path))
            made = path.stat().st_ino
        except OSError as error:
            where = error.filename or path
            raise CannotStart(f"{where}: {error.strerror}: choose another with --socket PATH") from None
        try:
            yield listener
        finally:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == made:
                    path.unlink()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            way_out = f"stop it (kill {pid}), or choose another with --socket PATH"
            raise CannotStart(f"a daemon (pid {pid}) already listens on {path}: {way_out}") from None
        # A daemon that ended meanwhile may have removed the file that is locked now.
        with contextlib.suppress(FileNotFoundError):
            if lock.stat().st_ino == os.fstat(descriptor).st_ino:
                break
        os.close(descriptor)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotStart(f"{path} exists and is not a socket: remove it, or choose another with --socket PATH")
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(os.fspath(path)) == 0:
            raise CannotStart(f"another program listens on {path}: choose another with --socket PATH")
    log.info("removed %s, which a daemon that was killed had left", path)
    path.unlink()


def _bind_unix(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def tcp_listener(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket; raises CannotStart."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotStart(f"{host}: {error.strerror}: choose another address with --http HOST:PORT") from None
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            what = "is in use" if error.errno == errno.EADDRINUSE else error.strerror
            way_out = "choose another with --http HOST:PORT, or leave it out with --no-http"
            raise CannotStart(f"{where} {what}: {way_out}") from None
        listener.setblocking(False)
        yield listener
