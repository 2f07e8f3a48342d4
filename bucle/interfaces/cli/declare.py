"""`bucle plan`, `bucle apply` and `bucle schema`: what is declared against what is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bucle.base.errors import NotFound
from bucle.interfaces.cli.context import common_options, said
from bucle.interfaces.cli.talk import say

if TYPE_CHECKING:
    from bucle.control.reconcile.records import Plan

_SIGNS = {"create": "+", "update": "~", "remove": "-"}
_COLOURS = {"create": "green", "update": "yellow", "remove": "red"}


@click.command("plan", params=common_options("en"))
@click.argument("file", default="", type=str)
@click.pass_context
def plan(context: click.Context, file: str) -> None:
    """Show what applying bucle.yaml would change; nothing is changed."""
    _show(context, _call(context, "control.plan", _find(file)), done=False)


@click.command("apply", params=common_options("en"))
@click.argument("file", default="", type=str)
@click.pass_context
def apply(context: click.Context, file: str) -> None:
    """Make everything as bucle.yaml declares it."""
    _show(context, _call(context, "control.apply", _find(file)), done=True)


@click.command("schema")
def schema() -> None:
    """Print the JSON Schema of bucle.yaml, for editors."""
    from bucle.control.spec.project import project_schema

    click.echo(json.dumps(project_schema(), indent=2))


def apply_folder(folder: Path) -> str:
    """Apply a folder's project in this process; say what changed, and return its name."""
    from bucle.control.reconcile.apply import apply_project
    from bucle.control.spec.project import load_project
    from bucle.governance.session import House

    spec = load_project(folder)
    house = House()
    try:
        done = apply_project(house.session(project=spec.project), spec, str(folder))
    finally:
        house.close()
    for line in lines_of(done):
        say(line)
    return spec.project


def lines_of(shown: "Plan") -> list[str]:
    """Return a plan as lines for a person."""
    lines = []
    for change in shown.changes:
        sign = click.style(_SIGNS[change.action], fg=_COLOURS[change.action], bold=True)
        lines.append(f"{sign} {change.ref}")
        lines.extend(
            f"    {one.field}: {json.dumps(one.observed)} -> {json.dumps(one.desired)}"
            for one in change.differences
        )
    return lines


def _find(file: str) -> Path:
    from bucle.control.spec.project import find_file

    found = Path(file) if file else find_file(Path.cwd())
    if found is None:
        raise NotFound("there is no bucle.yaml here or above", hint="bucle init --template <name>")
    found = found / "bucle.yaml" if found.is_dir() else found
    if not found.is_file():
        raise NotFound(f"{found} does not exist", hint="bucle init --template <name>")
    return found.absolute()


def _call(context: click.Context, operation: str, file: Path) -> "Plan":
    from bucle.control.spec.project import load_project
    from bucle.interfaces.client import connect

    asked = said(context)
    text, spec = file.read_text("utf-8"), load_project(file)
    with connect(asked.server, project=asked.project or spec.project) as client:
        answer: Plan = client.call(
            operation,
            text=text,
            folder=str(file.parent),
            name=file.name,
            views=tuple(spec.views.values()),
        )
        return answer


def _show(context: click.Context, shown: "Plan", *, done: bool) -> None:
    if said(context).as_json:
        from bucle.base.codec import encode

        click.echo(encode(shown).decode())
        return
    for line in lines_of(shown):
        click.echo(line)
    count = len(shown.changes)
    if not count:
        say("nothing to change: everything is as declared")
    else:
        say(f"{count} changed" if done else f"{count} to change; type: bucle apply")
