"""Hold a declared source against itself, and say what follows of it: its mode and its rule."""

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_bytes, parse_duration
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sourcing.address import kind_of, require_no_secret
from bucle.lifecycle.data.sourcing.select_only import require_select

_OF_SQL = ("query", "table", "watermark", "lag")
_CRON_FIELDS = 5


def check_source(source: SourceSpec, key: tuple[str, ...]) -> None:
    """Refuse what can not be drawn.

    Raises:
        Invalid: see `declare_source`.
    """
    kind = kind_of(source.url)
    require_no_secret(source.url, source.headers)
    if kind == "sql":
        _check_sql(source)
    elif given := [name for name in _OF_SQL if getattr(source, name)]:
        raise Invalid(f"{given[0]!r} is of databases, and {source.url!r} is none")
    if mode_of(source, key) == "upsert" and not key:
        raise Invalid(
            "to upsert rows, the dataset needs a key",
            hint="declare it: key: [id] in bucle.yaml, or bucle data declare <name> --key id",
        )
    if kind == "topic" and source.mode == "replace":
        raise Invalid("a topic can not replace rows", hint="mode: append or upsert")
    parse_bytes(source.most_bytes)
    for duration in (source.timeout, source.settle):
        parse_duration(duration)
    rule_of(source)


def mode_of(source: SourceSpec, key: tuple[str, ...]) -> str:
    """Return how rows are committed: append, upsert or replace."""
    if source.mode:
        return source.mode
    kind = kind_of(source.url)
    if kind == "sql" and source.watermark:
        return "upsert" if key else "append"
    return "append" if kind in {"files", "topic"} else "replace"


def rule_of(source: SourceSpec) -> str:
    """Return a source's schedule as control has it: `cron ...`, `every ...`; "" for none.

    Raises:
        Invalid: neither a duration nor five fields.
    """
    if not source.schedule:
        return ""
    from croniter import croniter

    try:
        if len(source.schedule.split()) == _CRON_FIELDS:
            croniter(source.schedule)
            return f"cron {source.schedule}"
        parse_duration(source.schedule)
    except (Invalid, ValueError, KeyError) as error:
        raise Invalid(
            f"{source.schedule!r} is no schedule",
            hint="five fields of cron (minute hour day month weekday), or a duration such as 10m",
        ) from error
    return f"every {source.schedule}"


def _check_sql(source: SourceSpec) -> None:
    if bool(source.query) == bool(source.table):
        raise Invalid("a database needs a table or a query, and one of them", hint="table: orders")
    if source.query:
        require_select(source.query)
    if source.mode == "append" and not source.watermark:
        raise Invalid(
            "without a watermark each pull reads all rows, and to append would double them",
            hint="name a column that grows with each change (watermark), or mode: replace",
        )
    if source.mode == "replace" and source.watermark:
        raise Invalid(
            "with a watermark a pull reads new rows only, and they would replace all others",
            hint="mode: append or upsert, or no watermark",
        )
    if source.lag and not source.watermark:
        raise Invalid("a lag is behind a watermark, and there is none", hint="watermark: ...")
