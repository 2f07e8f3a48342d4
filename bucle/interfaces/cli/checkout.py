"""`bucle data checkout` and `bucle data cat`: files of a version, as files of this machine."""

import shutil
import sys

import click

from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.show import show


@click.command("checkout", params=common_options("en"))
@click.argument("ref")
@click.argument("target")
@click.option("--prefix", default="", help="Only paths that begin so.", metavar="TEXT")
@click.option("--glob", default="", help="Only paths that match, such as '*.jpg'.", metavar="TEXT")
@click.option("--force", is_flag=True, help="Write over files that were changed.")
@click.pass_context
def checkout(
    context: click.Context, ref: str, target: str, prefix: str, glob: str, *, force: bool
) -> None:
    """Write the files of a version into a folder: only what differs.

    Of a table, these are its Parquet files.  Files that no version had stay as they are.
    """
    client = open_client(context)
    told = client.checkout(ref, target, prefix=prefix, glob=glob, force=force)
    asked = said(context)
    show(told, as_json=asked.as_json, language=asked.language)


@click.command("cat", params=common_options("en"))
@click.argument("ref")
@click.argument("path")
@click.pass_context
def cat(context: click.Context, ref: str, path: str) -> None:
    """Write one file of a version to standard output."""
    with open_client(context).open_file(ref, path) as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
