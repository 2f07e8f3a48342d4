"""Draw a dataset from the files that arrive in a folder or a bucket: each once, whole, or not.

A file of a folder may still grow: it is taken when it was last changed long enough ago, or when
its marker lies beside it.  An object of a cloud is whole as soon as it is seen.  A broken file is
named, left out, and tried again only when it has changed or somebody asks.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path, PurePosixPath

import msgspec
import pyarrow as pa

from bucle.base.clock import SystemClock
from bucle.base.errors import BucleError, Invalid, NotFound, Refused
from bucle.base.quantity import parse_bytes, parse_duration
from bucle.base.refs import Ref
from bucle.base.usage import Meter
from bucle.drivers.blobs.arrivals import Found, fetch_arrival, find_arrivals
from bucle.drivers.blobs.drafts import open_draft
from bucle.governance.session import Session
from bucle.lifecycle.data.conform import known_types
from bucle.lifecycle.data.delimited import Reading
from bucle.lifecycle.data.records import DatasetVersion
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sources import Source, format_of, open_source
from bucle.lifecycle.data.sourcing import store
from bucle.lifecycle.data.sourcing.land import Landed, Moved, land, note
from bucle.lifecycle.data.sourcing.records import Arrival, Pulled, Turn

_SHOWN = 3
_MOST_FILES = 100  # of one version
_MOST_BYTES = 64_000_000  # of one version, unless one file alone is larger: texts are held whole
_UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", ".swp")


def pull_files(session: Session, turn: Turn, meter: Meter) -> Pulled:
    """Take the files that arrived since, in the order of their names.

    Raises:
        NotFound: there is no such folder.
        Refused: files are broken; the others were taken.
        Unavailable: the folder or cloud does not answer.
    """
    with session.begin(write=False) as scope:
        known = store.marks(scope.tx, scope.project, turn.name)
    seen = [one for one in find_arrivals(turn.url) if _is_named(one.name, turn.source.marker)]
    fresh = [one for one in seen if _is_new(one, known.get(one.name), turn)]
    now = SystemClock().now()  # of the files, which a replay of the house does not move
    marked = _marked(turn)
    settled = [one for one in fresh if _is_settled(one, turn.source, marked, now)]
    taking = _Taking(session, turn, meter)
    for group in _groups(settled, one_by_one=turn.mode != "append"):
        taking.take(group)
    waiting = len(fresh) - len(settled)
    changed = [one.name for one in seen if _has_changed(one, known.get(one.name), turn)]
    notes = _notes(waiting, changed)
    if not taking.arrivals or notes:
        note(session, taking.turn, taking.moved((), notes=notes))
    return taking.told(waiting, notes)


class _Taking:
    """What came of the files so far; the turn goes on behind each commit."""

    def __init__(self, session: Session, turn: Turn, meter: Meter) -> None:
        self._session = session
        self._meter = meter
        self.turn = turn
        self.arrivals: list[Arrival] = []
        self.version: DatasetVersion | None = None
        self.rows = 0
        self.quarantined = 0

    def take(self, group: Sequence[Found]) -> None:
        """Commit files together; where they can not be, one by one, to find who is broken."""
        try:
            self._land(group)
        except (Invalid, Refused, NotFound) as error:
            if len(group) > 1:
                for one in group:
                    self.take([one])
            elif not isinstance(error, NotFound):  # a file that is gone is nobody's mistake
                self._leave_out(group[0], error)

    def moved(
        self, files: Sequence[Arrival], *, rows: int = 0, notes: tuple[str, ...] = ()
    ) -> Moved:
        """Return what is kept behind some files."""
        last = files[-1].name if files else ""
        position = self.turn.state.position
        return Moved(position=position, rows=rows, files=tuple(files), notes=notes, said=last)

    def told(self, waiting: int, notes: tuple[str, ...]) -> Pulled:
        """Return what the pull brought."""
        return Pulled(
            dataset=Ref("dataset", self.turn.name),
            version=self.version.ref if self.version else None,
            source=self.turn.shown,
            rows=self.rows,
            quarantined=self.quarantined,
            files=tuple(self.arrivals),
            waiting=waiting,
            notes=notes,
        )

    def _land(self, group: Sequence[Found]) -> None:
        rows = Count()
        now = self._session.drivers.clock.now()
        taken = [Arrival(name=one.name, mark=one.mark, status="taken", at=now) for one in group]
        folder = self._session.drivers.cache_path / "incoming"
        with ExitStack() as drafts:
            paths = []
            for one in group:
                draft = drafts.enter_context(open_draft(folder))
                fetch_arrival(one, draft, most_bytes=parse_bytes(self.turn.source.most_bytes))
                paths.append((one, draft.path))

            def open_(known: pa.Schema | None) -> list[Source]:
                return [rows.counted(_opened(self.turn.source, one, path, known))
                        for one, path in paths]  # fmt: skip

            landed = land(
                self._session, self.turn, open_, lambda: self.moved(taken, rows=rows.rows),
                self._meter,
            )  # fmt: skip
        self._go_on(landed, taken, rows.rows)

    def _go_on(self, landed: Landed, taken: Iterable[Arrival], rows: int) -> None:
        self.turn = msgspec.structs.replace(self.turn, state=landed.state)
        self.version = landed.version
        self.rows += rows
        self.quarantined += landed.version.quarantined
        number = landed.version.number
        self.arrivals += [msgspec.structs.replace(one, version=number) for one in taken]

    def _leave_out(self, found: Found, error: BucleError) -> None:
        now = self._session.drivers.clock.now()
        broken = Arrival(
            name=found.name, mark=found.mark, status="broken", at=now, reason=error.message
        )
        state = note(self._session, self.turn, self.moved([broken]))
        with self._session.begin() as scope:
            scope.record(
                "dataset.file_refused", Ref("dataset", self.turn.name), file=found.name,
                reason=error.message,
            )  # fmt: skip
        self.turn = msgspec.structs.replace(self.turn, state=state)
        self.arrivals.append(broken)


class Count:
    """How many rows were read."""

    def __init__(self) -> None:
        self.rows = 0

    def counted(self, source: Source) -> Source:
        """Return a source whose rows are counted as they are read."""

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in source.batches():
                self.rows += batch.num_rows
                yield batch

        return msgspec.structs.replace(source, batches=batches)


def _opened(source: SourceSpec, found: Found, path: Path, known: pa.Schema | None) -> Source:
    format_ = source.format or format_of(found.name)
    types = known_types(known)
    return open_source(path, format_, name=found.name, types=types, reading=reading_of(source))


def reading_of(source: SourceSpec) -> Reading:
    """Return how the texts and sheets of a source are meant."""
    return Reading(
        quote=source.quote, columns=source.columns, set_apart=source.lines == "quarantine",
        sheet=source.sheet, header_row=source.header_row,
    )  # fmt: skip


def _is_named(name: str, marker: str) -> bool:
    """Tell whether a name is one that programs give to what is finished."""
    last = PurePosixPath(name).name
    if marker and last.endswith(marker):
        return False
    return not last.startswith((".", "_", "~")) and not last.lower().endswith(_UNFINISHED)


def _is_new(found: Found, known: Arrival | None, turn: Turn) -> bool:
    if known is None:
        return True
    if known.status == "broken":
        return known.mark != found.mark or turn.again
    return known.mark != found.mark and turn.mode != "append"


def _has_changed(found: Found, known: Arrival | None, turn: Turn) -> bool:
    """Tell whether a file that was appended is another now: its rows can not be taken back."""
    is_other = known is not None and known.status == "taken" and known.mark != found.mark
    return is_other and turn.mode == "append"


def _notes(waiting: int, changed: Sequence[str]) -> tuple[str, ...]:
    notes = [f"{waiting} files may not be whole yet"] if waiting else []
    if changed:
        notes.append(
            f"{len(changed)} files have changed since they were appended, which takes each once: "
            f"{', '.join(changed[:_SHOWN])}"
        )
    return tuple(notes)


def _marked(turn: Turn) -> frozenset[str]:
    """Return the names beside which a marker lies."""
    marker = turn.source.marker
    if not marker:
        return frozenset()
    url = f"{turn.url}*{marker}" if turn.url.endswith("/") else f"{turn.url}{marker}"
    return frozenset(one.name.removesuffix(marker) for one in find_arrivals(url))


def _is_settled(
    found: Found, source: SourceSpec, marked: Collection[str], now: datetime
) -> bool:  # fmt: skip
    if source.marker:
        return found.name in marked
    if not found.name.startswith("file://"):
        return True
    return now - found.modified_at >= parse_duration(source.settle)


def _groups(found: Sequence[Found], *, one_by_one: bool) -> Iterator[list[Found]]:
    group: list[Found] = []
    held = 0
    for one in found:
        is_full = len(group) >= _MOST_FILES or held + one.size_bytes > _MOST_BYTES
        if group and (one_by_one or is_full):
            yield group
            group, held = [], 0
        group.append(one)
        held += one.size_bytes
    if group:
        yield group
