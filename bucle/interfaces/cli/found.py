"""Show what a search found, with the words that were looked for."""

import click

from bucle.base.page import Page
from bucle.governance.search.records import Hit
from bucle.interfaces.cli.context import said
from bucle.interfaces.cli.talk import say
from bucle.interfaces.cli.words import word


def show_found(page: Page[Hit]) -> None:
    """Write each thing with who owns it, and the stretch of text in which it was found."""
    language = said(click.get_current_context()).language
    if not page.items:
        say(word("nothing", language))
    for hit in page.items:
        about = " · ".join(filter(None, (hit.project, hit.owner, ", ".join(hit.tags))))
        click.echo(f"{click.style(str(hit.ref), bold=True)}  {about}")
        if hit.snippet:
            click.echo(f"    {_marked(hit)}")
        if hit.columns:
            click.echo(f"    {word('columns', language)}: {', '.join(hit.columns)}")
    if page.next_token:
        say(f"{word('more', language)}: --token {page.next_token}")


def _marked(hit: Hit) -> str:
    parts, at = [], 0
    for start, end in hit.marks:
        parts += [hit.snippet[at:start], click.style(hit.snippet[start:end], underline=True)]
        at = end
    return "".join((*parts, hit.snippet[at:]))
