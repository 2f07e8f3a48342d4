"""Queues of items to label, answers, and what several answers say together."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from bucle.base.refs import Ref

Kind = Literal["class", "classes", "number", "text", "spans"]
Consensus = Literal["majority", "dawid-skene"]


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of a text with its class: characters `start <= i < end`."""

    start: int
    end: int
    label: str


# A class or a text; several classes; a number; spans.
Value: TypeAlias = str | int | float | tuple[str, ...] | tuple[Span, ...]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of each item."""

    kind: Kind = "class"
    text: str = ""  # "": which one is it?
    classes: tuple[str, ...] = ()  # of class, classes and spans
    min: float | None = None  # of a number; None: no lower limit
    max: float | None = None  # None: no upper limit
    guidelines: str = ""


class QueueSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue over the rows of a dataset's version."""

    name: str
    dataset: str  # a version is kept: what is asked about does not change
    key: tuple[str, ...] = ()  # (): the dataset's
    show: tuple[str, ...] = ()  # columns that labellers see; (): all
    question: Question = Question()
    answers: int = 1  # of how many labellers each item wants one
    labellers: tuple[str, ...] = ()  # (): whoever may write feedback
    priority: str = ""  # a column, the highest first (uncertainty); "": at random
    prediction: str = ""  # a column of prediction ids, to which labels go back as feedback
    deployment: str = ""  # of those predictions
    lease_s: int = 600  # how long a labeller may think


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as it was made."""

    ref: Ref
    spec: QueueSpec
    dataset: Ref  # with its number
    items: int
    made_at: datetime
    made_by: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is to be labelled."""

    number: int  # its place in the queue, from 1
    key: dict[str, Any]
    row: dict[str, Any]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """An item that one labeller has in hand, until it runs out."""

    queue: Ref
    item: Item
    question: Question
    labeller: str
    until: datetime
    done: int  # of the labeller so far


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one labeller said of one item, or why nothing."""

    item: int
    labeller: str
    value: Any = None  # None: skipped
    skipped: str = ""  # the reason; "": answered
    at: datetime
    adjudicated: bool = False  # whether it settles what others disagreed about


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a queue has come."""

    queue: Ref
    items: int
    done: int  # with as many answers as wanted, or settled
    answers: int
    skipped: int
    leased: int
    by_labeller: dict[str, int]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far labellers agree, beyond chance."""

    queue: Ref
    items: int  # with two answers at least
    labellers: tuple[str, ...]
    alpha: float | None  # Krippendorff's; None: nothing to compare, or there is one class only
    kappa: float | None  # Cohen's; None: not two labellers, or as above
    by_class: dict[str, float | None]  # alpha of each class against the rest
    by_labeller: dict[str, float | None]  # share of answers that are the consensus


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers to one item say together."""

    item: int
    key: dict[str, Any]
    value: Any  # None: nobody answered, or nothing wins
    confidence: float | None  # share of the answers, or the posterior; None: no value
    answers: int
    disagree: bool  # whether two answers differ and nobody settled it


Format = Literal["csv", "jsonl", "label-studio"]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A file of answers in the content store."""

    queue: Ref
    format: Format
    digest: str
    items: int
    answers: int


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of answers."""

    queue: Ref
    answers: int
    repeated: int  # the labeller had answered the item before: ignored
