"""The root file systems that a request can choose from: this machine's own trees, and images with their tools."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from engine.config.engine import HOST, EngineConfig
from engine.errors import BadInput, CannotStart
from engine.harness.channel import DRIVEN_LANGUAGE, DRIVER_ARGUMENTS
from engine.languages.language import ENVIRONMENT, PROGRAM, Language
from engine.languages.table import LANGUAGES, LanguageStatus, language_named
from engine.languages.warm import Flavour, flavours
from engine.pool.job import Job, JobFile
from engine.pool.native import UnpackedImage, unpack_image
from engine.program import Limits


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """What a slot shows, and how programs are run there.

    name         as a request asks for it
    number       as the pool counts them
    environment  of every program
    languages    those whose tool is there, with its path; None: whatever is installed on this machine
    flavours     of Pythons that slots with it keep ready, the first that a program is for
    """

    name: str = HOST
    number: int = 0
    environment: Sequence[str] = ENVIRONMENT
    languages: Mapping[str, Language] | None = None
    flavours: Sequence[Flavour] = ()

    def language(self, word: str, field: str = "language") -> Language:
        """The language of that name or alias as it runs here; raises BadInput if it is unknown or its tool missing."""
        language = language_named(word, field)
        problem = self.problem(language)
        if problem is not None:
            raise BadInput(field, word, problem)
        if self.languages is None:
            return language
        here = self.languages[language.name]
        if here.compile is None or language.compile is None:
            return here
        # The standard that was asked for, with the image's own compiler.
        return msgspec.structs.replace(here, compile=(here.compile[0], *language.compile[1:]))

    def job(
        self,
        argv: Sequence[str],
        limits: Limits,
        *,
        files: Sequence[JobFile] = (),
        collect: Sequence[str] = (),
        stdin: bytes = b"",
        channel: bytes | None = None,
        merge_stderr: bool = False,
        variables: Sequence[str] = (),
        python: bytes | None = None,
    ) -> Job:
        """One run in a slot that shows this image, with `variables` beside those of every program.

        python  source of a program that may be a fork of a Python that is ready
        """
        return Job(
            argv=argv,
            limits=limits,
            files=files,
            collect=collect,
            stdin=stdin,
            channel=channel,
            merge_stderr=merge_stderr,
            image=self.number,
            environment=(*self.environment, *variables),
            flavour=None if python is None or variables else self._flavour(tuple(argv), python),
        )

    def _flavour(self, argv: tuple[str, ...], source: bytes) -> int | None:
        fits = (flavour.number for flavour in self.flavours if flavour.argv == argv and flavour.is_for(source))
        return next(fits, None)

    def problem(self, language: Language) -> str | None:
        """Why programs in this language do not run here, or None."""
        if self.languages is None:
            return language.problem()
        if language.name in self.languages:
            return None
        if language.needs:
            return f"runs from this machine's own trees only, not in the image {self.name!r}"
        return f"{PurePosixPath(language.tools[0]).name} is missing in the image {self.name!r}"

    def statuses(self) -> list[LanguageStatus]:
        """Every language, with the problem of those that do not run here."""
        return [
            LanguageStatus(name=language.name, aliases=language.aliases, problem=self.problem(language))
            for language in LANGUAGES.values()
        ]


class Images:
    """Those that the configuration names, by name; the first one is that of requests that name none.

    Their layers stay in the store until they are released.
    """

    def __init__(
        self,
        default: Image,
        named: Mapping[str, Image],
        problems: Mapping[str, str],
        unpacked: Sequence[UnpackedImage] = (),
    ) -> None:
        self._default = default
        self._named = named
        self._problems = problems
        self._unpacked = unpacked

    def named(self, name: str | None, field: str = "image") -> Image:
        """The image of that name, None for the default; raises BadInput naming the known ones."""
        if name is None:
            return self._default
        if name in self._problems:
            raise BadInput(field, name, f"this image cannot be used: {self._problems[name]}")
        image = self._named.get(name)
        if image is None:
            known = ", ".join(sorted({*self._named, *self._problems})) or "none"
            raise BadInput(field, name, f"unknown image, known are {known}")
        return image

    def __iter__(self) -> Iterator[Image]:
        """Those that can be used, each once."""
        return iter({image.number: image for image in (self._default, *self._named.values())}.values())

    def facts(self) -> dict[str, str]:
        """The default one, and each other with what is wrong with it, if something is."""
        facts = {"rootfs": self._default.name}
        names = sorted({*self._named, *self._problems} - {self._default.name})
        if names:
            told = (f"{name} ({self._problems[name]})" if name in self._problems else name for name in names)
            facts["images"] = ", ".join(told)
        return facts

    def release(self) -> None:
        """Let go of the layers: no slot shows them any more."""
        for image in self._unpacked:
            image.release()


def places_of(config: EngineConfig) -> dict[str, str]:
    """Where each image is, that of requests that name none first: one of the named, "host", or a place of its own."""
    return {config.rootfs: config.images.get(config.rootfs, config.rootfs), **config.images}


async def prepare(config: EngineConfig) -> tuple[Images, list[Sequence[str]], list[Flavour]]:
    """The images, and for the pool the layers of each and all flavours of Pythons.

    Raises CannotStart if the default image cannot be used.
    """
    wanted = places_of(config)
    answers = await asyncio.gather(*(_unpacked(config, place) for place in wanted.values()))
    layers: list[Sequence[str]] = []
    named: dict[str, Image] = {}
    problems: dict[str, str] = {}
    flavours: list[Flavour] = []
    for name, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, str):
            problems[name] = answer
            continue
        image = _image(name, len(layers), answer)
        named[name] = image = _with_flavours(image, config, first=len(flavours))
        flavours += image.flavours
        layers.append(answer.layers if answer else ())
    if config.rootfs in problems:
        raise CannotStart(f"rootfs {config.rootfs}: {problems[config.rootfs]}")
    default = named[config.rootfs]
    if config.rootfs != HOST and config.rootfs not in config.images:
        # A place is no name.
        del named[config.rootfs]
    unpacked = [answer for answer in answers if answer is not None and not isinstance(answer, str)]
    return Images(default, named, problems, unpacked), layers, flavours


def _with_flavours(image: Image, config: EngineConfig, *, first: int) -> Image:
    python = LANGUAGES[DRIVEN_LANGUAGE]
    if not config.warm_start or config.runtime != "native" or image.problem(python) is not None:
        return image
    python = image.language(python.name)
    scripts = {
        python.run: f"/work/{python.source_name}",
        (python.run[0], *DRIVER_ARGUMENTS): DRIVER_ARGUMENTS[-1],
    }
    made = flavours(
        [warm.preload for warm in config.warm.values()],
        image=image.number,
        environment=image.environment,
        scripts=scripts,
        first=first,
    )
    return msgspec.structs.replace(image, flavours=made)


async def _unpacked(config: EngineConfig, place: str) -> UnpackedImage | str | None:
    """What is at `place`, or why it cannot be used; None for this machine's own trees."""
    if place == HOST:
        return None
    tools = sorted({name for language in LANGUAGES.values() for name in _tools(language)})
    try:
        unpacked = await unpack_image(config.image_store, place, tools)
    except OSError as error:
        return str(error)
    return _hidden(config.state_dir, unpacked.layers) or unpacked


def _hidden(state_dir: str, layers: Sequence[str]) -> str | None:
    covered = Path(state_dir).resolve()
    for layer in map(Path, layers):
        if covered in (layer, *layer.parents):
            return f"{layer}: below the state directory {covered}, which slots do not see"
    return None


def _image(name: str, number: int, unpacked: UnpackedImage | None) -> Image:
    if unpacked is None:
        return Image(name=name, number=number)
    path, tools = unpacked.path, unpacked.tools
    environment = tuple(f"PATH={path}" if entry.startswith("PATH=") else entry for entry in ENVIRONMENT)
    languages = {
        language.name: _placed(language, tools)
        for language in LANGUAGES.values()
        if not language.needs and tools.keys() >= _tools(language)
    }
    return Image(name=name, number=number, environment=environment, languages=languages)


def _tools(language: Language) -> set[str]:
    return {PurePosixPath(tool).name for tool in language.tools}


def _placed(language: Language, tools: Mapping[str, str]) -> Language:
    """The language with its tools where the image has them."""

    def placed(argv: tuple[str, ...]) -> tuple[str, ...]:
        if argv[0].startswith(PROGRAM):
            return argv
        return (tools[PurePosixPath(argv[0]).name], *argv[1:])

    return msgspec.structs.replace(
        language,
        run=placed(language.run),
        compile=None if language.compile is None else placed(language.compile),
        version=placed(language.version),
    )
