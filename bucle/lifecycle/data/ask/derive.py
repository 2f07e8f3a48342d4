"""Make the answer of a question the next version of a dataset, which knows what it came from."""

import pyarrow.parquet as pq

from bucle.base.errors import Invalid
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import store_file
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.data.ask.answer import opened, workplace
from bucle.lifecycle.data.ask.prepare import prepare
from bucle.lifecycle.data.ask.records import Derivation
from bucle.lifecycle.data.commit import commit
from bucle.lifecycle.data.records import Commit, DatasetVersion

_MESSAGE = 300


def derive(session: Session, wish: Derivation) -> DatasetVersion:
    """Commit what a question answers; its inputs and its text are the version's lineage.

    The edges are written in the transaction that moves the head: there is no version without
    them.  The statement that is kept names its inputs by their numbers, so that it says the
    same later.

    Raises:
        Invalid: it is no SQL, or answers no rows.
        Refused: what is declared of the dataset does not hold, or it took too long.
        Conflict: somebody else committed first.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(wish.name)))
    prepared = prepare(session, wish.sql)
    if not prepared.versions:
        raise Invalid("the statement reads no dataset", hint="SELECT ... FROM <dataset>")
    schema, found = opened(session, prepared, wish.timeout_s)
    with workplace(session) as folder:
        path = folder / "answer.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as file:
            for batch in found:
                file.write_batch(batch)
        digest = store_file(session.drivers.blobs, path)
    return commit(
        session,
        Commit(
            name=wish.name,
            files=(digest,),
            names=("the answer",),
            mode=wish.mode,
            message=wish.message or _short(wish.sql),
            if_head=wish.if_head,
            branch=wish.branch,
            evolve=wish.mode == "replace",
            inputs=prepared.inputs,
            made_by=wish.sql.strip(),
        ),
    )


def _short(sql: str) -> str:
    """Return a statement on one line, cut where a message would end; lineage has the whole."""
    line = " ".join(sql.split())
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 1] + "…"
