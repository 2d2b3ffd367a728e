from __future__ import annotations

from pathlib import Path

import pytest

from engine import BadInput, CannotStart
from engine.config.server import ServerConfig, host_and_port, is_loopback, read_token
from engine.config.settings import load_settings
from engine.wire.address import default_socket, unix_path


def test_the_tables_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_text('[engine]\nslots = 3\n[server]\nhosts = ["reward.local"]\nunread_seconds = 7\n')
    settings = load_settings(path)
    assert settings.engine.slots == 3
    assert settings.server == ServerConfig(hosts=("reward.local",), unread_seconds=7.0)
    assert load_settings(None).server == ServerConfig()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_an_address(address: str, expected: tuple[str, int]) -> None:
    assert host_and_port(address) == expected


@pytest.mark.parametrize("address", ["", "8080", ":8080", "host", "host:", "host:65536", "::1:80", "a/b:1", "host:x"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(BadInput, match="expected HOST:PORT"):
        host_and_port(address)
    with pytest.raises(BadInput, match="expected HOST:PORT"):
        ServerConfig(http=address)


def test_what_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))


def test_an_open_address_needs_a_token(tmp_path: Path) -> None:
    assert read_token(ServerConfig()) == ""
    assert read_token(ServerConfig(http=None)) == ""
    with pytest.raises(CannotStart, match="--token-file"):
        read_token(ServerConfig(http="0.0.0.0:80"))
    path = tmp_path / "token"
    path.write_text("  0123456789abcdef\n")
    assert read_token(ServerConfig(http="0.0.0.0:80", token_file=str(path))) == "0123456789abcdef"
    for wrong in (b"", b"short", b"has space in it 123", b"slash/in/it/0123456789", b"\xff" * 20):
        path.write_bytes(wrong)
        with pytest.raises(BadInput, match="16 or more"):
            read_token(ServerConfig(token_file=str(path)))


def test_the_default_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_socket() == Path("/run/assay/assay.sock")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert default_socket() == Path("/run/user/1000/assay/assay.sock")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    with pytest.raises(CannotStart, match="--socket PATH"):
        default_socket()


def test_addresses_of_clients() -> None:
    assert unix_path("unix:///run/a.sock") == Path("/run/a.sock")
    assert unix_path("/run/a.sock") == Path("/run/a.sock")
    for url in ("http://127.0.0.1:8080", "https://daemon.example/t/token", "http://[::1]:8080/"):
        assert unix_path(url) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8080",
        "http://",
        "http://:8080",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:x",
        "http://[::1",
        "http://a b",
        "http://a\n",
        "http://\u2603",
        "http://127.0.0.1:8080/?x",
    ],
)
def test_what_is_no_address_of_a_client(address: str) -> None:
    with pytest.raises(BadInput, match="expected unix") as caught:
        unix_path(address)
    assert (caught.value.field, caught.value.value) == ("address", address)
