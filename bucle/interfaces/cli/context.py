"""What the command line was told before the command: for whom, where and in which language."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bucle.interfaces.client import Client


@dataclass(kw_only=True)
class Said:
    """The options that every command takes; they may stand before or after it."""

    language: str = "en"
    as_json: bool = False
    project: str | None = None  # None: the setting decides
    server: str | None = None  # None: the setting decides


def said(context: click.Context) -> Said:
    """Return what this command line said so far."""
    return context.find_root().ensure_object(Said)


def language_of_environment() -> str:
    """Return `es` or `en`, as the settings would, without reading the others."""
    asked = os.environ.get("BUCLE_LANGUAGE") or os.environ.get("LANG", "")
    return "es" if asked.startswith("es") else "en"


def open_client(context: click.Context) -> "Client":
    """Open the client that the options and the settings name."""
    from bucle.interfaces.cli.talk import ProgressBars
    from bucle.interfaces.client import connect

    asked = said(context)
    client = connect(asked.server, project=asked.project, progress=ProgressBars())
    context.call_on_close(client.close)
    return client


def common_options(language: str) -> list[click.Parameter]:
    """Return `--json`, `--project` and `--server`, for every command."""
    spanish = language == "es"
    return [
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            default=None,
            expose_value=False,
            callback=_remember,
            help="Escribe un documento JSON." if spanish else "Write one JSON document.",
        ),
        click.Option(
            ["--project"],
            metavar="NOMBRE" if spanish else "NAME",
            expose_value=False,
            callback=_remember,
            help="El proyecto (BUCLE_PROJECT)." if spanish else "The project (BUCLE_PROJECT).",
        ),
        click.Option(
            ["--server"],
            metavar="URL",
            expose_value=False,
            callback=_remember,
            help=(
                "El servidor (BUCLE_SERVER_URL); sin él, este proceso."
                if spanish
                else "The server (BUCLE_SERVER_URL); without one, this process."
            ),
        ),
    ]


def _remember(context: click.Context, option: click.Parameter, value: str | bool | None) -> None:  # noqa: FBT001 - click calls it
    if value is not None and option.name:
        setattr(said(context), option.name, value)
