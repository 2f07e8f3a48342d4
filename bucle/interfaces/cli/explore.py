"""`bucle data explore`, and how decisions, readiness and drift are shown to a person."""

from pathlib import Path
from typing import Any

import click

from bucle.base.errors import BucleError, Invalid
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.show import cell, print_table, show
from bucle.interfaces.cli.talk import waiting
from bucle.interfaces.cli.words import word
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle import data

_SIGNS = {"stop": "STOP", "warn": "warning", "note": "note"}
_SHOWN_LEAKS = 5
_TOLD = 0.6  # an AUC or R2 below it is no news


@click.command("explore", params=common_options("en"))
@click.argument("ref")
@click.option("--target", default="", metavar="COLUMN", help="What is to be predicted.")
@click.option("--time", default="", metavar="COLUMN", help="When rows happened; else as declared.")
@click.option("--created", default="", metavar="COLUMN", help="When rows became known.")
@click.option("--against", default="", metavar="REF", help="A version to compare with.")
@click.option("--html", default="", metavar="FILE", help="Write a report that needs nothing else.")
@click.pass_context
def explore(context: click.Context, /, ref: str, **asked: Any) -> None:  # noqa: ANN401 - click's values
    """Look at a version: what stops a project first, then columns, relations and time."""
    told, client = said(context), open_client(context)
    html = asked.pop("html")
    with waiting(word("working", told.language)):
        fields = {"ref": ref} | {name: value for name, value in asked.items() if value}
        found: data.Exploration = client.run(row_named("data.explore"), fields)
        if html:
            _write(Path(html), found, client, told.language)
    if told.as_json:
        show(found, as_json=True)
    elif html:
        click.echo(f"{html}: {len(found.findings)} {word('findings', told.language)}")
    else:
        _show(found, told.language)


def _show(found: data.Exploration, language: str) -> None:
    shown = [
        (word(_SIGNS[one.severity], language), says, advice)
        for one in found.findings
        for says, advice in [data.said(one, language)]
    ]
    if not shown:
        click.echo(word("nothing speaks against these data", language))
    for sign, says, advice in shown:
        bold = sign == word("STOP", language)
        click.echo(click.style(f"{sign:<8}", bold=bold) + says)
        click.echo(f"{'':<8}→ {advice}")
    known = [leak for leak in found.leaks if leak.value >= _TOLD][:_SHOWN_LEAKS]
    if known and found.target:
        click.echo()
        measure = {"auc": "AUC", "r2": "R2"}[known[0].measure]
        print_table(
            [found.target.column, measure], ([leak.column, cell(leak.value)] for leak in known),
            language=language,
        )  # fmt: skip
    click.echo()
    heads = ["name", "type", "missing", "distinct", "top", "min", "mean", "max"]
    print_table([word(head, language) for head in heads], map(_line, found.columns),
                language=language)  # fmt: skip


def _line(facts: data.ColumnFacts) -> list[str]:
    column = facts.profile
    numeric = column.kind == "number"
    return [
        column.name,
        facts.type,
        f"{facts.missing_share:.1%}",
        cell(column.distinct),
        cell(column.top[0][0]) if column.top else "",
        cell(column.minimum) if numeric else "",
        cell(column.mean),
        cell(column.maximum) if numeric else "",
    ]


def show_decisions(found: tuple[data.CheckedDecision, ...]) -> None:
    """Show what was decided, the newest first, with conditions and signatures."""
    language = said(click.get_current_context()).language
    for checked in found:
        one = checked.decision
        click.echo(
            f"{one.number}. {click.style(word(one.decision, language), bold=True)} {one.dataset} "
            f"({one.digest[:12]})  {one.at:%Y-%m-%d %H:%M} {one.by}"
        )
        for reason in one.reasons:
            click.echo(f"   {reason}")
        for condition in one.conditions:
            click.echo(f"   [ ] {condition.due} {condition.receiver}: {condition.text}")
        mark = "✓" if checked.ok else "✕"
        click.echo(f"   {mark} {checked.note} ({one.signature[:16]}…)")
        if checked.superseded_by:
            click.echo(f"   {word('superseded by', language)} {checked.superseded_by}")
    if not found:
        click.echo(word("undecided", language))


def show_readiness(found: data.Readiness) -> None:
    """Show what is decided for a version today."""
    language = said(click.get_current_context()).language
    click.echo(f"{found.dataset}: {click.style(word(found.outcome, language), bold=True)}")
    click.echo(f"  {found.why}")
    if found.inherited and found.decision:
        click.echo(f"  {word('inherited from', language)} {found.decision.dataset}")


def show_drift(found: data.Drift) -> None:
    """Show how far each column moved, the farthest first."""
    language = said(click.get_current_context()).language
    for verdict in found.verdicts:
        kind, _, name = verdict.name.partition(":")
        if kind != "drift":
            click.echo(f"{'✓' if verdict.ok else '✕'} {name}: {verdict.note}")
    rows = [
        [
            "✕" if one.psi > found.max_psi else "✓", one.column, cell(one.psi), cell(one.js),
            cell(one.ks), cell(one.ks_chance), cell(one.wasserstein),
            _change(one.mean_before, one.mean_after),
        ]
        for one in found.columns
    ]  # fmt: skip
    heads = ["", word("name", language), "PSI", "JS", "KS", "KS 0.1%", "W1/IQR", "mean"]
    print_table(heads, rows, language=language)
    state = word("unchanged by limits" if found.ok else "moved", language)
    click.echo(f"{found.reference} → {found.version}: {state} (PSI ≤ {found.max_psi:g})")


def _change(before: float | None, after: float | None) -> str:
    return "" if before is None else f"{cell(before)} → {cell(after)}"


def _write(path: Path, found: data.Exploration, client: Any, language: str) -> None:  # noqa: ANN401 - a client
    """Write a page that needs nothing else, whole or not at all."""
    from bucle.interfaces import web  # lazy: templates and what they read

    try:
        readiness = client.call("data.readiness", ref=str(found.version))
        decisions = client.call("data.decisions", ref=found.version.name)
    except BucleError:  # an older server decides nothing; the report is still one
        readiness, decisions = None, ()
    tongue: web.Language = "es" if language == "es" else "en"
    report = web.report_of(found, tongue, readiness=readiness, decisions=decisions)
    title = f"{found.version.name} v{found.version.version}"
    chrome = web.Chrome(language=tongue, title=title, path="/")
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(web.document("report.html", chrome, report), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise Invalid(f"{path} can not be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
