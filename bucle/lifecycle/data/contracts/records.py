"""Contracts about datasets: their terms, who agreed, and how deliveries kept them."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.data.records import Column, Expectation

Side = Literal["producer", "project"]
State = Literal["proposed", "accepted", "rejected", "withdrawn", "ended"]
Level = Literal["", "patch", "minor", "major"]
# What can be wrong with a delivery; each is the cause of one task.
BREACHES = ("refused", "schema", "expectations", "late", "volume")


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the producer promises."""

    columns: tuple[Column, ...] = ()  # at least these, of these types; (): any
    expectations: tuple[Expectation, ...] = ()
    fresh_within: str = ""  # the newest rows are at most this old; "": no promise
    min_rows: int | None = None  # new rows in each period; None: no promise
    max_rows: int | None = None  # None: no limit
    per: str = ""  # the period: "1d"; "": no promise about rows
    notice: str = ""  # how long before it takes force a change that takes away is proposed


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """One version of what was proposed or agreed about a dataset."""

    ref: Ref  # contract:<dataset>@<number>
    dataset: Ref
    number: int
    version: str  # 2.1.0: a higher first figure takes something away
    change: Level = ""  # beside the one before; "": it was the first
    producer: str  # a principal's name, or role:<role>
    terms: Terms
    note: str = ""
    state: State
    proposed_at: datetime
    proposed_by: str
    producer_by: str = ""  # who accepted for the producer; "": nobody yet
    project_by: str = ""  # who accepted for the project; "": nobody yet
    effective_at: datetime | None = None  # None: it is not accepted by both
    reason: str = ""  # why it was rejected, withdrawn or ended


def cause_of(contract: Contract, what: str) -> str:
    """Return the cause of the task that a breach of a contract opens."""
    return f"contract:{contract.dataset.name}:{what}"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A contract to propose."""

    dataset: str
    producer: str
    terms: Terms
    version: str = ""  # "": the next one that the change asks for
    note: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was judged by the contract in force."""

    version: Ref
    contract: Ref
    at: datetime
    by: str
    rows: int  # that came with it
    ok: bool
    verdicts: tuple[Verdict, ...]


class ContractReport(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's contract: what is in force, what is to come, and how it is kept."""

    dataset: Ref
    in_force: Contract | None = None  # None: none is
    coming: Contract | None = None  # None: none was accepted for later
    proposed: Contract | None = None  # None: none waits to be accepted
    verdicts: tuple[Verdict, ...] = ()  # of the newest version, now
    deliveries: tuple[Delivery, ...] = ()  # the newest, newest first
