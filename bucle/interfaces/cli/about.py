"""`bucle version` and `bucle settings`."""

import click
import msgspec

from bucle.base.settings import load_settings
from bucle.base.version import __version__
from bucle.interfaces.cli.context import common_options, said
from bucle.interfaces.cli.show import show


@click.command(params=common_options("en"))
@click.pass_context
def version(context: click.Context) -> None:
    """Show the version."""
    if said(context).as_json:
        show({"version": __version__}, as_json=True)
    else:
        click.echo(__version__)


@click.command(params=common_options("en"))
@click.pass_context
def settings(context: click.Context) -> None:
    """Show every setting in force, as `BUCLE_...` variables."""
    found = msgspec.to_builtins(load_settings())
    found["token"] = "set" if found["token"] else ""
    shown = {f"BUCLE_{name.upper()}": value for name, value in found.items()}
    if said(context).as_json:
        show(shown, as_json=True)
        return
    for name, value in shown.items():
        click.echo(f"{name}={value}")
