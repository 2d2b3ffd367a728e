from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.hostile import HOST_NAME, HOST_PORT


@pytest.fixture(scope="module")
def host_services() -> Iterator[list[str]]:
    """Services of the host that no program may reach; yields the list of those that were reached."""
    listening = []
    for family, address in (
        (socket.AF_INET, ("0.0.0.0", HOST_PORT)),
        (socket.AF_INET6, ("::1", HOST_PORT)),
        (socket.AF_UNIX, HOST_NAME),
    ):
        service = socket.socket(family)
        if family != socket.AF_UNIX:
            # Another run of these tests may listen there too: whoever was reached says so.
            service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            service.bind(address)
        except OSError as error:
            service.close()
            if family != socket.AF_UNIX or error.errno != errno.EADDRINUSE:
                raise
            continue
        service.listen()
        listening.append(service)
    reached: list[str] = []
    threads = [threading.Thread(target=_accept, args=(service, reached), daemon=True) for service in listening]
    for thread in threads:
        thread.start()
    yield reached
    for service in listening:
        service.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(5)
    for service in listening:
        service.close()


def _accept(service: socket.socket, reached: list[str]) -> None:
    while True:
        try:
            connection, _ = service.accept()
        except OSError:
            return
        reached.append(str(service.getsockname()))
        connection.close()
