"""`bucle tracking sync`: deliver what runs of this machine said while no server answered."""

import click

from bucle.base.codec import encode
from bucle.base.errors import STATUS, Refused, Unavailable
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.talk import say


@click.command("sync", params=common_options("en"))
@click.pass_context
def sync(context: click.Context) -> int:
    """Deliver what runs of this machine said while no server answered."""
    from bucle.interfaces.client.spool import sync as sync_spools

    as_json = said(context).as_json
    told = sync_spools(
        open_client(context),
        told=lambda ref: None if as_json else click.echo(f"delivered {ref}"),
    )
    if as_json:
        click.echo(encode(told).decode())
    else:
        for path in told.refused:
            say(f"refused by the server, kept with the reasons: {path}")
        for path in told.left:
            say(f"still here: {path}")
        if told.busy:
            say(f"{told.busy} being delivered by another process")
        if not (told.delivered or told.left or told.busy):
            say("nothing waits in the spool")
    if told.left:
        raise Unavailable(told.error, hint="bucle tracking sync, when the server answers")
    return STATUS[Refused][1] if told.refused else 0
