"""What is scored with which model, and what came of it."""

from typing import Any, Literal

import msgspec

from bucle.base.refs import Ref

Where = Literal["here", "process", "ray"]


class ScoringSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is scored again and again: the rows of a dataset, or the events of a topic."""

    name: str
    model: str  # churn@champion
    dataset: str = ""  # of which each version is scored; "": a topic is
    topic: str = ""  # whose events are scored; "": a dataset is
    output: str = ""  # the dataset, or the topic, of the predictions; "": see `outputs_of`
    log: str = ""  # of a topic: the deployment in whose prediction log they are too
    every: str = ""  # so often; "": when rows or events come
    columns: tuple[str, ...] = ()  # of the dataset that are kept; (): all
    at: str = ""  # the column as of whose time features are filled in; "": the dataset's time
    only_new: bool = True  # whether rows that were scored are left; else all are scored each time


class BatchWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are scored by which model, and where the predictions go."""

    model: Ref
    dataset: Ref
    output: str = ""  # the dataset of the predictions; "": `<dataset>_scored`
    columns: tuple[str, ...] = ()  # of the dataset that are kept beside them; (): all
    at: str = ""  # the column as of whose time features are filled in; "": the dataset's time
    only_new: bool = False  # whether only rows are scored that came since the last time
    compute: Where = "here"  # process: several processes at once


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What was scored."""

    model: Ref  # with its version
    source: Ref  # the version that was read
    output: Ref | None = None  # the version with the predictions; None: there were no new rows
    rows: int = 0  # scored, those that were taken over too
    taken_over: int = 0  # rows that an attempt which was cut off had scored
    features: tuple[Ref, ...] = ()  # what filled in columns: views, and versions of their sources


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a topic was scored; written before outputs and after."""

    after: str = ""  # the last event whose prediction is out
    written: str = ""  # the last prediction in the output topic
    first_id: str = ""  # of the batch that is being written; "": none is
    upto: str = ""  # its last event
    at_us: int = 0  # its moment
    last_id: str = ""  # of the last batch: ids of a scoring only rise


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """What was scored of a topic, this time."""

    topic: str
    model: Ref
    position: str  # of the last event
    events: int
    failed: int  # that the model does not take, or failed on: their outputs say why


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What of a prediction log is in a dataset now, that was not before."""

    deployment: Ref
    output: Ref | None  # None: nothing was new
    rows: int
    segments: int


State = dict[str, Any]
