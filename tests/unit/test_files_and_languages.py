"""File names stay in /work and fit; languages are found by one name or another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.jobs.files import MAX_FILES, collected_names, job_files, with_room
from engine.languages.table import LANGUAGES, language_named, language_of_file
from engine.program import WRITABLE, Limits, Program

PYTHON = LANGUAGES["python"]


def paths_of(files: dict[str, bytes], limits: Limits | None = None) -> list[str]:
    return [path for path, _, _ in job_files(Program("1", files=files), PYTHON, limits or Limits())]


def test_files_go_below_work_beside_the_source() -> None:
    made = job_files(Program("print('ü')", files={"a/b.txt": b"1", "./c//d": b"2"}), PYTHON, Limits())
    assert made == [
        ("/work/main.py", "print('ü')".encode(), 0o644),
        ("/work/a/b.txt", b"1", 0o644),
        ("/work/c/d", b"2", 0o644),
    ]


def test_absolute_names_go_below_directories_that_programs_may_write_to() -> None:
    names = ["/work/a", "/mnt/data/b", "//tmp/./c", "/dev/shm/d", "/run/shm/e", "/run/f"]
    assert paths_of(dict.fromkeys(names, b""))[1:] == [
        "/work/a",
        "/mnt/data/b",
        "/tmp/c",
        "/dev/shm/d",
        "/dev/shm/e",
        "/run/f",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "/etc/passwd",
        "/work",
        "/work/../etc/passwd",
        "/work/main.py",
        "/tmp",
        "/dev/shm",
        "/run/shm",
        "/dev/x",
        "/program/x",
        "/tmpx/a",
        "..",
        "../a",
        "a/../b",
        "a/..",
        ".",
        "./",
        "a/",
        "a/.",
        "a\0b",
        "a" * 256,
        "ü" * 128,
        "a/" * 1500 + "b",
        "\ud800",
        "main.py",
        "./main.py",
        "main.py/x",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="files"):
        paths_of({name: b""})


@pytest.mark.parametrize(
    "names",
    [
        ("a", "./a"),
        ("a", "a/b"),
        ("x/y/z", "x/y"),
        ("a//b", "a/b"),
        ("/tmp/a", "//tmp/a/b"),
        ("/work/a", "a"),
        ("/run/shm/a", "/dev/shm/a"),
    ],
)
def test_names_that_clash_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(BadInput, match="files"):
        paths_of(dict.fromkeys(names, b""))


@given(st.dictionaries(st.text(st.characters(exclude_categories=[]), max_size=12), st.binary(max_size=3), max_size=5))
def test_names_are_refused_or_stay_where_programs_may_write(files: dict[str, bytes]) -> None:
    try:
        paths = paths_of(files)
    except BadInput:
        return
    assert len(set(paths)) == len(files) + 1
    for path in paths:
        assert path.startswith(tuple(f"{place}/" for place in WRITABLE))
        assert not {"", ".", ".."} & set(path.split("/")[1:])


def test_number_and_bytes_of_files_are_bounded() -> None:
    with pytest.raises(BadInput, match="at most"):
        paths_of({str(number): b"" for number in range(MAX_FILES + 1)})
    with pytest.raises(BadInput, match="directories"):
        paths_of({"/".join([str(number), *"abcdefgh"]): b"" for number in range(MAX_FILES // 2)})
    small = Limits(disk_bytes=64 << 10)
    assert paths_of({"a": bytes(40 << 10)}, small)
    with pytest.raises(BadInput, match=r"files .*more than limits\.disk_bytes"):
        paths_of({"a": bytes(60 << 10)}, small)
    with pytest.raises(BadInput, match=r"source .*more than limits\.disk_bytes"):
        job_files(Program("x" * (64 << 10)), PYTHON, small)


def test_our_own_files_do_not_take_the_programs_room() -> None:
    limits = Limits(disk_bytes=64 << 10)
    files = job_files(Program("1"), PYTHON, limits)
    assert with_room(limits, files, [("/program/main", bytes(1000), 0o755)]) is limits
    assert with_room(limits, files, [("/program/main", bytes(1 << 20), 0o755)]).disk_bytes > 1 << 20


def test_source_is_unicode_text() -> None:
    with pytest.raises(BadInput, match="source"):
        job_files(Program("print('\ud800')"), PYTHON, Limits())


def test_collected_names() -> None:
    assert collected_names(["a", "./a", "/tmp/x", "d/e", "a"]) == ["a", "./a", "/tmp/x", "d/e"]
    for wrong in ("", "..", "a/../../b", "a\0", "\udfff", "x" * 300):
        with pytest.raises(BadInput, match="collect"):
            collected_names([wrong])
    with pytest.raises(BadInput, match="list"):
        collected_names("abc")
    with pytest.raises(BadInput, match="at most"):
        collected_names([str(number) for number in range(65)])
    with pytest.raises(BadInput, match="bytes of paths"):
        collected_names([f"{number}/" + 8 * f"{'x' * 200}/" for number in range(30)])


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("python", "python"),
        ("py", "python"),
        ("C++", "cpp"),
        ("nodejs", "javascript"),
        ("js", "javascript"),
        ("sh", "bash"),
    ],
)
def test_languages_have_other_names(word: str, name: str) -> None:
    assert language_named(word).name == name


def test_an_unknown_language_names_field_value_and_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"language 'cobol': .*python, .*cpp, .*javascript"):
        language_named("cobol")
    with pytest.raises(BadInput, match=r"items\[3\]\.language ''"):
        language_named("", "items[3].language")


def test_names_are_used_once() -> None:
    words = [word for language in LANGUAGES.values() for word in (language.name, *language.aliases)]
    assert len(set(words)) == len(words)
    extensions = [extension for language in LANGUAGES.values() for extension in language.extensions]
    assert len(set(extensions)) == len(extensions)


def test_a_files_name_tells_its_language() -> None:
    for name, language in (("x/a.py", "python"), ("B.CPP", "cpp"), ("a.b.c", "c")):
        found = language_of_file(Path(name))
        assert found is not None
        assert found.name == language
    assert language_of_file(Path("Makefile")) is None


@pytest.mark.parametrize(
    ("language", "source", "compiled"),
    [
        ("php", "echo 1;", "<?php\necho 1;"),
        ("php", " <?php echo 1;", "<?php echo 1;"),
        ("php", "#!/usr/bin/env php\n<?php echo 1;", "#!/usr/bin/env php\n<?php echo 1;"),
        ("csharp", "class A {}", "USINGS class A {}"),
        ("csharp", "#define A\n// b\n\n#if A\nclass B {}", "#define A\n// b\n\n#if A\nUSINGS class B {}"),
        ("csharp", "#define A", "USINGS #define A"),
        ("python", "\n1", "\n1"),
    ],
)
def test_an_opening_goes_before_the_program(language: str, source: str, compiled: str) -> None:
    found = LANGUAGES[language]
    opening = found.opening if language == "csharp" else "no such text"
    assert found.opened(source).replace(opening, "USINGS ") == compiled


def test_languages_are_named_in_any_case() -> None:
    assert {language_named(word.lower()).name for word in LANGUAGES} == set(LANGUAGES)
