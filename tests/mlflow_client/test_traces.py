import mlflow
import pytest

from protocol import MISSING, refused

MAJOR = int(mlflow.__version__.split(".")[0])


def flush():
    """Wait until the client has sent its traces, where it sends them aside."""
    if hasattr(mlflow, "flush_trace_async_logging"):
        try:
            mlflow.flush_trace_async_logging()
        except Exception:  # noqa: BLE001 - nothing was started that could be flushed
            return


def trace_id(trace):
    return trace.info.trace_id if MAJOR >= 3 else trace.info.request_id


def searched(client, experiment, filter_string=None, **options):
    return client.search_traces(experiment_ids=[experiment], filter_string=filter_string, **options)


@pytest.fixture
def traced(client, fluent_experiment):
    """Return a function that makes a trace of two spans and tells its id."""

    def make(name="outer", **attributes):
        with mlflow.start_span(name=name) as outer:
            outer.set_inputs({"question": "ñ?"})
            with mlflow.start_span(name="inner", span_type="LLM") as inner:
                inner.set_attributes({"tokens": 3, **attributes})
            outer.set_outputs({"answer": "流"})
        flush()
        return outer.trace_id if MAJOR >= 3 else outer.request_id

    return make


def test_a_trace_comes_back_with_its_spans(client, traced, fluent_experiment):
    trace = client.get_trace(traced(), display=False) if MAJOR >= 3 else client.get_trace(traced())
    spans = {span.name: span for span in trace.data.spans}
    assert set(spans) == {"outer", "inner"}
    assert spans["inner"].parent_id == spans["outer"].span_id
    assert spans["outer"].inputs == {"question": "ñ?"}
    assert spans["outer"].outputs == {"answer": "流"}
    assert spans["inner"].get_attribute("tokens") == 3
    assert str(trace.info.status).endswith("OK")
    assert trace.info.experiment_id == fluent_experiment


def test_an_error_in_a_span_is_an_error_of_the_trace(client, fluent_experiment):
    with pytest.raises(ZeroDivisionError), mlflow.start_span(name="bad"):
        _ = 1 / 0
    flush()
    (trace,) = searched(client, fluent_experiment)
    assert str(trace.info.status).endswith("ERROR")
    (span,) = trace.data.spans
    assert [event.name for event in span.events] == ["exception"]


def test_a_decorated_function_is_traced(client, fluent_experiment):
    @mlflow.trace
    def double(x):
        return 2 * x

    assert double(4) == 8
    flush()
    (trace,) = searched(client, fluent_experiment)
    (span,) = trace.data.spans
    assert (span.name, span.inputs, span.outputs) == ("double", {"x": 4}, 8)


def test_a_trace_is_started_and_ended_by_the_client(client, fluent_experiment):
    root = client.start_trace("by hand", inputs={"a": 1}, tags={"t": "v"})
    key = root.trace_id if MAJOR >= 3 else root.request_id
    child = client.start_span("child", key, parent_id=root.span_id)
    client.end_span(key, child.span_id)
    client.end_trace(key, outputs={"b": 2})
    flush()
    trace = client.get_trace(key)
    assert {span.name for span in trace.data.spans} == {"by hand", "child"}
    assert trace.info.tags["t"] == "v"


def test_tags_of_a_trace_are_set_and_deleted(client, traced):
    key = traced()
    client.set_trace_tag(key, "grade", "good ñ")
    assert client.get_trace(key).info.tags["grade"] == "good ñ"
    client.delete_trace_tag(key, "grade")
    assert "grade" not in client.get_trace(key).info.tags


def test_deleting_a_tag_that_is_not_there_is_refused(client, traced):
    with refused(MISSING):
        client.delete_trace_tag(traced(), "nothing")


def test_search_by_tag_status_and_name(client, traced, fluent_experiment):
    good, other = traced("first"), traced("second")
    client.set_trace_tag(good, "grade", "good")

    def search(condition):
        return {trace_id(trace) for trace in searched(client, fluent_experiment, condition)}

    assert search(None) == {good, other}
    assert search("tags.grade = 'good'") == {good}
    assert search("status = 'OK'") == {good, other}
    assert search("status = 'ERROR'") == set()
    assert search("timestamp_ms > 0") == {good, other}
    assert search("tags.mlflow.traceName = 'second'") == {other}


def test_search_in_pages_gives_each_once_newest_first(client, traced, fluent_experiment):
    made = [traced(f"t{n}") for n in range(5)]
    seen, token = [], None
    for _ in range(6):
        page = searched(client, fluent_experiment, max_results=2, page_token=token)
        seen += [trace_id(trace) for trace in page]
        token = page.token
        if not token:
            break
    assert sorted(seen) == sorted(made)
    oldest = searched(client, fluent_experiment, order_by=["timestamp_ms ASC"])
    times = [trace.info.timestamp_ms for trace in oldest]
    assert times == sorted(times)


def test_traces_are_deleted_by_id_and_by_time(client, traced, fluent_experiment):
    first, second, third = (traced() for _ in range(3))
    ids = {"trace_ids" if MAJOR >= 3 else "request_ids": [first]}
    assert client.delete_traces(fluent_experiment, **ids) == 1
    left = {trace_id(trace) for trace in searched(client, fluent_experiment)}
    assert left == {second, third}
    far = 10**14
    assert client.delete_traces(fluent_experiment, max_timestamp_millis=far, max_traces=10) == 2
    assert list(searched(client, fluent_experiment)) == []


def test_a_trace_of_a_run_is_found_by_the_run(client, fluent_experiment):
    with mlflow.start_run() as run, mlflow.start_span(name="inside"):
        pass
    flush()
    with mlflow.start_span(name="outside"):
        pass
    flush()
    found = searched(client, fluent_experiment, run_id=run.info.run_id)
    assert [trace.data.spans[0].name for trace in found] == ["inside"]


def test_a_trace_of_nobody_is_an_error(client):
    with pytest.raises(mlflow.MlflowException):
        client.get_trace("tr-" + "0" * 32)


def test_traces_come_as_a_frame(client, traced, fluent_experiment):
    traced()
    frame = mlflow.search_traces(experiment_ids=[fluent_experiment])
    assert len(frame) == 1
