"""A deletion request, all that it affects, and the certificate that it was carried out."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.data.erase.records import DatasetRows, Subject, VersionRows

OPEN, DONE, WITHDRAWN = "open", "done", "withdrawn"
State = Literal["open", "running", "done", "withdrawn"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows are to go, out of what, and why."""

    dataset: str
    key: Subject
    also: dict[str, str] = {}  # other datasets, and their column of the (only) key's value
    reason: str = ""
    days: int = 30  # until it is due


class ViewRows(msgspec.Struct, frozen=True, kw_only=True):
    """A feature view that was computed from rows that go."""

    ref: Ref
    entity: bool  # whether its entity is the subject; otherwise its figures are computed anew
    row: bool = False  # whether there is an online row of the subject
    stream: int = 0  # rows of the subject in the state of a stream


class ModelRows(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that was trained on rows that go, or that is kept with some."""

    ref: Ref
    trained_on: tuple[Ref, ...] = ()
    aliases: tuple[str, ...] = ()
    evaluation: int = 0  # rows of the table that it is judged on
    example: int = 0  # rows of its signed package, which can not be changed


class LogRows(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions of a deployment that were made of the subject."""

    deployment: str
    rows: int
    labels: int


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody's rows are, and what was made of them."""

    datasets: tuple[DatasetRows, ...] = ()  # that were searched; their versions stand below
    versions: tuple[VersionRows, ...] = ()  # that hold such rows
    derived: tuple[Ref, ...] = ()  # made of such rows, and without a column to look by
    views: tuple[ViewRows, ...] = ()
    models: tuple[ModelRows, ...] = ()
    predictions: tuple[LogRows, ...] = ()
    labelling: dict[str, int] = {}  # items of queues
    runs: tuple[Ref, ...] = ()  # that read such a version; their files are not searched
    unsearched: tuple[str, ...] = ()  # datasets that have a column of the same name

    @property
    def rows(self) -> int:
        """How many rows there are that can be taken out, everywhere."""
        return (
            sum(each.rows for each in self.versions)
            + sum(dataset.quarantined for dataset in self.datasets)
            + sum(each.row + each.stream for each in self.views if each.entity)
            + sum(each.evaluation for each in self.models)
            + sum(each.rows + each.labels for each in self.predictions)
            + sum(self.labelling.values())
        )


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a deletion that was done; what was done is not done again."""

    name: str
    place: int  # among the steps
    at: datetime
    done: dict[str, int | str | tuple[str, ...]] = {}


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and how far it has come.

    The values by which rows are looked for are kept until they are gone, and no longer: after
    that there is a keyed digest, by which this installation can recognize them.
    """

    ref: Ref
    dataset: str
    columns: tuple[str, ...]
    subjects: dict[str, Subject] = {}  # of each dataset that is searched; {}: done
    subject_digest: str
    reason: str = ""
    state: State = "open"
    asked_at: datetime
    asked_by: str
    due_at: datetime
    done_at: datetime | None = None  # None: not done yet
    done_by: str = ""  # "": as above
    affected: Affected  # as it was found when it was asked
    left: int | None = None  # rows that the search found afterwards; None: not searched yet


class DeletionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its steps."""

    deletion: Deletion
    steps: tuple[Step, ...]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What an auditor takes along: a text, and the installation's signature over it."""

    text: str  # canonical JSON
    signature: str  # Ed25519 over the text's bytes
    public_key: str
