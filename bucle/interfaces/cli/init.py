"""`bucle init`: write a small working project to start from."""

from pathlib import Path

import click

from bucle.interfaces.cli.context import said
from bucle.interfaces.cli.demo.words import text
from bucle.interfaces.cli.talk import say
from bucle.interfaces.cli.templates import TEMPLATES, write_template


@click.command("init")
@click.option("--template", help="Which project; without it, they are listed.")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.pass_context
def init(context: click.Context, template: str | None, folder: Path | None) -> None:
    """Write a small working project to start from."""
    language = said(context).language
    if template is None:
        _list(context, language)
        return
    target = (folder or Path(template)).absolute()
    for name in write_template(template, target):
        click.echo(str(target / name))
    begin = TEMPLATES[template].begin.format(folder=folder or Path(template))
    goes_on = f"{folder or Path(template)}/README.md"
    if language == "es":
        say(f"ahora:  {begin}     (qué contiene: {goes_on})")
    else:
        say(f"next:  {begin}     (what is in it: {goes_on})")


def _list(context: click.Context, language: str) -> None:
    which = 1 if language == "es" else 0
    if said(context).as_json:
        from bucle.base.codec import encode

        listed = [{"name": name, "summary": told[which]} for name, told in TEMPLATES.items()]
        click.echo(encode(listed).decode())
        return
    for name, told in TEMPLATES.items():
        click.echo(f"{name:12} {told[which]}")
    say(text("init.choose", language, name=next(iter(TEMPLATES))))
