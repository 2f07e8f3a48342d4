"""The templates of projects that come with the package, and how one becomes a folder."""

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from bucle.base.errors import Conflict, NotFound, Unavailable


class Template(NamedTuple):
    """A template: what it is for, in English and in Spanish, and what to type in the beginning."""

    summary: str
    summary_es: str
    begin: str


TEMPLATES = {
    "payments": Template(
        "Card fraud: a stream that is made from a seed, and a model that keeps up with it",
        "Fraude con tarjetas: un flujo hecho de una semilla y un modelo que le sigue el paso",
        "bucle demo --dir {folder}",
    ),
    "demand": Template(
        "Hourly demand: a small regression, and the loop by hand in five commands",
        "Demanda por horas: una pequeña regresión y el bucle a mano en cinco órdenes",
        "cd {folder} && python make_data.py",
    ),
}
_PACKAGE = "bucle"


def write_template(name: str, folder: Path) -> tuple[str, ...]:
    """Write a template's files into a folder, and return their names.

    Raises:
        NotFound: there is no such template.
        Conflict: one of the files is there already; nothing is written.
        Unavailable: the folder can not be written.
    """
    if name not in TEMPLATES:
        raise NotFound(
            f"there is no template {name!r}", hint=f"bucle init --template {next(iter(TEMPLATES))}"
        )
    sources = files_of(name)
    there = sorted(path for path in sources if (folder / path).exists())
    if there:
        raise Conflict(
            f"{folder / there[0]} exists already; nothing was written",
            hint=f"name another folder: bucle init --template {name} my-{name}",
        )
    try:
        for path, content in sources.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise Unavailable(
            f"{folder} can not be written: {error.strerror}", hint="name another folder"
        ) from error
    return tuple(sources)


def files_of(name: str) -> dict[str, bytes]:
    """Return a template's files by their names."""
    folder = files(_PACKAGE) / "templates" / name
    return {
        item.name: item.read_bytes()
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.is_file()
    }
