"""Every text of a database that may name a content by its digest, whatever table it lies in.

What refers to content is asked of the database itself and not of each room: a room that forgot
to say so would lose what it refers to.
"""

import re
from collections.abc import Collection, Iterator

from sqlalchemy import Column, MetaData, String, Table, cast, func, inspect, select
from sqlalchemy.types import JSON, TypeDecorator

from bucle.drivers.db.tables import Tx

DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_LENGTH = 64
_AT_ONCE = 1_000


def mentioned(tx: Tx, *, skip: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield every digest that a row says, with the row's table; some come more than once."""
    for table in tables_of(tx, skip=skip):
        for column in texts_of(table):
            text = cast(column, String)
            query = select(text).where(func.length(text) >= _LENGTH)
            for (found,) in tx.execute(query.execution_options(yield_per=_AT_ONCE)):
                for digest in DIGEST.findall(found):
                    yield str(table.name), digest


def tables_of(tx: Tx, *, skip: Collection[str] = ()) -> Iterator[Table]:
    """Yield the tables that the database has, as it describes them."""
    metadata = MetaData()
    for name in inspect(tx).get_table_names():
        if name not in skip:
            yield Table(name, metadata, autoload_with=tx)


def texts_of(table: Table) -> Iterator["Column[object]"]:
    """Yield the columns of a table that hold text or JSON."""
    for column in table.columns:
        kind = column.type
        if isinstance(kind, TypeDecorator):
            kind = kind.impl_instance
        if isinstance(kind, String | JSON):
            yield column
