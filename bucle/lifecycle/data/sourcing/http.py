"""Draw a dataset from a document on the web, when it has changed."""

from contextlib import ExitStack

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_bytes, parse_duration
from bucle.base.refs import Ref
from bucle.base.usage import Meter
from bucle.drivers.blobs.drafts import Draft, open_draft
from bucle.drivers.documents import Document, Wanted, fetch_document
from bucle.governance.session import Session
from bucle.lifecycle.data.conform import known_types
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sources import Source, format_of, open_source
from bucle.lifecycle.data.sourcing.files import Count, reading_of
from bucle.lifecycle.data.sourcing.land import Moved, land, note
from bucle.lifecycle.data.sourcing.records import Position, Pulled, Turn

_BY_TYPE = {
    "text/csv": "csv", "application/csv": "csv", "text/tab-separated-values": "csv",
    "application/json": "json", "application/x-ndjson": "json", "application/jsonl": "json",
    "application/vnd.apache.parquet": "parquet", "application/x-parquet": "parquet",
    "application/vnd.apache.arrow.file": "arrow", "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "excel",
}  # fmt: skip


def pull_http(session: Session, turn: Turn, meter: Meter) -> Pulled:
    """Fetch the document unless it is the one that was taken last, and commit it.

    Raises:
        Invalid: it is too large, or not of a format of data.
        NotFound: it is not there.
        Unavailable: the server does not answer, or refuses.
    """
    source, before = turn.source, turn.state.position
    wanted = Wanted(
        url=turn.url,
        headers=turn.headers,
        etag=before.etag,
        modified=before.modified,
        timeout_s=parse_duration(source.timeout).total_seconds(),
        most_bytes=parse_bytes(source.most_bytes),
        public_only=session.drivers.settings.source_network == "public",
    )
    with ExitStack() as drafts:
        kept: list[Draft] = []

        def fresh() -> Draft:
            kept.append(drafts.enter_context(open_draft(session.drivers.cache_path / "incoming")))
            return kept[-1]

        document = fetch_document(wanted, fresh)
        if document is None:
            done = Moved(position=before, said=before.etag or before.modified)
            note(session, turn, done)
            return _pulled(turn, done)
        rows = Count()
        format_ = _format(source, document)

        def open_(known: pa.Schema | None) -> list[Source]:
            opened = open_source(
                kept[-1].path, format_, name=turn.shown, types=known_types(known),
                reading=reading_of(source),
            )  # fmt: skip
            return [rows.counted(opened)]

        def moved() -> Moved:
            position = Position(etag=document.etag, modified=document.modified)
            said = document.etag or document.modified
            return Moved(position=position, rows=rows.rows, said=said)

        landed = land(session, turn, open_, moved, meter)
        pulled = _pulled(turn, moved())
        return msgspec.structs.replace(
            pulled, version=landed.version.ref, quarantined=landed.version.quarantined
        )


def _format(source: SourceSpec, document: Document) -> str:
    """Return the format that is declared, that the name ends in, or that the server says."""
    if source.format:
        return source.format
    try:
        return format_of(document.name)
    except Invalid:
        found = _BY_TYPE.get(document.content_type)
    if found is None:
        raise Invalid(
            f"{source.url} says neither by its name nor by its type ({document.content_type or '?'}"
            ") of which format it is",
            hint="say it: format: csv",
        )
    return found


def _pulled(turn: Turn, done: Moved) -> Pulled:
    return Pulled(
        dataset=Ref("dataset", turn.name), version=None, source=turn.shown, rows=done.rows,
        position=done.said,
    )  # fmt: skip
