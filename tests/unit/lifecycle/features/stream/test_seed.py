import sys
from collections.abc import Mapping

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, NotFound
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features.stream import offset_of, position_of, seed
from tests.unit.lifecycle.features.payments import START, payments
from tests.unit.lifecycle.features.stream.streams import (
    DAY,
    HOUR,
    LAST_PAID,
    SPENT,
    assert_features,
    contents,
    payments_of,
    read,
    registered,
    send,
)

UNTIL = START + 12 * DAY


@pytest.mark.parametrize("definition", [SPENT, LAST_PAID], ids=lambda view: view.name)
def test_a_seed_and_the_events_after_it_give_what_all_rows_give(
    session: Session, definition
) -> None:
    before, after = payments(5, 200, days=12), payments(6, 100, days=8, first_day=12.5)
    commit_table(session, "payments", before)
    view = registered(session, definition)
    assert seed(session, view.ref, UNTIL) == 200
    assert_features(session, view, definition, before, UNTIL)
    send(session, view, after)
    moment = START + 21 * DAY
    assert_features(session, view, definition, pa.concat_tables([before, after]), moment)


def test_rows_after_the_moment_are_left_to_the_stream(session: Session) -> None:
    rows = payments_of([(1, HOUR, 1.0), (1, 12 * DAY, 2.0), (1, 13 * DAY, 3.0)])
    commit_table(session, "payments", rows)
    view = registered(session, SPENT)
    assert seed(session, view.ref, UNTIL) == 3
    assert read(session, view, START + 13 * DAY)[0]["amount_sum_7d"] == 2.0


def test_a_seed_again_changes_nothing(session: Session) -> None:
    commit_table(session, "payments", payments(5, 100))
    view = registered(session, SPENT)
    seed(session, view.ref, UNTIL)
    send(session, view, payments_of([(1, 13 * DAY, 1.0)]))
    before = contents(session, view)
    assert seed(session, view.ref, UNTIL) == 100
    assert contents(session, view) == before


def test_a_seed_that_was_killed_goes_on_where_it_stopped(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = payments(5, 100)
    commit_table(session, "payments", rows.slice(0, 60))
    commit_table(session, "payments", rows.slice(60), mode="append")
    view, online = registered(session, SPENT), session.drivers.online
    monkeypatch.setattr(sys.modules[seed.__module__], "_ROWS_AT_ONCE", 16)
    write, writes = online.write, 0

    def killed_at_the_fifth(table: str, rows: Mapping[bytes, bytes]) -> None:
        nonlocal writes
        writes += 1
        if writes == 5:
            raise KeyboardInterrupt
        write(table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(online, "write", killed_at_the_fifth)
        with pytest.raises(KeyboardInterrupt):
            seed(session, view.ref, START + 20 * DAY)
    assert offset_of(online, view).seeded == 60
    # What is not whole is not read, and no event is counted upon it.
    assert set(read(session, view, START + 20 * DAY)[0].values()) == {None}
    with pytest.raises(Conflict, match="is being seeded from dataset:payments@2") as no:
        send(session, view, payments_of([(1, HOUR, 1.0)]))
    assert "seed it again" in str(no.value.hint)
    with pytest.raises(Conflict, match="is being seeded"):
        send(session, view, payments_of([]))
    assert seed(session, view.ref, START + 20 * DAY) == 100
    assert_features(session, view, SPENT, rows, START + 20 * DAY)


def test_the_stream_goes_on_after_the_position_that_the_dataset_holds(session: Session) -> None:
    commit_table(session, "payments", payments_of([(1, HOUR, 1.0)]))
    view = registered(session, SPENT)
    seed(session, view.ref, UNTIL, position=f"{5:012}")
    assert position_of(session.drivers.online, view) == f"{5:012}"
    assert send(session, view, payments_of([(1, HOUR, 1.0)]), 5).repeated == 1
    assert send(session, view, payments_of([(1, 2 * HOUR, 2.0)]), 6).applied == 1
    assert read(session, view, START + 2 * HOUR)[0]["amount_sum_1d"] == 3.0


def test_a_retention_does_not_make_rows_of_a_seed_late(session: Session) -> None:
    commit_table(session, "payments", payments(5, 100))
    view = registered(session, msgspec.structs.replace(SPENT, retention="1h"))
    seed(session, view.ref, START + 20 * DAY)
    assert offset_of(session.drivers.online, view).late == 0
    assert_features(session, view, SPENT, payments(5, 100), START + 20 * DAY)


def test_a_state_that_counted_events_is_not_seeded(session: Session) -> None:
    commit_table(session, "payments", payments(5, 100))
    view = registered(session, SPENT)
    send(session, view, payments_of([(1, HOUR, 1.0)]))
    with pytest.raises(Conflict, match="has counted events"):
        seed(session, view.ref, UNTIL)


def test_a_state_is_seeded_from_one_version_only(session: Session) -> None:
    commit_table(session, "payments", payments(5, 100))
    view = registered(session, SPENT)
    seed(session, view.ref, UNTIL)
    commit_table(session, "payments", payments(6, 10), mode="append")
    with pytest.raises(Conflict, match="has counted events from dataset:payments@1 until"):
        seed(session, view.ref, UNTIL)


def test_a_view_without_a_dataset_has_no_seed(session: Session) -> None:
    view = registered(session, SPENT)
    with pytest.raises(NotFound, match="dataset:payments"):
        seed(session, view.ref, UNTIL)
