"""Languages that run on Node.js."""

from __future__ import annotations

from typing import Final

from engine.languages.language import PLACE, Language, shell

_NODE: Final = "/usr/bin/node"
_PLACE: Final = f"{PLACE}/node"
_MODULES: Final = f"{_PLACE}/node_modules"
_ENVIRONMENT: Final = (f"NODE_PATH={_MODULES}",)
_ESBUILD: Final = f"{_MODULES}/@esbuild/linux-x64/bin/esbuild"
# The last line, or, of versions before 17, those of the stack.
_UNCAUGHT: Final = r"Node\.js v\d|    at "

NODE: Final = (
    Language(
        name="javascript",
        aliases=("js", "node", "nodejs"),
        extensions=(".js", ".cjs"),
        source_name="main.js",
        run=(_NODE, "main.js"),
        environment=_ENVIRONMENT,
        version=(_NODE, "--version"),
        read_ahead=(_NODE, "-e", "0"),
        package="nodejs",
        uncaught=_UNCAUGHT,
    ),
    Language(
        name="typescript",
        aliases=("ts",),
        extensions=(".ts",),
        source_name="main.ts",
        # Its types are taken off, not checked, as by tsx; files sent along become a part of it.
        compile=(
            *(_ESBUILD, "main.ts", "--bundle", "--platform=node", "--packages=external", "--format=cjs"),
            *("--outfile=main", "--log-level=warning"),
        ),
        run=(_NODE, "/program/main"),
        environment=_ENVIRONMENT,
        version=(_ESBUILD, "--version"),
        needs=(_MODULES,),
        uncaught=_UNCAUGHT,
    ),
    Language(
        name="jest",
        extensions=(),
        source_name="main.test.ts",
        run=shell(
            f"[ -e package.json ] || cp {_PLACE}/jest-package.json package.json;"
            f" FORCE_COLOR=0 exec {_NODE} {_MODULES}/jest/bin/jest.js --config {_PLACE}/jest.config.js"
        ),
        environment=_ENVIRONMENT,
        version=(_NODE, f"{_MODULES}/jest/bin/jest.js", "--version"),
        needs=(f"{_MODULES}/jest", f"{_PLACE}/jest.config.js"),
        verdict_by_exit=True,
    ),
)
