"""What the catalogue says of a dataset, and what it proposes of a column."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.data.records import ColumnNote, Sensitivity

Decision = Literal["proposed", "confirmed", "rejected"]


class Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people wrote by verbs; what `bucle.yaml` declares stands above it."""

    owner: str = ""
    description: str = ""
    licence: str = ""
    fresh_within: str = ""
    tags: tuple[str, ...] = ()
    links: dict[str, str] = {}
    columns: dict[str, ColumnNote] = {}


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of an entry; `None` leaves a field as it is, nothing empties it."""

    owner: str | None = None
    description: str | None = None
    licence: str | None = None
    fresh_within: str | None = None
    tags: tuple[str, ...] | None = None
    links: dict[str, str] | None = None


class EntryColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the newest version, with what people say of it."""

    name: str
    type: str
    meaning: str = ""
    unit: str = ""
    sensitivity: Sensitivity = ""  # "": nobody confirmed any


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as the catalogue shows it: what is declared, and what people wrote."""

    ref: Ref
    owner: str = ""
    description: str = ""
    licence: str = ""
    fresh_within: str = ""  # "": no objective
    freshness: Verdict | None = None  # None: no objective, or nothing was committed
    tags: tuple[str, ...] = ()
    links: dict[str, str] = {}
    columns: tuple[EntryColumn, ...] = ()
    proposals: int = 0  # about columns, that nobody decided yet


class ColumnProposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a column seems to hold, by its name and its values; a person decides."""

    column: str
    kind: str  # email, phone, name, card, iban, national_id, ip, latitude, ..., free_text
    meaning: str
    sensitivity: Sensitivity
    confidence: float  # 0..1
    evidence: str  # in words, without any value of the column
    version: Ref  # in which it was seen
    unit: str = ""  # "": it has none, or none was seen
    state: Decision = "proposed"
    decided_at: datetime | None = None  # None: nobody decided
    decided_by: str = ""  # "": nobody


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a dataset is as fresh as it should be."""

    ref: Ref
    ok: bool
    fresh_within: str
    newest_at: datetime | None  # None: nothing was committed
    age_s: float | None  # None: nothing was committed
    note: str
