"""`bucle tracking export`: everything of an experiment's runs as files in a folder."""

import shutil
from pathlib import Path

import click

from bucle.base.codec import encode
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.talk import waiting


@click.command("export", params=common_options("en"))
@click.argument("experiment", default="")
@click.option("--to", "folder", default=".", help="The folder; it is made.", metavar="FOLDER")
@click.option("--format", "as_", type=click.Choice(["parquet", "csv"]), default="parquet")
@click.pass_context
def export(context: click.Context, experiment: str, folder: str, as_: str) -> None:
    """Write everything of an experiment's runs (without one: of all) as tables."""
    client = open_client(context)
    with waiting("exporting"):
        files = client.call("tracking.export", experiment=experiment or None, format=as_)
        to = Path(folder)
        to.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(client.content_file(file.digest), to / file.name)
    if said(context).as_json:
        click.echo(encode(files).decode())
        return
    for file in files:
        click.echo(f"{to / file.name}: {file.rows} rows")
