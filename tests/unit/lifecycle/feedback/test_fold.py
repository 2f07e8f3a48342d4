"""Labelled predictions become rows of a dataset: each once, whatever is cut off where."""

import threading
from datetime import timedelta
from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.governance.audit.read import last_of
from bucle.governance.session import House, Session
from bucle.lifecycle import data, feedback
from bucle.lifecycle.feedback import FeedbackSpec, store
from bucle.lifecycle.feedback.fold import shaped
from tests.unit.lifecycle.feedback.conftest import NOW, Log

SPEC = FeedbackSpec(name="f", deployment="demand", into="rentals", label="count")
DAY = timedelta(days=1)


def label(session: Session, ids: list[str], values: list[Any]) -> None:
    """Add labels."""
    with session.begin() as scope:
        feedback.add_labels(scope, "demand", ids, values)


def counts(session: Session) -> list[int]:
    """Return the column of labels of the dataset's head."""
    found: list[int] = data.read_table(session, "rentals")["count"].to_pylist()
    return sorted(found)


def waiting(session: Session) -> int:
    """Return how many labels were not folded yet."""
    with session.begin(write=False) as scope:
        (status,) = feedback.feedback_status(scope)
    return status.waiting


pytestmark = pytest.mark.usefixtures("rentals")


def test_labelled_predictions_are_appended_once(session: Session, log: Log) -> None:
    ids = log([4.0, 5.0])
    label(session, ids, [40, 50])
    version = feedback.fold(session, SPEC)
    assert version is not None
    rows = data.read_table(session, version.ref).sort_by("count").to_pylist()
    assert rows[1] == {"at": NOW, "heat": 4.0, "city": "here", "count": 40}
    assert counts(session) == [3, 40, 50]
    assert feedback.fold(session, SPEC) is None
    label(session, log([6.0]), [60])
    feedback.fold(session, SPEC)
    assert counts(session) == [3, 40, 50, 60]
    with session.begin(write=False) as scope:
        event = last_of(scope, "feedback.folded")
    assert event is not None
    assert event.body == {"dataset": "dataset:rentals@3", "rows": 1}


def test_labels_of_unknown_predictions_wait(session: Session, log: Log) -> None:
    label(session, log([4.0]), [40])
    label(session, ["01KFYD7QRDFM9XV2ZAZPN6A0ZZ"], [7])
    feedback.fold(session, SPEC)
    assert (counts(session), waiting(session)) == ([3, 40], 1)
    assert feedback.fold(session, SPEC) is None


def test_an_id_that_ran_ahead_of_its_predictions_time_is_folded(session: Session, log: Log) -> None:
    log([1.0], at=NOW + timedelta(milliseconds=900))
    behind = log([4.0], at=NOW)  # its id is of 900 ms later: ids never step back
    label(session, behind, [40])
    joined = feedback.labelled_predictions(session, "demand", NOW, NOW + timedelta(seconds=0.1))
    assert joined["label"].to_pylist() == [40]
    assert feedback.fold(session, SPEC) is not None


def test_a_fold_that_was_killed_after_the_commit_is_ended_and_not_repeated(
    session: Session, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(session, log([4.0, 5.0]), [40, 50])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "end_fold", killed)
    with pytest.raises(KeyboardInterrupt):
        feedback.fold(session, SPEC)
    monkeypatch.undo()
    monkeypatch.setattr(import_module("bucle.lifecycle.feedback.fold"), "_PAGE", 2)
    for n in range(5):  # more versions than one page of the log
        table = pa.table({"at": [NOW], "heat": [0.0], "city": ["x"], "count": [1000 + n]})
        data.commit_table(session, "rentals", table, mode="append")
    label(session, log([6.0]), [60])
    version = feedback.fold(session, SPEC)
    assert version is not None
    assert version.ref == Ref("dataset", "rentals", 2)
    feedback.fold(session, SPEC)
    assert [count for count in counts(session) if count < 1000] == [3, 40, 50, 60]


def test_a_fold_that_was_killed_before_the_commit_is_taken_up(
    session: Session, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = log([4.0, 5.0])
    label(session, ids, [40, 50])

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "commit_table", killed)
    with pytest.raises(KeyboardInterrupt):
        feedback.fold(session, SPEC)
    monkeypatch.undo()
    label(session, ids[:1], [44])  # corrected in between: the truth is folded
    feedback.fold(session, SPEC)
    assert counts(session) == [3, 44, 50]


def test_two_workers_fold_each_label_once(house: House, session: Session, log: Log) -> None:
    label(session, log([float(n) for n in range(50)]), list(range(100, 150)))

    def work() -> None:
        for _ in range(5):
            try:
                feedback.fold(house.session(), SPEC)
            except Conflict:  # the other one committed first: a job would try again
                continue

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    feedback.fold(session, SPEC)
    assert counts(session) == [3, *range(100, 150)]
    assert waiting(session) == 0


def test_a_refused_batch_is_tried_again_with_the_corrected_label(
    session: Session, log: Log
) -> None:
    expected = data.Expectation(column="count", max=1000)
    with session.begin() as scope:
        data.declare(scope, data.DatasetSpec(name="rentals", expectations=(expected,)))
    ids = log([4.0])
    label(session, ids, [4000])
    with pytest.raises(Refused):
        feedback.fold(session, SPEC)
    label(session, ids, [40])
    feedback.fold(session, SPEC)
    assert counts(session) == [3, 40]


def test_lists_of_probabilities_are_joined_too(session: Session, log: Log) -> None:
    said = {"prediction": ["a"], "probability": [[0.2, 0.3, 0.5]]}
    label(session, log([4.0], outputs=said), ["b"])
    joined = feedback.labelled_predictions(session, "demand", NOW, NOW + DAY)
    assert joined["label"].to_pylist() == ["b"]
    assert joined["out_probability"].to_pylist() == [[0.2, 0.3, 0.5]]


def test_a_missing_dataset_is_named(session: Session, log: Log) -> None:
    label(session, log([4.0]), [40])
    spec = FeedbackSpec(name="g", deployment="demand", into="nowhere", label="count")
    with pytest.raises(NotFound, match="dataset:nowhere"):
        feedback.fold(session, spec)


def column(name: str, type_: str, *, nullable: bool = False) -> data.Column:
    """Return a dataset's column."""
    return data.Column(name=name, type=type_, nullable=nullable)


PREDICTIONS = pa.table(
    {"id": ["A"], "at": [NOW], "model_ref": ["model:m@1"], "heat": [4.0], "label": [1.0]}
)


def test_columns_take_their_names_types_and_gaps_from_the_dataset() -> None:
    wanted = (
        column("when", "timestamp[us, tz=UTC]"), column("heat", "float"), column("fraud", "bool"),
        column("note", "string", nullable=True), column("by", "string"),
    )  # fmt: skip
    spec = FeedbackSpec(
        name="f", deployment="demand", into="d", label="fraud",
        columns={"when": "@at", "by": "@model"},
    )  # fmt: skip
    (row,) = shaped(PREDICTIONS, spec, wanted).to_pylist()
    assert row == {"when": NOW, "heat": 4.0, "fraud": True, "note": None, "by": "model:m@1"}


def test_a_number_for_a_column_of_texts_is_written_without_a_point() -> None:
    spec = FeedbackSpec(name="f", deployment="demand", into="d", label="class")
    assert shaped(PREDICTIONS, spec, (column("class", "string"),)).to_pylist() == [{"class": "1"}]


def test_what_predictions_do_not_have_is_named_with_the_place_to_map_it() -> None:
    with pytest.raises(Invalid, match="needs 'rain'") as refused:
        shaped(PREDICTIONS, SPEC, (column("count", "int64"), column("rain", "double")))
    assert "feedback.f.columns" in refused.value.hint
    with pytest.raises(Invalid, match="has no column 'count'"):
        shaped(PREDICTIONS, SPEC, (column("heat", "double"),))
