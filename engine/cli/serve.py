"""`assay serve`: from its arguments to a daemon."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import logging
import sys
from collections.abc import Sequence

import uvloop

from engine.cli.options import ALLOW_DEGRADED, FAILED, OWN_SCORER, WRONG_USE
from engine.cluster.blueprint import Blueprint, Serving
from engine.config.engine import RUNTIMES
from engine.config.server import read_token
from engine.config.settings import Settings, load_settings
from engine.errors import BadInput, CannotStart
from engine.log import JsonLines, TextLines
from engine.scorer import with_own
from engine.server.backend import Opened, here
from engine.server.daemon import Daemon


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay serve`."""
    parser.add_argument("--socket", metavar="PATH", help="Unix socket of the MessagePack face")
    http = parser.add_mutually_exclusive_group()
    http.add_argument("--http", metavar="HOST:PORT", help="address of the HTTP face (default 127.0.0.1:8080)")
    http.add_argument("--no-http", action="store_true", help="leave the HTTP face out")
    parser.add_argument(
        "--slots", type=int, metavar="N", help="programs that may be live at once (default: by cores and memory)"
    )
    parser.add_argument(
        "--rootfs", metavar="PATH", help="what programs see: a directory, an OCI layout, an archive (default: host)"
    )
    parser.add_argument("--runtime", choices=RUNTIMES, help="who makes the slots (default: native)")
    parser.add_argument(
        "--fresh", choices=["proved", "always"], help="renew what a run may have touched (default), or everything"
    )
    parser.add_argument("--token-file", metavar="F", help="file with the token that HTTP clients must send")
    parser.add_argument("--scorer", metavar="M:NAME", action="append", default=[], help=OWN_SCORER)
    parser.add_argument("--allow-degraded", action="store_true", help=ALLOW_DEGRADED)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        nargs="?",
        const="auto",
        help="run on every node of the Ray at ADDRESS (default: the one that runs on this machine)",
    )
    parser.add_argument(
        "--log-format", choices=["text", "json"], help="the log on stderr: for people (default), or an object a line"
    )
    parser.add_argument("--config", metavar="F", help="TOML file with the tables [engine], [server] and [rewards]")


def serve(arguments: argparse.Namespace, serving: Serving) -> int:
    """Run the daemon until SIGTERM (drains) or SIGINT (stops); the exit code.

    `serving` is what makes the scorers and routes that the settings want, and closes what they hold.
    """
    try:
        settings = load_settings(arguments.config)
        settings = _with_arguments(settings, arguments)
        server = settings.server
        token = read_token(server)
        lines = logging.StreamHandler(sys.stderr)
        lines.setFormatter(JsonLines() if server.log_format == "json" else TextLines())
        logging.basicConfig(level=server.log_level.upper(), handlers=[lines])
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_live(settings, token, serving, arguments.scorer, arguments.ray))
    except CannotStart as error:
        print(f"assay serve: {error}", file=sys.stderr)
        return FAILED
    except BadInput as error:
        print(f"assay serve: {error}", file=sys.stderr)
        return WRONG_USE
    return 0


async def _live(settings: Settings, token: str, serving: Serving, own: Sequence[str], ray: str | None) -> None:
    async with serving(settings) as served:
        opened: Opened = here
        if ray is not None:
            # Ray is imported where it is asked for.
            from engine.cluster.front import everywhere

            opened = everywhere(Blueprint.of(settings, serving, own), ray)
        await Daemon(settings, token, served._replace(scorers=with_own(served.scorers, own)), opened).live()


def _with_arguments(settings: Settings, arguments: argparse.Namespace) -> Settings:
    given = {"socket": arguments.socket, "http": arguments.http, "token_file": arguments.token_file}
    given["log_format"] = arguments.log_format
    server = dataclasses.replace(settings.server, **{name: value for name, value in given.items() if value is not None})
    if arguments.no_http:
        server = dataclasses.replace(server, http=None)
    given = {name: getattr(arguments, name) for name in ("slots", "rootfs", "runtime", "fresh")}
    engine = dataclasses.replace(settings.engine, **{name: value for name, value in given.items() if value is not None})
    if arguments.allow_degraded:
        engine = dataclasses.replace(engine, allow_degraded=True)
    return dataclasses.replace(settings, engine=engine, server=server)
