"""`bucle access token create`: the bearer's text alone on stdout, so that a script can take it."""

import click

from bucle.governance.access.records import NewToken
from bucle.interfaces.cli.talk import say


def show_token(new: NewToken) -> None:
    """Write the bearer to stdout, and to stderr whose it is."""
    token = new.token
    until = f"{token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "it is revoked"
    say(f"token {token.id} of {token.principal!r}, good until {until}; it is shown this once:")
    click.echo(new.bearer)
