from datetime import UTC, datetime, timedelta

from bucle.base.ids import milliseconds_of
from bucle.interfaces.predict.ids import PredictionIds

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def test_ids_rise_while_the_clock_stands_still() -> None:
    ids = PredictionIds()
    taken = [one for _ in range(100) for one in ids.take(NOW, 7)]
    assert taken == sorted(set(taken))
    assert {len(one) for one in taken} == {26}


def test_an_id_tells_its_time() -> None:
    (one,) = PredictionIds().take(NOW, 1)
    assert milliseconds_of(one) == NOW.timestamp() * 1000


def test_ids_rise_with_the_clock_and_over_a_small_step_back() -> None:
    ids = PredictionIds()
    taken = [ids.take(NOW + step * MILLISECOND, 1)[0] for step in (0, 1, 5, 3, 4, 6)]
    assert taken == sorted(taken)
    assert ids.epoch == 0


def test_ids_start_over_when_the_clock_is_put_back() -> None:
    ids = PredictionIds()
    (late,) = ids.take(NOW, 1)
    (early,) = ids.take(NOW - timedelta(hours=1), 1)
    assert early < late
    assert ids.epoch == 1


def test_counting_on_from_the_highest_start_does_not_overflow() -> None:
    ids = PredictionIds(randbits=lambda bits: (1 << bits) - 1)
    first, second = ids.take(NOW, 2)
    assert first < second
    assert first[:10] == second[:10]
