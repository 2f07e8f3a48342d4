"""`bucle registry export`: a version's package as a folder that is served anywhere."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bucle.base.errors import Refused, Unavailable
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.show import show
from bucle.interfaces.cli.talk import waiting
from bucle.interfaces.predict.standalone.packed import KEY_FILE, NAME_FILE
from bucle.lifecycle.registry.folders import SIGNATURE_FILE
from bucle.lifecycle.registry.records import MANIFEST_FILE

if TYPE_CHECKING:
    from bucle.interfaces.client import Client


@click.command("export", params=common_options("en"))
@click.argument("model", metavar="MODEL@VERSION")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_context
def export_model(context: click.Context, model: str, folder: Path) -> None:
    """Write a version's package into a folder: its files, manifest, signature and public key.

    `bucle serve <folder>` serves it without a server; MLflow loads the folder too.
    """
    client = open_client(context)
    with waiting("exporting"):
        written = export_version(client, model, folder)
    asked = said(context)
    show({"folder": str(written)}, as_json=asked.as_json, language=asked.language)


def export_version(client: "Client", model: str, folder: Path, *, deployment: str = "") -> Path:
    """Write a package into a folder, which holds nothing else, and return the folder.

    `deployment` is the name under which it is to be served; "": the model's.

    Raises:
        NotFound: no such version.
        Refused: there is something else in the folder.
        Unavailable: the folder can not be written.
    """
    ref = model.removeprefix("model:")
    version = client.call("registry.get", ref=ref)
    package = client.call("registry.package", ref=f"{version.ref.name}@{version.number}")
    texts = {
        SIGNATURE_FILE: version.signature,
        KEY_FILE: package.public_key,
        NAME_FILE: f"{version.ref} {deployment}".strip(),
    }
    names = {*texts, *package.files, MANIFEST_FILE}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if strange := sorted(path.name for path in folder.iterdir() if path.name not in names):
            raise Refused(
                f"{folder} holds {strange[0]!r}, which is no part of the package",
                hint="name a folder that is new or empty",
            )
        shutil.copyfile(client.content_file(version.manifest), folder / MANIFEST_FILE)
        for name, file in package.files.items():
            shutil.copyfile(client.content_file(file.digest), folder / name)
        for name, text in texts.items():
            (folder / name).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            f"{folder} can not be written: {error.strerror}", hint="name another folder"
        ) from error
    return folder
