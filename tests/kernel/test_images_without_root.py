"""Images of a real ordinary user, with ids of /etc/subuid and with one uid only."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts import Account, account
from tests.support.images import directory, file, layer, oci_layout
from tests.support.mounts import mounted
from tests.support.sample_images import glibc_layers

pytestmark = pytest.mark.kernel

NOBODY = "65534"


@pytest.fixture(scope="module", params=["subuid", "one uid"])
def sub_ids(request: pytest.FixtureRequest) -> bool:
    if request.param == "subuid" and shutil.which("newuidmap") is None:
        pytest.skip("needs newuidmap (Debian's uidmap)")
    return bool(request.param == "subuid")


@pytest.fixture(scope="module")
def user(sub_ids: bool) -> Iterator[Account]:
    with account(sub_ids=sub_ids, groups=True) as made:
        yield made


@pytest.fixture(scope="module")
def image(user: Account) -> Path:
    """The sample's layers, and one of directories that only root may write to, as many images have them."""
    closed = layer(directory("opt/closed", 0o500), file("opt/closed/inside", "closed", 0o444), directory("opt", 0o555))
    return oci_layout(user.place / "layout", {"only": [*glibc_layers(), closed]})


def said(user: Account, store: Path, image: str | Path, *words: str) -> dict[str, Any]:
    command = user.command(str(store), str(image), *words, module="tests.support.image_user")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def answer(user: Account, image: Path) -> dict[str, Any]:
    return said(user, user.place / "store", image)


def test_layers_lie_over_each_other(answer: dict[str, Any]) -> None:
    assert answer["lists"][1].splitlines() == [
        ".: again changed closed emptied hard kept link rooted suid theirs whole",
        "again: new",
        "emptied: new",
        "whole: third",
    ]
    assert answer["faults"] == 0
    assert answer["facts"]["rootfs"].endswith("layout")


def test_owners_are_nobodys_unless_there_is_only_one(answer: dict[str, Any], sub_ids: bool) -> None:
    rooted, theirs, contents = answer["owners"][1].splitlines()
    owner = NOBODY if sub_ids else "1000"
    assert [line.split()[2] for line in (rooted, theirs)] == [owner] * 2
    # Only its owner may read it, who is the program itself where all are one.
    assert contents == ("rooted: theirs:" if sub_ids else "rooted:1 theirs:1")


def test_what_an_image_may_not_change_is_ours(answer: dict[str, Any], sub_ids: bool) -> None:
    contents, work, hosts = answer["reads"][1].splitlines()
    assert contents == "kept below changed above at the top" + ("" if sub_ids else " closed")
    assert (work, hosts.split()) == ("/work/main.sh", ["127.0.0.1", "localhost", "::1", "localhost"])


def test_nothing_of_an_image_can_be_written_and_nothing_stays(answer: dict[str, Any]) -> None:
    assert answer["writes"] == ["ACCEPTED", "", ""]
    assert answer["is new"][1] == "/tmp/* /home/* 1000\n"
    assert answer["spins"] == ["TIME_LIMIT"]


def test_a_second_start_unpacks_nothing(user: Account, image: Path, answer: dict[str, Any]) -> None:
    layers = sorted((user.place / "store").glob("layers*/*"))
    assert len(layers) == 5
    before = [path.stat().st_ctime_ns for path in layers]
    assert said(user, user.place / "store", image)["lists"] == answer["lists"]
    assert [path.stat().st_ctime_ns for path in layers] == before
    assert not (user.place / "store/partial").exists()


def test_a_directory_is_an_image_too(user: Account) -> None:
    root = user.place / "root"
    root.mkdir()
    subprocess.run(["tar", "--extract", "--directory", root], input=glibc_layers()[0], check=True)
    lists = said(user, user.place / "store", root)["lists"][1]
    assert lists.splitlines()[1:] == ["again: old", "emptied: old", "whole: old"]


@pytest.fixture
def overlay(user: Account, tmp_path: Path) -> Iterator[Path]:
    """A store that keeps no whiteouts, as a container's own root."""
    for name in ("lower", "upper", "work"):
        (tmp_path / name).mkdir()
    place = user.place / "overlay"
    place.mkdir()
    parts = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    with mounted("overlay", parts, place):
        shutil.chown(place, user.uid, user.gid)
        yield place


def test_a_store_that_keeps_no_whiteouts_is_refused(user: Account, overlay: Path, image: Path) -> None:
    refused = said(user, overlay / "store", image)["refused"]
    assert "the store's file system keeps no whiteouts: set image_store to a directory on ext4, xfs or tmpfs" in refused
    assert "\n" not in refused


@pytest.mark.parametrize(
    ("store", "place", "words"),
    [
        ("/proc/store", "layout", "image_store: mkdir /proc/store: "),
        ("store", "/", "only root can leave out what is mounted below /"),
    ],
    ids=["store", "mounts"],
)
def test_what_takes_root_is_refused_by_its_path(user: Account, image: Path, store: str, place: str, words: str) -> None:
    refused = said(user, user.place / store, image.parent / place)["refused"]
    assert words in refused
    assert "\n" not in refused


def test_without_control_groups_images_are_the_same(user: Account, image: Path, answer: dict[str, Any]) -> None:
    without = dataclasses.replace(user, groups=())
    degraded = said(without, user.place / "store", image, "degraded")
    assert degraded["facts"]["cgroup"] == "none"
    assert degraded["lists"] == answer["lists"]
    assert degraded["writes"] == ["ACCEPTED", "", ""]
