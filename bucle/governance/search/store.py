"""The tables of what can be found: entries, their facets, and their words.

The words are a full-text index of the database's own: FTS5 on SQLite, where it is a table of its
own, and a `tsvector` with a GIN index on PostgreSQL, where it is a column.  Both hold the words
that `words.py` cut, and both are looked into with words that it cut: what somebody typed is never
part of a query's text.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Integer,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    column,
    delete,
    event,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from bucle.base.digest import digest_bytes
from bucle.base.refs import Ref
from bucle.drivers.db import Json, OrderedText, Tx, metadata, upsert_into
from bucle.governance.search.records import Findable, FoundColumn, Query
from bucle.governance.search.words import cut, fold, plain


class Words(TypeDecorator[str]):
    """A `tsvector` on PostgreSQL; on SQLite, which keeps words elsewhere, an empty text."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type; PostgreSQL's are not loaded for SQLite."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(String())
        from sqlalchemy.dialects.postgresql import TSVECTOR

        return dialect.type_descriptor(TSVECTOR())


entries = Table(
    "search_entries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("project", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("plain", String, nullable=False),  # the name as a query says it
    Column("body", Json, nullable=False),
    Column("words", Words, nullable=False),
    Index("ix_search_entries_project_kind_name", "project", "kind", "name", unique=True),
)
# As a statement: an `Index` of PostgreSQL's own kind would load its dialect for SQLite, too.
_WORDS_INDEX = "CREATE INDEX ix_search_entries_words ON search_entries USING gin (words)"
_only_there = DDL(_WORDS_INDEX).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]
event.listen(entries, "after_create", _only_there)

facets = Table(
    "search_facets",
    metadata,
    Column("project", String, primary_key=True),
    Column("facet", String, primary_key=True),
    Column("value", OrderedText, primary_key=True),
    Column("entry", BigInteger, primary_key=True),
    Index("ix_search_facets_entry", "entry"),
)

CREATE_WORDS = (
    "CREATE VIRTUAL TABLE search_words USING fts5(project UNINDEXED, place, name, columns, "
    "meanings, about, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')"
)
_MADE: DDL = DDL(CREATE_WORDS)  # type: ignore[no-untyped-call]
_GONE: DDL = DDL("DROP TABLE search_words")  # type: ignore[no-untyped-call]
event.listen(entries, "after_create", _MADE.execute_if(dialect="sqlite"))
event.listen(entries, "before_drop", _GONE.execute_if(dialect="sqlite"))

_words = table(
    "search_words",
    column("rowid", Integer),
    *(column(name) for name in ("project", "place", "name", "columns", "meanings", "about")),
)
_MATCHED: ColumnElement[str] = literal_column("search_words")
_TEXTS = "name columns meanings about"
_WEIGHTS = (0.0, 0.0, 10.0, 4.0, 2.0, 1.0)  # of FTS5's columns
_LAST = "\U0010ffff"  # after every other letter
_LOOKED_AT = 100  # of the best, for a name that is the query
_LETTERS = "ABCD"  # the weights of a tsvector, from the name to the description
_MOST_PLACES = 16_383  # of a word in a tsvector
_ENTRY, _FACET = entries.c, facets.c


def put(tx: Tx, project: str, entry: Findable) -> None:
    """Write what is said of a thing over what was."""
    ref = entry.ref
    texts = _texts(entry)
    values = {
        "plain": plain(ref.name),
        "body": _body(entry),
        "words": "" if tx.dialect.name == "sqlite" else _vector(texts),
    }
    put_entry = upsert_into(tx, entries).values(
        project=project, kind=ref.kind, name=ref.name, **values
    )
    keys = [_ENTRY.project, _ENTRY.kind, _ENTRY.name]
    id_ = tx.execute(
        put_entry.on_conflict_do_update(index_elements=keys, set_=values).returning(_ENTRY.id)
    ).scalar_one()
    _forget_words(tx, id_)
    rows = [
        {"project": project, "facet": facet, "value": value, "entry": id_}
        for facet, value in sorted(_facets(entry))
    ]
    tx.execute(insert(facets), rows)
    if tx.dialect.name == "sqlite":
        names = ("name", "columns", "meanings", "about")
        said = {name: " ".join(text) for name, text in zip(names, texts, strict=True)}
        said["place"] = _place(project, ref.kind)
        tx.execute(insert(_words).values(rowid=id_, project=project, **said))


def drop(tx: Tx, project: str, ref: Ref) -> None:
    """Forget a thing."""
    same = _same(project, ref)
    id_ = tx.execute(select(_ENTRY.id).where(same)).scalar()
    if id_ is not None:
        _forget_words(tx, id_)
        tx.execute(delete(entries).where(same))


def find(tx: Tx, project: str, ref: Ref) -> Findable | None:
    """Return what is said of a thing."""
    body = tx.execute(select(_ENTRY.body).where(_same(project, ref))).scalar()
    return _findable(ref, body) if body else None


def search(
    tx: Tx,
    query: Query,
    places: Mapping[str, Sequence[str]],
    *,
    limit: int,
    offset: int,
) -> tuple[tuple[str, Findable], ...]:
    """Return the projects and entries that a query finds, the best first.

    A name that is the query comes first, among as many of the best as are looked at.

    Args:
        tx: the transaction.
        query: what is looked for.
        places: the kinds that may be looked at, by project.
        limit: how many at most.
        offset: how many of the best to pass over.
    """
    if not places:
        return ()
    most = limit + offset + _LOOKED_AT
    if not query.words:
        order: tuple[ColumnElement[Any], ...] = ()
        found = select(_ENTRY.id).where(_within(places), *_having(query, places, _ENTRY.id))
    else:
        ranked = _ranked(tx, query, places).limit(most).subquery()
        order = (case((_ENTRY.plain == query.plain, 0), else_=1), ranked.c.rank)
        found = select(_ENTRY.id).join(ranked, ranked.c.id == _ENTRY.id)
    found = found.order_by(*order, _ENTRY.name, _ENTRY.project, _ENTRY.kind)
    ids = list(tx.execute(found.limit(limit).offset(offset)).scalars())
    rows = tx.execute(
        select(_ENTRY.id, _ENTRY.project, _ENTRY.kind, _ENTRY.name, _ENTRY.body).where(
            _ENTRY.id.in_(ids)
        )
    )
    by_id = {row.id: (row.project, _findable(Ref(row.kind, row.name), row.body)) for row in rows}
    return tuple(by_id[id_] for id_ in ids)


def _ranked(tx: Tx, query: Query, places: Mapping[str, Sequence[str]]) -> Select[Any]:
    """Return the ids of the entries that have the words, the best first, with their ranks."""
    if tx.dialect.name == "sqlite":
        terms = (" OR ".join(map(_fts_term, forms)) for forms in query.words)
        wanted = " AND ".join(f"({term})" for term in terms)
        # The place is a word, too: a join would read every entry that has the words.
        there = " OR ".join(f'"{_place(*one)}"' for one in _pairs(places))
        matched = _MATCHED.op("MATCH")(f"place : ({there}) AND ({{{_TEXTS}}} : ({wanted}))")
        rank = func.bm25(_MATCHED, *_WEIGHTS)
        ids = _words.c.rowid
        return (
            select(ids.label("id"), rank.label("rank"))
            # With a plus, or SQLite would ask the full-text index once per entry of a facet.
            .where(matched, *_having(query, places, literal_column("+search_words.rowid")))
            .order_by(rank, ids)
        )
    from sqlalchemy.dialects.postgresql import TSQUERY

    terms = (" | ".join(map(_ts_term, forms)) for forms in query.words)
    asked = cast(" & ".join(f"({term})" for term in terms), TSQUERY)
    worse = -func.ts_rank(_ENTRY.words, asked)
    return (
        select(_ENTRY.id, worse.label("rank"))
        .where(_ENTRY.words.op("@@")(asked), _within(places), *_having(query, places, _ENTRY.id))
        .order_by(worse, _ENTRY.id)
    )


def _pairs(places: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    return ((project, kind) for project, kinds in places.items() for kind in kinds)


def _place(project: str, kind: str) -> str:
    """Return the word of a project and a kind: letters and digits, whatever the project's name."""
    return f"p{digest_bytes(f'{project}/{kind}'.encode())[:20]}"


def _fts_term(form: str) -> str:
    # A form is letters and digits: there is no quotation mark to break out by.
    return f'"{form}"' if len(form) == 1 else f'"{form}" *'


def _ts_term(form: str) -> str:
    return f"'{form}'" if len(form) == 1 else f"'{form}':*"


def _within(places: Mapping[str, Sequence[str]]) -> ColumnElement[bool]:
    """Return the condition that an entry may be looked at; projects of equal kinds as one."""
    by_kinds: dict[tuple[str, ...], list[str]] = {}
    for project, kinds in places.items():
        by_kinds.setdefault(tuple(kinds), []).append(project)
    return or_(
        *(
            and_(_ENTRY.project.in_(projects), _ENTRY.kind.in_(kinds))
            for kinds, projects in by_kinds.items()
        )
    )


def _having(
    query: Query, places: Mapping[str, Sequence[str]], id_: ColumnElement[int]
) -> Iterator[ColumnElement[bool]]:
    """Yield the condition of each filter."""
    for wanted in query.filters:
        value = (
            and_(_FACET.value >= wanted.value, _FACET.value <= wanted.value + _LAST)
            if wanted.is_prefix
            else _FACET.value == wanted.value
        )
        having = select(_FACET.entry).where(
            _FACET.project.in_(list(places)), _FACET.facet == wanted.facet, value
        )
        yield id_.in_(having)


def _forget_words(tx: Tx, id_: int) -> None:
    tx.execute(delete(facets).where(_FACET.entry == id_))
    if tx.dialect.name == "sqlite":
        tx.execute(delete(_words).where(_words.c.rowid == id_))


def _texts(entry: Findable) -> tuple[list[str], ...]:
    """Return the words of the name, of columns and tags, of meanings and owner, of the rest."""
    return (
        cut(entry.ref.name),
        cut(" ".join((*(each.name for each in entry.columns), *entry.tags))),
        cut(" ".join((*(each.meaning for each in entry.columns), entry.owner))),
        cut(entry.description),
    )


def _vector(texts: Sequence[Sequence[str]]) -> str:
    places: dict[str, list[str]] = {}
    place = 0
    for letter, words in zip(_LETTERS, texts, strict=True):
        for word in words:
            place = min(place + 1, _MOST_PLACES)
            places.setdefault(word, []).append(f"{place}{letter}")
    return " ".join(f"'{word}':{','.join(where[:250])}" for word, where in places.items())


def _facets(entry: Findable) -> set[tuple[str, str]]:
    found = {("kind", entry.ref.kind), *(("tag", fold(tag)) for tag in entry.tags)}
    if entry.owner:
        found.add(("owner", fold(entry.owner)))
    found |= {("column", fold(each.name)) for each in entry.columns}
    found |= {("sensitivity", each.sensitivity) for each in entry.columns if each.sensitivity}
    return found


def _body(entry: Findable) -> dict[str, Any]:
    return {
        "owner": entry.owner,
        "description": entry.description,
        "tags": list(entry.tags),
        "columns": [[each.name, each.meaning, each.sensitivity] for each in entry.columns],
    }


def _findable(ref: Ref, body: Mapping[str, Any]) -> Findable:
    return Findable(
        ref=ref,
        owner=body["owner"],
        description=body["description"],
        tags=tuple(body["tags"]),
        columns=tuple(
            FoundColumn(name=name, meaning=meaning, sensitivity=sensitivity)
            for name, meaning, sensitivity in body["columns"]
        ),
    )


def _same(project: str, ref: Ref) -> ColumnElement[bool]:
    return and_(_ENTRY.project == project, _ENTRY.kind == ref.kind, _ENTRY.name == ref.name)
