"""Random stacks of layers as a program in a slot sees them: names, kinds, modes, owners and whatever it may read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, reject, settings

from engine import Engine, EngineConfig
from tests.support.images import Entry, file, layer, oci_layout, plain
from tests.support.layers import Refused, archived, stacks, tree_of
from tests.support.mounts import mounted
from tests.support.sample_images import built

pytestmark = pytest.mark.kernel

DRAWN, SHOWN = 200, 24
PROGRAM_ID = 1000
READ, SEARCH = 4, 1
UNSEEN = ("?",)
# Of each name below /: itself, then kind, mode and owners, then content; each ends with NUL.
LISTER = r"""
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static const char *ours[] = {".", "..", "work", "tmp", "var", "run", "home", "mnt", "dev", "proc", "program", "etc",
                             "lister"};
static void list(const char *place) {
    DIR *directory = opendir(*place ? place : ".");
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char path[4096], text[4096];
        struct stat facts;
        size_t skipped = 0, length = 0;
        while (skipped < (*place ? 2 : sizeof ours / sizeof *ours) && strcmp(entry->d_name, ours[skipped])) skipped++;
        if (skipped < (*place ? 2 : sizeof ours / sizeof *ours)) continue;
        snprintf(path, sizeof path, "%s%s", place, entry->d_name);
        printf("%s%c", path, 0);
        if (lstat(path, &facts)) { printf("?%c%c", 0, 0); continue; }
        const char *kind = S_ISDIR(facts.st_mode) ? "directory" : S_ISLNK(facts.st_mode) ? "link" : "file";
        printf("%s %o %u %u%c", kind, facts.st_mode & 07777, facts.st_uid, facts.st_gid, 0);
        FILE *file = S_ISREG(facts.st_mode) ? fopen(path, "r") : 0;
        if (S_ISLNK(facts.st_mode)) length = readlink(path, text, sizeof text);
        else if (file) length = fread(text, 1, sizeof text, file), fclose(file);
        else if (S_ISREG(facts.st_mode)) text[0] = '?', length = 1;
        fwrite(text, 1, length, stdout);
        putchar(0);
        strcat(path, "/");
        if (S_ISDIR(facts.st_mode)) list(path);
    }
    if (directory) closedir(directory);
}
int main(void) { return chdir("/") || (list(""), 0); }
"""
Tree = dict[str, tuple[object, ...]]


def drawn() -> list[tuple[Sequence[Sequence[Entry]], Tree]]:
    """The stacks that make the largest trees."""
    found: list[tuple[Sequence[Sequence[Entry]], Tree]] = []

    @settings(max_examples=DRAWN, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(layers=stacks())
    def collect(layers: list[list[Entry]]) -> None:
        try:
            found.append((layers, tree_of(layers)))
        except Refused:
            reject()

    collect()
    return sorted(found, key=lambda pair: len(pair[1]))[-SHOWN:]


def may(facts: tuple[object, ...], right: int) -> bool:
    """Whether the program's user has the right."""
    _, mode, uid, gid, _ = facts
    assert isinstance(mode, int)
    return bool(mode >> (6 if uid == PROGRAM_ID else 3 if gid == PROGRAM_ID else 0) & right)


def shown(tree: Tree) -> Iterator[tuple[str, tuple[object, ...]]]:
    """What of the tree the program can tell."""
    for path, facts in tree.items():
        above = [tree[str(parent)] for parent in PurePosixPath(path).parents if str(parent) != "."]
        if not all(may(parent, READ) for parent in above) or not all(may(parent, SEARCH) for parent in above[1:]):
            continue
        if above and not may(above[0], SEARCH):
            yield path, UNSEEN
        elif facts[0] == "file" and not may(facts, READ):
            yield path, (*facts[:4], b"?")
        else:
            yield path, facts


def told(output: bytes) -> Tree:
    fields = output.split(b"\0")[:-1]
    tree: Tree = {}
    for path, facts, content in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        kind, *numbers = facts.decode().split()
        mode, uid, gid = (
            (int(number, base) for number, base in zip(numbers, (8, 10, 10), strict=True)) if numbers else (0, 0, 0)
        )
        tree[os.fsdecode(path)] = UNSEEN if kind == "?" else (kind, mode, uid, gid, content)
    return tree


async def test_a_program_sees_the_tree_of_the_rules(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    lister = built(LISTER, tmp_path / "lister", "gcc", "-static")
    with mounted("tmpfs", "mode=0755", place):
        examples = drawn()
        for number, (layers, _) in enumerate(examples):
            archives = [*map(archived, layers), layer(file("lister", lister, 0o755))]
            oci_layout(place / f"layout{number}", {"only": archives}, compress=plain)
        images = {f"image{number}": str(place / f"layout{number}") for number in range(len(examples))}
        async with Engine(slots=1, config=EngineConfig(images=images, image_store=str(place / "store"))) as engine:
            for number, (layers, tree) in enumerate(examples):
                outcome = await engine.run_argv(("/lister",), image=f"image{number}")
                assert outcome.clean, outcome
                assert told(outcome.stdout) == dict(shown(tree)), layers
