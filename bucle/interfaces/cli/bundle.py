"""`bucle serving bundle` and `bucle serving collect`: model servers far away, and their logs."""

import tempfile
from pathlib import Path

import click

from bucle.base.errors import Conflict, NotFound
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.export_model import export_version
from bucle.interfaces.cli.show import show
from bucle.interfaces.cli.talk import waiting


@click.command("bundle", params=common_options("en"))
@click.argument("deployment")
@click.option("--output", type=click.Path(path_type=Path), help="A folder, or <name>.pyz.")
@click.option("--wheels", is_flag=True, help="Take the libraries along, for this platform.")
@click.pass_context
def bundle(context: click.Context, deployment: str, output: Path | None, *, wheels: bool) -> None:
    """Write what a deployment serves, and what serves it, as one file or folder.

    `python <name>.pyz --port 8080` answers without a server, a home or a network.
    """
    from bucle.interfaces.predict.standalone.bundle import make_bundle

    client = open_client(context)
    served = client.call("serving.get", ref=deployment)
    champion = served.variant("champion")
    if champion is None:
        raise Conflict(
            f"{served.ref.bare} serves no version yet",
            hint=f"bucle serving serve-version {served.name} {served.spec.model}@<version>",
        )
    with waiting("bundling"), tempfile.TemporaryDirectory() as name:
        package = export_version(
            client, str(champion.model), Path(name) / "package", deployment=served.name
        )
        made = make_bundle(package, output or Path(f"{served.name}.pyz"), wheels=wheels)
    asked = said(context)
    show({"bundle": str(made), "model": str(champion.model)}, as_json=asked.as_json,
         language=asked.language)  # fmt: skip


@click.command("collect", params=common_options("en"))
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--keep", is_flag=True, help="Leave the files there.")
@click.pass_context
def collect(context: click.Context, folder: Path, *, keep: bool) -> None:
    """Bring the predictions that a model server kept in a folder into the project's log."""
    from bucle.interfaces.predict.standalone.collect import waiting_segments

    found = waiting_segments(folder)
    if found is None:
        raise NotFound(
            f"{folder} is no folder of a model server",
            hint="name the one that bucle serve, or the bundle, said: --state <folder>",
        )
    client, rows = open_client(context), 0
    with waiting("collecting"):
        for deployment, path in found:
            answer = client.call("serving.collect", name=deployment, segment=path.name, file=path)
            rows += answer.rows
            if not keep:
                path.unlink()
    asked = said(context)
    show({"segments": len(found), "rows": rows}, as_json=asked.as_json, language=asked.language)
