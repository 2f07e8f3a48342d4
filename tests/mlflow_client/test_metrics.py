import math
import time

import pytest
from mlflow.entities import Metric

from protocol import INVALID, MISSING, refused


def history(client, run, key):
    return [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run, key)]


def test_a_metric_is_told_with_value_step_and_time(client, run):
    client.log_metric(run, "loss", 0.25, timestamp=1000, step=7)
    assert client.get_run(run).data.metrics == {"loss": 0.25}
    assert history(client, run, "loss") == [(7, 1000, 0.25)]


def test_a_metric_without_step_is_at_0_and_now(client, run):
    client.log_metric(run, "loss", 1)
    ((step, at, value),) = history(client, run, "loss")
    assert (step, value) == (0, 1.0)
    assert abs(at / 1000 - time.time()) < 600


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_the_infinities_round_trip(client, run, value):
    client.log_metric(run, "m", value)
    told = client.get_run(run).data.metrics["m"]
    assert told == pytest.approx(math.copysign(1.7976931348623157e308, value)) or told == value
    assert math.copysign(1, history(client, run, "m")[0][2]) == math.copysign(1, value)


def test_nan_round_trips(client, run):
    client.log_metric(run, "m", math.nan)
    assert math.isnan(client.get_run(run).data.metrics["m"])
    assert math.isnan(history(client, run, "m")[0][2])


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-300, 1e300, -0.0, 2**53 + 0.0, 5e-324])
def test_a_double_comes_back_bit_by_bit(client, run, value):
    client.log_metric(run, "m", value)
    assert client.get_run(run).data.metrics["m"] == value


@pytest.mark.parametrize(
    ("points", "last"),
    [
        ([(5, 10, 1.0), (3, 20, 2.0)], 1.0),
        ([(1, 20, 1.0), (1, 10, 2.0)], 1.0),
        ([(1, 10, 3.0), (1, 10, 2.0)], 3.0),
        ([(1, 10, 2.0), (1, 10, 3.0)], 3.0),
        ([(-1, 10, 2.0), (0, 1, 1.0)], 1.0),
        ([(-5, 10, 2.0), (-6, 99, 1.0)], 2.0),
    ],
    ids=["step", "time", "value", "value again", "negative step", "two negative steps"],
)
@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "batch"])
def test_the_last_value_is_by_step_then_time_then_value(client, run, points, last, at_once):
    metrics = [Metric("m", value, at, step) for step, at, value in points]
    if at_once:
        client.log_batch(run, metrics=metrics)
    else:
        for metric in metrics:
            client.log_metric(run, "m", metric.value, metric.timestamp, metric.step)
    assert client.get_run(run).data.metrics == {"m": last}
    assert sorted(history(client, run, "m")) == sorted(points)


def test_nan_does_not_replace_a_number_of_the_same_moment(client, run):
    client.log_metric(run, "m", 1.0, timestamp=10, step=1)
    client.log_metric(run, "m", math.nan, timestamp=10, step=1)
    assert client.get_run(run).data.metrics["m"] == 1.0
    assert len(history(client, run, "m")) == 2


def test_a_point_that_comes_twice_is_kept_once(client, run):
    for _ in range(2):
        client.log_metric(run, "m", 1.5, timestamp=10, step=1)
    assert history(client, run, "m") == [(1, 10, 1.5)]
    client.log_batch(run, metrics=[Metric("m", 1.5, 10, 1), Metric("m", 1.5, 10, 1)])
    assert history(client, run, "m") == [(1, 10, 1.5)]


def test_history_comes_in_order_of_time_and_step(client, run):
    points = [(step, 100 + step, float(step)) for step in range(50)]
    client.log_batch(run, metrics=[Metric("m", v, at, s) for s, at, v in reversed(points)])
    assert history(client, run, "m") == points


def test_a_metric_of_nobody_has_an_empty_history(client, run):
    assert history(client, run, "nothing") == []


def test_the_history_of_a_run_of_nobody_is_empty(client):
    assert history(client, "0" * 32, "m") == []


def test_history_comes_in_pages(client, protocol, run):
    client.log_batch(run, metrics=[Metric("m", float(at), at, at) for at in range(25)])
    seen, token = [], None
    for _ in range(10):
        extra = {"page_token": token} if token else {}
        page = protocol.get(
            "metrics/get-history", run_id=run, metric_key="m", max_results=10, **extra
        ).json()
        assert len(page["metrics"]) <= 10
        seen += [point["step"] for point in page["metrics"]]
        token = page.get("next_page_token")
        if not token:
            break
    assert seen == list(range(25))


def test_a_history_of_thousands_is_whole(client, run):
    for start in range(0, 3000, 1000):
        steps = range(start, start + 1000)
        client.log_batch(run, metrics=[Metric("m", float(s), s, s) for s in steps])
    assert [step for step, _, _ in history(client, run, "m")] == list(range(3000))


@pytest.mark.parametrize("key", ["a/b", "with space", "a.b-c_d", "ñ流", "a:b"])
def test_a_key_may_hold_slashes_spaces_and_unicode(client, run, key):
    client.log_metric(run, key, 2.0)
    assert client.get_run(run).data.metrics == {key: 2.0}
    assert len(history(client, run, key)) == 1


@pytest.mark.parametrize(
    "key", ["", "/a", "../a", "a//b", "a/../b", ".", "a;b", "loss@3", "a'b", "a\nb"]
)
def test_a_key_that_is_no_name_is_refused(client, run, key):
    with refused(INVALID):
        client.log_metric(run, key, 1.0)


def test_a_key_of_250_signs_fits_and_251_do_not(client, run):
    client.log_metric(run, "k" * 250, 1.0)
    with refused(INVALID):
        client.log_metric(run, "k" * 251, 1.0)
    assert list(client.get_run(run).data.metrics) == ["k" * 250]


def test_a_value_that_is_no_number_is_refused(protocol, run):
    answer = protocol.post("runs/log-metric", run_id=run, key="m", value="text", timestamp=1)
    assert answer.status_code == 400


@pytest.mark.parametrize("lacking", ["key", "value", "timestamp"])
def test_a_metric_that_lacks_a_field_is_refused(protocol, run, lacking):
    fields = {"run_id": run, "key": "m", "value": 1.0, "timestamp": 1}
    del fields[lacking]
    answer = protocol.post("runs/log-metric", **fields)
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_a_metric_of_a_run_of_nobody_is_refused(client):
    with refused(MISSING):
        client.log_metric("0" * 32, "m", 1.0)


@pytest.fixture
def two_histories(client, experiment):
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    client.log_batch(runs[0], metrics=[Metric("m", float(s), s, s) for s in range(100)])
    client.log_batch(runs[1], metrics=[Metric("m", float(s), s, s) for s in range(10)])
    return runs


def bulk(protocol, path, **query):
    return protocol.send("GET", f"/ajax-api/2.0/mlflow/metrics/{path}", params=query)


def test_the_bulk_interval_form_thins_and_keeps_the_ends(protocol, two_histories):
    answer = bulk(
        protocol,
        "get-history-bulk-interval",
        run_ids=two_histories,
        metric_key="m",
        max_results=10,
    )
    assert answer.ok, answer.text
    steps = {
        run: sorted({m["step"] for m in answer.json()["metrics"] if m["run_id"] == run})
        for run in two_histories
    }
    long, short = (steps[run] for run in two_histories)
    assert long[0] == 0
    assert long[-1] == 99
    assert len(long) < 25
    assert {0, 9} <= set(short)


def test_the_bulk_interval_form_takes_a_range_of_steps(protocol, two_histories):
    answer = bulk(
        protocol,
        "get-history-bulk-interval",
        run_ids=two_histories,
        metric_key="m",
        start_step=5,
        end_step=8,
        max_results=100,
    )
    assert {m["step"] for m in answer.json()["metrics"]} == {5, 6, 7, 8}


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric_key": "m", "max_results": 10},
        {"run_ids": ["0" * 32], "max_results": 10},
        {"run_ids": ["0" * 32] * 101, "metric_key": "m", "max_results": 10},
        {"run_ids": ["0" * 32], "metric_key": "m", "max_results": 0},
        {"run_ids": ["0" * 32], "metric_key": "m", "max_results": 2501},
        {"run_ids": ["0" * 32], "metric_key": "m", "max_results": 9, "start_step": 3},
        {
            "run_ids": ["0" * 32],
            "metric_key": "m",
            "max_results": 9,
            "start_step": 3,
            "end_step": 1,
        },
    ],
)
def test_a_bulk_interval_that_makes_no_sense_is_refused(protocol, wrong):
    answer = bulk(protocol, "get-history-bulk-interval", **wrong)
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_the_bulk_form_gives_whole_histories(protocol, two_histories):
    answer = bulk(protocol, "get-history-bulk", run_id=two_histories, metric_key="m")
    assert answer.ok, answer.text
    assert len(answer.json()["metrics"]) == 110
