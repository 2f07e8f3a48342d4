"""Labels that come: once, twice, otherwise, early, many, and from two senders at once."""

import math
import threading
from datetime import timedelta
from typing import Any

import pytest

from bucle.base.errors import Denied, Invalid
from bucle.base.ids import encode_ulid
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle import feedback
from bucle.lifecycle.feedback import LabelReceipt, store
from tests.unit.lifecycle.feedback.conftest import NOW

MS = int(NOW.timestamp() * 1000)
DAY = timedelta(days=1)


def ids_at(*milliseconds: int) -> list[str]:
    """Return an id of each moment after NOW."""
    return [encode_ulid(MS + after, 7) for after in milliseconds]


def add(session: Session, ids: list[str], values: list[Any]) -> tuple[LabelReceipt, list[str]]:
    """Add labels; return the receipt and the facts."""
    with session.begin() as scope:
        receipt = feedback.add_labels(scope, "demand", ids, values)
        return receipt, [fact.type for fact in scope.facts]


def labels(session: Session) -> dict[str, Any]:
    """Return the labels in force."""
    table = feedback.labels_table(session, "demand", NOW, NOW + DAY)
    return dict(zip(table["prediction_id"].to_pylist(), table["label"].to_pylist(), strict=True))


def test_new_labels_are_counted_and_kept(session: Session) -> None:
    one, two = ids_at(1, 2)
    receipt, facts = add(session, [two, one], [2, 1.5])
    assert receipt == LabelReceipt(received=2, new=2, repeated=0, corrected=0)
    assert facts == ["labels.received"]
    assert labels(session) == {one: 1.5, two: 2.0}


def test_the_same_batch_again_is_ignored_and_leaves_no_fact(session: Session) -> None:
    ids = ids_at(1, 2)
    add(session, ids, [1, 2])
    receipt, facts = add(session, ids, [1.0, 2.0])
    assert (receipt.new, receipt.repeated, receipt.corrected, facts) == (0, 2, 0, [])


def test_another_value_corrects_and_the_first_is_kept(session: Session) -> None:
    (one,) = ids_at(1)
    add(session, [one], [1])
    receipt, facts = add(session, [one], [5])
    assert (receipt.corrected, facts) == (1, ["labels.received"])
    assert labels(session) == {one: 5.0}
    with session.begin(write=False) as scope:
        (status,) = feedback.feedback_status(scope)
        kept = scope.tx.execute(store.corrections.select()).one()
    assert (status.labels, status.corrections, status.waiting) == (1, 1, 1)
    assert (kept.prediction_id, kept.number) == (one, 1.0)


def test_an_id_twice_is_fine_with_one_value_and_refused_with_two(session: Session) -> None:
    one, two = ids_at(1, 2)
    receipt, _ = add(session, [one, one], [1, True])
    assert (receipt.received, receipt.new, receipt.repeated) == (2, 1, 1)
    with pytest.raises(Invalid, match=f"prediction {two} comes twice, with 1.0 and 2"):
        add(session, [two, two], [1, 2])
    assert labels(session) == {one: 1.0}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_no_label(session: Session, value: float) -> None:
    with pytest.raises(Invalid, match="the label of prediction"):
        add(session, ids_at(1), [value])


def test_nonsense_is_refused_with_its_reason(session: Session) -> None:
    with pytest.raises(Invalid, match="2 prediction ids came with 1 labels"):
        add(session, ids_at(1, 2), [1])
    with pytest.raises(Invalid, match="'nonsense' is not an id"):
        add(session, ["nonsense"], [1])
    assert add(session, [], [])[0].received == 0


def test_texts_stay_texts_beside_numbers(session: Session) -> None:
    one, two, three = ids_at(1, 2, 3)
    add(session, [one, two, three], ["fraud", 12345678, 0.25])
    assert labels(session) == {one: "fraud", two: "12345678", three: "0.25"}


def test_labels_are_read_by_the_time_of_their_predictions(session: Session) -> None:
    ids = ids_at(0, 1, 999, 1000)
    add(session, ids, [0, 1, 2, 3])
    second = timedelta(seconds=1)
    table = feedback.labels_table(session, "demand", NOW, NOW + second)
    assert table["prediction_id"].to_pylist() == ids[:3]
    assert len(feedback.labels_table(session, "demand", NOW + second, NOW + 2 * second)) == 1
    assert len(feedback.labels_table(session, "other", NOW, NOW + second)) == 0


def test_a_label_may_come_before_the_log_shows_its_prediction(session: Session) -> None:
    receipt, _ = add(session, ids_at(5), [1])
    assert receipt.new == 1
    assert len(feedback.labelled_predictions(session, "demand", NOW, NOW + DAY)) == 0


def test_twenty_thousand_labels_come_in_one_batch(session: Session) -> None:
    ids = ids_at(*range(20_000))
    receipt, _ = add(session, ids, [float(n) for n in range(20_000)])
    assert receipt.new == 20_000
    changed = [float(n + (n % 4 == 0)) for n in range(20_000)]
    receipt, _ = add(session, ids, changed)
    assert (receipt.corrected, receipt.repeated) == (5000, 15_000)
    assert list(labels(session).values()) == changed


def test_two_senders_of_the_same_labels_both_succeed(house: House) -> None:
    ids = ids_at(*range(500))
    receipts: list[LabelReceipt] = []

    def send(value: float) -> None:
        receipts.append(add(house.session(), ids, [value] * 500)[0])

    threads = [threading.Thread(target=send, args=(value,)) for value in (1.0, 1.0, 2.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 4
    assert sum(receipt.new for receipt in receipts) == 500
    session = house.session()
    with session.begin(write=False) as scope:
        (status,) = feedback.feedback_status(scope)
    assert status.labels == 500
    assert status.corrections == sum(receipt.corrected for receipt in receipts)


def test_who_may_not_label_does_not(house: House) -> None:
    with pytest.raises(Denied, match="feedback:write"):
        add(house.session(ANONYMOUS), ids_at(1), [1])
