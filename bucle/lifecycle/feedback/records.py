"""Labels, and how they come back into a dataset."""

from datetime import datetime

import msgspec


class FeedbackSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the labelled predictions of a deployment go."""

    name: str
    deployment: str
    into: str  # a dataset
    label: str  # its column for the label
    every: str = "1d"
    # dataset column -> prediction column, "@at", "@id" or "@model"; {}: the same names
    columns: dict[str, str] = {}


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What really came, of one prediction."""

    prediction_id: str
    number: float | None = None  # None: the label is a text
    text: str | None = None  # None: the label is a number
    at: datetime  # when it became known


class LabelReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch of labels."""

    received: int
    new: int
    repeated: int  # the same value again: ignored
    corrected: int  # another value: it counts from now on, the old one is kept


class FeedbackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How much feedback a deployment has had."""

    deployment: str
    labels: int
    waiting: int  # not folded into a dataset yet
    corrections: int
