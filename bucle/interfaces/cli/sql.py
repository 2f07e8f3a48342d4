"""`bucle sql "SELECT ..."`: ask dataset versions; the answer on the screen, in a file or committed.

The statement is an argument, `@query.sql` or `-` (what comes on stdin).
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from bucle.base.errors import Invalid
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.show import cell, print_table, show
from bucle.interfaces.cli.talk import say, waiting
from bucle.interfaces.cli.words import word
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle.data import Answer

_FORMATS = {
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".arrows": "arrow", ".csv": "csv",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip


@click.command("sql", params=common_options("en"))
@click.argument("statement", metavar="SELECT|@FILE|-")
@click.option("--out", default="", metavar="FILE", help="Every row: .parquet .arrow .csv .jsonl")
@click.option("--commit", "name", default="", metavar="DATASET", help="Make it a version.")
@click.option("--message", default="", help="Of the version; left out: the statement.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--timeout", type=float, default=None, metavar="SECONDS")
@click.pass_context
def sql(context: click.Context, /, statement: str, **asked: Any) -> None:  # noqa: ANN401 - click's values
    """Ask dataset versions in SQL: trips, trips@3, trips@2026-01-31, "my data"@golden."""
    told = said(context)
    text = _text(statement)
    plain: dict[str, Any] = {"sql": text}
    if asked["timeout"] is not None:
        plain["timeout"] = asked["timeout"]
    client = open_client(context)
    out, name = asked["out"], asked["name"]
    format_ = _format(out) if out else ""
    if name:
        if out:
            raise Invalid("--out and --commit are two answers", hint="give one of them")
        with waiting(word("working", told.language)):
            fields = plain | {"name": name, "message": asked["message"]}
            version = client.run(row_named("data.derive"), fields)
        show(version, as_json=told.as_json, language=told.language)
        return
    with waiting(word("working", told.language)):
        fields = plain | {"format": format_, "limit": asked["limit"]}
        answer: Answer = client.run(row_named("data.sql"), fields)
        if out:
            _keep(client.content_file(answer.digest), Path(out))
    if told.as_json:
        show(answer, as_json=True)
    elif out:
        click.echo(f"{out}: {answer.total} {word('rows', told.language)}")
    else:
        _print(answer, told.language)


def _print(answer: Answer, language: str) -> None:
    names = [column.name for column in answer.columns]
    plain = msgspec.to_builtins(answer.rows, enc_hook=str)
    print_table(names, ([cell(row[name]) for name in names] for row in plain), language=language)
    if answer.more:
        say(word("more rows: --limit, --out FILE", language))


def _keep(found: Path, out: Path) -> None:
    """Put a file in its place, whole or not at all."""
    draft = out.with_name(f".{out.name}.part")
    try:
        shutil.copyfile(found, draft)
        draft.replace(out)
    except OSError as error:
        raise Invalid(f"{out} can not be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _format(out: str) -> str:
    suffix = Path(out).suffix.lower()
    if suffix not in _FORMATS:
        raise Invalid(f"{out!r} does not say a format", hint=f"end it in {', '.join(_FORMATS)}")
    return _FORMATS[suffix]


def _text(statement: str) -> str:
    if statement == "-":
        return sys.stdin.read()
    if not statement.startswith("@"):
        return statement
    try:
        return Path(statement[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{statement[1:]} can not be read: {error}", hint="@ names a file") from error
