"""What `import bucle` offers of the client without opening one by hand."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bucle.interfaces.client.datasets import Dataset
from bucle.interfaces.client.runs import default_client, find_active_run
from bucle.lifecycle.data import DatasetVersion
from bucle.lifecycle.features import inputs_of

if TYPE_CHECKING:
    import pyarrow as pa


def dataset(name: str) -> Dataset:
    """Return a dataset, where the run that is going on here writes, or where the settings say."""
    active = find_active_run()
    return (active.client if active else default_client()).dataset(name).noted_by(_note)


def training_set(
    entities: object, views: Sequence[str], *, at: str = "at", known: bool = True
) -> "pa.Table":
    """Join feature views to entities, as they were known at each entity's moment.

    As `Client.training_set`; the run that is going on here, if any, notes the views and the
    versions of their sources as its inputs.
    """
    active = find_active_run()
    made = (active.client if active else default_client()).training_set(
        entities, views, at=at, known=known
    )
    if active:
        for ref in inputs_of(made):
            active.add_input(ref)
    return made


def _note(version: DatasetVersion, rows: int) -> None:
    """Let the run that is going on, if any, say what it read: its value depends on that."""
    if active := find_active_run():
        active.add_input(version.ref, rows=rows, files=len(version.files))
