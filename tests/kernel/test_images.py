"""Programs in images: directories, OCI layouts and `docker save` archives, all built on the spot."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine import BadInput, CallTest, CannotStart, Engine, Limits, Program, SandboxError, Verdict
from engine.program import MIB
from tests.support.images import docker_save, gzipped, oci_layout, plain, zstd
from tests.support.runs import all_runs
from tests.support.runtimes import NewEngine
from tests.support.sample_images import HELLO, built, glibc_layers, musl_image, python_image

pytestmark = pytest.mark.kernel

# A line for each path: a directory's names in order, or what is in a file.
LIST = """
#include <dirent.h>
#include <stdio.h>
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct dirent **names;
        int count = scandir(argv[i], &names, 0, alphasort);
        const char *blank = "";
        for (int j = 0; j < count; j++)
            if (names[j]->d_name[0] != '.') printf("%s%s", blank, names[j]->d_name), blank = " ";
        char text[99] = "";
        FILE *file = count < 0 ? fopen(argv[i], "r") : 0;
        if (file && fgets(text, sizeof text, file)) printf("(%s)", text);
        puts("");
    }
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where images and the store are; removed at once, for a copy of Python is large."""
    path = tmp_path_factory.mktemp("images")
    # A directory as root file system must be readable for the program's user.
    for parent in (path, *path.parents[:2]):
        parent.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def glibc() -> list[bytes]:
    return glibc_layers()


async def said(engine: Engine, image: str | None, script: str) -> str:
    outcome = await engine.run(Program(script, "bash", image=image))
    assert outcome.clean, outcome
    return outcome.stdout.decode()


@pytest.fixture(scope="module")
def images(place: Path, glibc: list[bytes]) -> dict[str, str]:
    """Names and places."""
    path = ["PATH=/opt/python/bin:/usr/bin:/bin"]
    return {
        "gzip": str(oci_layout(place / "gzip", {"1": glibc, "2": glibc[:1]}, compress=gzipped)) + ":1",
        "lowest": str(place / "gzip") + ":2",
        "zstd": str(oci_layout(place / "zstd", {"only": glibc}, compress=zstd, env=path)),
        "plain": str(oci_layout(place / "plain", {"only": glibc}, compress=plain)),
        "saved": str(docker_save(place / "saved.tar", {"assay/test:1": glibc, "assay/test:2": glibc[:1]})) + ":1",
        "python": str(python_image(place / "python")),
        "musl": str(musl_image(place / "musl")),
        "arm": str(oci_layout(place / "arm", {"only": glibc}, architecture="arm64")),
        "nowhere": str(place / "nowhere"),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(new_engine: NewEngine, place: Path, images: dict[str, str]) -> AsyncIterator[Engine]:
    async with new_engine(slots=2, images=images, image_store=str(place / "store")) as engine:
        yield engine


def mounts_of(engine: Engine) -> list[str]:
    """The mounts of each slot; one that is used once may be between two keepers."""
    end = time.monotonic() + 5
    while True:
        try:
            return [Path(f"/proc/{pid}/mountinfo").read_text() for pid in engine.facts()["keeper_pids"].split()]
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.01)


FORMATS = ["gzip", "zstd", "plain", "saved"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("image", FORMATS)
async def test_layers_lie_over_each_other(engine: Engine, image: str) -> None:
    listed = await said(engine, image, "cd /opt; for d in . again emptied whole; do echo $d: $(ls $d); done")
    assert listed.splitlines() == [
        ".: again changed emptied hard kept link rooted suid theirs whole",
        "again: new",
        "emptied: new",
        "whole: third",
    ]
    contents = "for f in kept changed link hard; do echo $(</opt/$f); done; echo $(</hello) $(</pointer); echo /work/*"
    assert (await said(engine, image, contents)).splitlines() == [
        "kept below",
        "changed above",
        "kept below",
        "kept below",
        "at the top kept below",
        "/work/main.sh",
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_each_name_of_an_index_is_an_image(engine: Engine) -> None:
    assert (await said(engine, "lowest", "ls /opt /opt/whole")).split() == [
        *("/opt:", "again", "changed", "emptied", "gone", "hard", "kept", "link", "rooted", "suid", "theirs", "whole"),
        *("/opt/whole:", "old"),
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_owners_and_modes_are_those_of_the_image(engine: Engine) -> None:
    listed = await said(engine, "gzip", "cd /opt; ls -ln rooted suid theirs; echo $(<theirs); echo $(<rooted)")
    lines = [line.split() for line in listed.splitlines()]
    assert [(line[0], line[2], line[3], line[-1]) for line in lines[:3]] == [
        ("-rw-------", "0", "0", "rooted"),
        # No program here gains rights by an exec.
        ("-rwxr-xr-x", "0", "0", "suid"),
        ("-rw-------", "1000", "1000", "theirs"),
    ]
    assert lines[3] == ["1"]
    assert len(lines) == 5
    assert lines[4] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_of_an_image_can_be_written(engine: Engine) -> None:
    script = (
        "for f in /x /opt/x /opt/kept /opt/theirs /bin/x /etc/passwd /usr/x /dev/x /program/x; do\n"
        "  (echo 1 >$f) 2>/dev/null && echo written: $f\n"
        "done\n"
        "for d in /work /tmp /var/tmp /run /dev/shm /home /mnt; do echo 1 >$d/x || echo not written: $d; done"
    )
    for _ in range(2):
        assert await said(engine, "gzip", script) == ""
    assert (await said(engine, "gzip", "echo /tmp/* /home/* /run/*")).split() == ["/tmp/*", "/home/*", "/run/shm"]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_world_of_a_program_is_the_same_in_an_image(engine: Engine) -> None:
    inside = await said(engine, "zstd", "echo $PATH $HOME $LANG $PWD $UID; echo $(</etc/hosts); ls /dev /proc/self")
    assert inside.startswith("/opt/python/bin:/usr/bin:/bin /work C.UTF-8 /work 1000\n127.0.0.1 localhost")
    assert {"null", "shm", "urandom", "status", "maps"} <= set(inside.split())
    assert "assay:x:1000:" in await said(engine, "zstd", "echo $(</etc/passwd)")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_musl_program_runs(engine: Engine) -> None:
    for program in ("/bin/hello", "/bin/static"):
        outcome = await engine.run_argv((program,), b"greetings", image="musl")
        assert (outcome.stdout, outcome.verdict) == (b"greetings\n", Verdict.ACCEPTED), outcome


@pytest.mark.asyncio(loop_scope="module")
async def test_tools_are_where_the_image_has_them(engine: Engine) -> None:
    source = "import sys, os\nprint(sys.executable, os.path.exists('/usr/bin/python3'))\ndef double(x): return 2 * x"
    outcome = await engine.run(Program(source, image="python"))
    assert outcome.stdout == b"/usr/local/bin/python3 False\n", outcome
    [run] = await all_runs(engine, Program("def double(x): return 2 * x", image="python"), [CallTest("double", [21])])
    assert run.returned == 42
    known = {status.name: status for status in await engine.languages("python")}
    assert (known["python"].version or "").startswith("Python 3.")
    assert known["cpp"].problem == "g++ is missing in the image 'python'"
    with pytest.raises(BadInput, match="gcc is missing in the image 'gzip'") as caught:
        await engine.run(Program("int main;", "c", image="gzip"))
    assert caught.value.field == "language"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_had_is_refused_by_name(engine: Engine) -> None:
    for name, message in [
        ("none", "unknown image, known are arm, gzip, host, lowest, musl, nowhere, plain, python, saved, zstd"),
        ("arm", "this image cannot be used: the image is for arm64, this machine is amd64"),
        ("nowhere", "no such directory, image layout or archive"),
    ]:
        with pytest.raises(BadInput, match=message) as caught:
            await engine.run(Program("1", image=name))
        assert (caught.value.field, caught.value.value) == ("image", name)
    assert engine.facts()["rootfs"] == "host"


@pytest.mark.asyncio(loop_scope="module")
async def test_images_alternate_on_few_slots_and_leave_nothing(engine: Engine) -> None:
    script = "echo $(ls /opt/whole 2>/dev/null) $(echo /tmp/*); echo $1 >/tmp/left"
    images = ["gzip", "lowest", "host", "saved", None] * 6
    outputs = await asyncio.gather(*(said(engine, image, script) for image in images))
    expected = {"gzip": "third /tmp/*\n", "saved": "third /tmp/*\n", "lowest": "old /tmp/*\n"}
    assert list(outputs) == [expected.get(image or "host", "/tmp/*\n") for image in images]
    assert engine.stats().faults == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_one_busy_image_does_not_starve_another(engine: Engine) -> None:
    spin = Program("while :; do :; done", "bash", image="gzip")
    busy = [asyncio.create_task(engine.run(spin, limits=Limits(cpu_seconds=0.3))) for _ in range(6)]
    outputs = [await said(engine, image, "echo 1") for image in ("saved", "lowest")]
    assert outputs == ["1\n", "1\n"]
    assert {outcome.verdict for outcome in await asyncio.gather(*busy)} == {Verdict.TIME_LIMIT}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_keeper_holds_no_mapped_tree_of_the_machine(engine: Engine) -> None:
    await said(engine, "gzip", "echo 1")
    mounts = mounts_of(engine)
    assert any("lowerdir=0:1" in text for text in mounts)
    for line in (line for text in mounts for line in text.splitlines()):
        assert "idmapped" not in line
        assert " - ext4 " not in line


@pytest.mark.asyncio(loop_scope="module")
async def test_limits_hold_in_an_image(engine: Engine) -> None:
    outcome = await engine.run(Program("x = b'1' * (1 << 28)", image="python"), limits=Limits(memory_bytes=64 * MIB))
    assert outcome.verdict is Verdict.MEMORY_LIMIT
    outcome = await engine.run(
        Program("print(1); open('/tmp/x', 'wb').write(bytes(9 << 20))", image="python"),
        limits=Limits(disk_bytes=8 * MIB),
    )
    assert (outcome.stdout, outcome.verdict) == (b"1\n", Verdict.RUNTIME_ERROR)
    assert b"No space left" in outcome.stderr or b"File too large" in outcome.stderr


async def test_an_image_can_be_the_default(new_engine: NewEngine, tmp_path: Path, glibc: list[bytes]) -> None:
    layout, store = oci_layout(tmp_path / "default", {"only": glibc}), str(tmp_path / "store")
    async with new_engine(slots=1, rootfs=str(layout), image_store=store) as engine:
        assert await said(engine, None, "ls /opt/whole") == "third\n"
        await engine.run_control()
        with pytest.raises(BadInput, match="unknown image, known are none"):
            await engine.run(Program("1", "bash", image="host"))
    with pytest.raises(CannotStart, match="nowhere: no such directory"):
        async with new_engine(slots=1, rootfs=str(tmp_path / "nowhere"), image_store=store):
            pass


async def test_two_engines_share_one_store(new_engine: NewEngine, tmp_path: Path, glibc: list[bytes]) -> None:
    layout = oci_layout(tmp_path / "layout", {"only": glibc})
    # What an unpacking that was killed has left is in nobody's way.
    (tmp_path / "store").mkdir(mode=0o700)
    (tmp_path / "store/partial/deep/er").mkdir(parents=True)

    async def listed() -> str:
        async with new_engine(slots=1, rootfs=str(layout), image_store=str(tmp_path / "store")) as engine:
            return await said(engine, None, "ls /opt/again")

    assert list(await asyncio.gather(listed(), listed())) == ["new\n", "new\n"]
    layers = sorted(path.name for path in (tmp_path / "store/layers").iterdir())
    assert layers == sorted(path.name for path in (tmp_path / "store/layers").iterdir() if len(path.name) == 64)
    assert len(layers) == 4
    assert not (tmp_path / "store/partial").exists()
    before = [(tmp_path / "store/layers" / name).stat().st_ctime_ns for name in layers]
    assert await listed() == "new\n"
    assert before == [(tmp_path / "store/layers" / name).stat().st_ctime_ns for name in layers]


async def test_an_image_that_breaks_later_costs_only_its_own_requests(new_engine: NewEngine, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree("/etc/alternatives", root / "etc", symlinks=True)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    images, store = {"broken": str(root)}, str(tmp_path / "store")
    async with new_engine(slots=2, images=images, image_store=store) as engine:
        shutil.rmtree(root)
        for _ in range(2):
            with pytest.raises(SandboxError, match=r"open_tree .*root: No such file"):
                await engine.run_argv(("/bin/true",), image="broken")
            assert await said(engine, None, "echo 1") == "1\n"
        outputs = await asyncio.gather(
            *(said(engine, None, "echo 1") for _ in range(4)),
            engine.run_argv(("/bin/true",), image="broken"),
            return_exceptions=True,
        )
        assert outputs[:4] == ["1\n"] * 4
        assert isinstance(outputs[4], SandboxError)


async def test_what_umoci_writes_is_read(new_engine: NewEngine, tmp_path: Path) -> None:
    if shutil.which("umoci") is None:
        pytest.skip("needs umoci")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    layout = tmp_path / "layout"
    image = f"{layout}:made"
    for name, source in (("hello", HELLO), ("list", LIST)):
        built(source, tmp_path / name, "gcc", "-static")
        (tmp_path / name).chmod(0o755)
    for words in (
        ["init", "--layout", layout],
        ["new", "--image", image],
        ["insert", "--image", image, tmp_path / "hello", "/hello"],
        ["insert", "--image", image, tmp_path / "list", "/list"],
        ["insert", "--image", image, tmp_path / "first", "/opt/first"],
        ["insert", "--image", image, "--opaque", tmp_path / "second", "/opt/first"],
        ["insert", "--image", image, tmp_path / "second", "/opt/second"],
        ["insert", "--image", image, "--whiteout", "/opt/second/name"],
    ):
        await asyncio.to_thread(subprocess.run, ["umoci", *words], check=True, capture_output=True)
    async with new_engine(slots=1, rootfs=image, image_store=str(tmp_path / "store")) as engine:
        outcome = await engine.run_argv(("/hello",), b"greetings")
        assert outcome.stdout == b"greetings\n", outcome
        outcome = await engine.run_argv(("/list", "/", "/opt", "/opt/first", "/opt/second"))
        assert {"hello", "list", "opt", "work"} <= set(outcome.stdout.decode().split("\n")[0].split())
        assert outcome.stdout.decode().splitlines()[1:] == ["first second", "name", ""]
        outcome = await engine.run_argv(("/list", "/opt/first/name"))
        assert outcome.stdout == b"(second)\n"
