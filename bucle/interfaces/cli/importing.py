"""`bucle import mlflow <store>`: bring a store of MLflow over."""

import sys
from typing import TYPE_CHECKING

import click

from bucle.base.errors import STATUS, Refused
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.show import show
from bucle.interfaces.cli.talk import say

if TYPE_CHECKING:
    from bucle.interfaces.client.importing.report import ImportReport

_SHOWN_GAPS = 20


@click.group("import")
def bring() -> None:
    """Bring over what another tool keeps."""


@bring.command("mlflow", params=common_options("en"))
@click.argument("store")
@click.option(
    "--artifacts-from",
    default="",
    metavar="FOLDER|URL",
    help="Where the store's server keeps artifacts (its --artifacts-destination).",
)
@click.option("--no-artifacts", is_flag=True, help="Leave the files of runs and models there.")
@click.option("--again", is_flag=True, help="Look at everything again, also what looks the same.")
@click.option("--name", default="", help="The store's name in the ledger, if its place may change.")
@click.pass_context
def mlflow(
    context: click.Context,
    store: str,
    artifacts_from: str,
    name: str,
    *,
    no_artifacts: bool,
    again: bool,
) -> int:
    """Bring a store of MLflow over: a server's URL, an mlruns folder, a SQLite file, a database.

    What was brought before is passed over, so that an import which was stopped goes on, and a
    second one brings what is new.  MLflow need not be installed.
    """
    from bucle.interfaces.client.importing.carrier import Options  # lazy: reads much
    from bucle.interfaces.client.importing.carry import carry
    from bucle.interfaces.client.importing.open import open_source

    client = open_client(context)
    source = open_source(store, proxied=artifacts_from)
    options = Options(name=name, artifacts=not no_artifacts, again=again)
    try:
        report = carry(client, source, options, _progress if sys.stderr.isatty() else _silence)
    finally:
        source.close()
    if said(context).as_json:
        show(report, as_json=True)
    else:
        _show(report)
    return 0 if report.is_whole else STATUS[Refused][1]


def _show(report: "ImportReport") -> None:
    click.echo(f"{report.source} -> {report.into}, project {report.project!r}")
    for kind, tally in report.tallies.items():
        parts = {"brought": tally.brought, "unchanged": tally.unchanged, "left behind": tally.left}
        told = ", ".join(f"{count} {word}" for word, count in parts.items() if count)
        click.echo(f"  {kind:<18} {tally.found:>8}" + (f"  ({told})" if told else ""))
    for note in report.notes:
        click.echo(f"  note: {note}")
    if report.gaps:
        click.echo(f"{len(report.gaps)} could not be carried:")
    for gap in report.gaps[:_SHOWN_GAPS]:
        click.echo(f"  {gap.what}: {gap.why}")
    if len(report.gaps) > _SHOWN_GAPS:
        click.echo(f"  and {len(report.gaps) - _SHOWN_GAPS} more: bucle import mlflow ... --json")
    say(f"{report.duration_s:.1f} s")


def _progress(what: str, done: int) -> None:
    click.echo(f"\r{what}: {done}", err=True, nl=False)


def _silence(_what: str, _done: int) -> None:
    """Nobody looks on."""
