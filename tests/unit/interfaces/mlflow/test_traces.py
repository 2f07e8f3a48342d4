"""Traces over the protocol, as both kinds of client send them and ask for them."""

import pytest

from tests.support.otlp import SPAN, TRACE, fixed, held, pair, request, whole

ID = f"tr-{TRACE.hex()}"
V3, V2 = "/api/3.0/mlflow/traces", "/api/2.0/mlflow/traces"
HERE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
PROTOBUF = {"content-type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}


def info(**fields):
    return {"trace": {"trace_info": {
        "trace_id": ID, "request_time": "2026-01-02T03:04:05.678901234Z", "state": "OK",
        "execution_duration": "1.250s", "trace_metadata": {"m": "1"}, "tags": {"t": "v"},
        "trace_location": HERE,
        **fields}}}  # fmt: skip


def sent_span(*, error=False, parent=b"", end=3_000_000):
    status = held(15, whole(3, 2)) if error else b""
    span = held(1, TRACE) + held(2, SPAN) + held(5, "step") + fixed(7, 1_000_000) + fixed(8, end)
    span += held(4, parent) if parent else b""
    return request(span + pair("mlflow.spanType", held(1, "LLM")) + status)


@pytest.fixture
def started(call):
    return call("POST", V3, info()).json["trace"]["trace_info"]


def test_a_trace_comes_back_as_it_was_told(call, started):
    assert started == call("GET", f"{V3}/{ID}").json["trace"]["trace_info"]
    assert started["request_time"] == "2026-01-02T03:04:05.678Z"
    assert (started["execution_duration"], started["state"]) == ("1.250s", "OK")
    assert started["trace_metadata"]["m"] == "1"
    assert (
        started["tags"]["mlflow.artifactLocation"] == f"mlflow-artifacts:/0/traces/{ID}/artifacts"
    )


def test_spans_come_back_whether_they_came_before_or_after_their_trace(call):
    for _ in range(2):
        assert call("POST", "/v1/traces", sent_span(), **PROTOBUF).status == 200
        call("POST", V3, info())
    found = call("GET", f"{V3}/get?trace_id={ID}").json["trace"]
    (span,) = found["spans"]
    assert (span["name"], found["trace_info"]["state"]) == ("step", "OK")
    assert found["trace_info"]["tags"]["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert found["trace_info"]["execution_duration"] == "1.250s"  # the spans' own is 2 ms
    both = call("GET", f"{V3}/batchGet?trace_ids={ID}&trace_ids=tr-none").json["traces"]
    assert [len(one["spans"]) for one in both] == [1]


@pytest.mark.parametrize(("sent", "state"), [(sent_span(), "OK"), (sent_span(error=True), "ERROR"),
                                             (sent_span(parent=b"12345678"), "IN_PROGRESS"),
                                             (sent_span(end=0), "IN_PROGRESS")])  # fmt: skip
def test_spans_alone_tell_the_state_of_their_trace(call, sent, state):
    call("POST", "/v1/traces", sent, **PROTOBUF)
    assert call("GET", f"{V3}/{ID}").json["trace"]["trace_info"]["state"] == state


def test_a_client_before_3_begins_and_ends_a_trace(call):
    body = {"experiment_id": "0", "timestamp_ms": 1000, "tags": [{"key": "t", "value": "v"}]}
    begun = call("POST", V2, body).json["trace_info"]
    assert begun["status"] == "IN_PROGRESS"
    address = f"{V2}/{begun['request_id']}"
    ended = call("PATCH", address, {"timestamp_ms": 1500, "status": "OK"}).json["trace_info"]
    assert (ended["execution_time_ms"], ended["status"]) == (500, "OK")
    assert {"key": "t", "value": "v"} in ended["tags"]
    assert call("GET", f"{address}/info").json["trace_info"] == ended
    assert call("GET", f"{V2}?experiment_ids=0").json["traces"] == [ended]


def found(call, text, **more):
    return call("POST", f"{V3}/search", {"locations": [HERE], "filter": text, **more})


@pytest.mark.parametrize("text", ["tags.t = 'v'", "metadata.m = '1'", "trace.status = 'OK'",
                                  "span.name LIKE 'st%'", "span.type IN ('LLM')",
                                  "trace.text LIKE '%step%'", "timestamp_ms > 5",
                                  "execution_time = 1250", f"request_id = '{ID}'",
                                  "tags.none IS NULL",
                                  "span.attributes.mlflow.spanType = 'LLM'"])  # fmt: skip
def test_a_search_finds_a_trace_by(call, started, text):
    call("POST", "/v1/traces", sent_span(), **PROTOBUF)
    assert [one["trace_id"] for one in found(call, text).json["traces"]] == [ID]
    assert found(call, f"{text} AND tags.t = 'w'").json["traces"] == []


@pytest.mark.parametrize("text", ["nothing", "tags.t", "foo.a = 'b'", "span.no = 'a'", "tags.t > 3",
                                  "feedback.x LIKE 3", "'; DROP TABLE traces"])  # fmt: skip
def test_a_search_that_can_not_be_read_is_refused(call, started, text):
    answer = found(call, text)
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_pages_give_each_trace_once_the_newest_first(call):
    ids = [f"tr-{number}" for number in range(5)]
    for second, id_ in enumerate(ids):
        call("POST", V3, info(trace_id=id_, request_time=f"2026-01-01T00:00:0{second}Z"))
    seen, token = [], ""
    while token is not None:
        page = found(call, "", max_results=2, page_token=token).json
        seen += [one["trace_id"] for one in page["traces"]]
        token = page.get("next_page_token")
    assert seen == ids[::-1]
    assert found(call, "", page_token="garbled").status == 400


def test_tags_are_set_and_removed(call, started):
    assert call("PATCH", f"{V3}/{ID}/tags", {"key": "new", "value": "1"}).status == 200
    assert call("GET", f"{V3}/{ID}").json["trace"]["trace_info"]["tags"]["new"] == "1"
    assert call("DELETE", f"{V2}/{ID}/tags", {"key": "new"}).status == 200
    assert call("DELETE", f"{V2}/{ID}/tags", {"key": "new"}).status == 404


def test_a_removed_trace_takes_its_spans_and_files_along(call, started, house):
    call("POST", "/v1/traces", sent_span(), **PROTOBUF)
    file = f"/api/2.0/mlflow-artifacts/artifacts/0/traces/{ID}/artifacts/traces.json"
    call("PUT", file, b"{}")
    gone = call("POST", f"{V3}/delete-traces", {"experiment_id": "0", "request_ids": [ID]})
    assert gone.json == {"traces_deleted": 1}
    assert call("GET", f"{V3}/{ID}").json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert call("GET", file).status == 404
    with house.session().begin(write=False) as scope:
        assert scope.tx.exec_driver_sql("SELECT count(*) FROM trace_spans").scalar() == 0


@pytest.mark.parametrize("body", [{}, {"request_ids": ["a"], "max_timestamp_millis": 1},
                                  {"request_ids": ["a"], "max_traces": 1},
                                  {"max_timestamp_millis": 1, "max_traces": 0}])  # fmt: skip
def test_a_removal_says_which_traces_in_one_way(call, body):
    answer = call("POST", f"{V3}/delete-traces", {"experiment_id": "0", **body})
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"


def test_an_assessment_is_kept_changed_and_removed(call, started):
    said = {
        "assessment_name": "good",
        "feedback": {"value": True},
        "source": {"source_type": "HUMAN"},
    }
    made = call("POST", f"{V3}/{ID}/assessments", {"assessment": said}).json["assessment"]
    address = f"{V3}/{ID}/assessments/{made['assessment_id']}"
    body = {"assessment": {"feedback": {"value": 0.5}}, "update_mask": "feedback"}
    assert call("PATCH", address, body).json["assessment"]["feedback"] == {"value": 0.5}
    assert len(found(call, "feedback.good > 0.4").json["traces"]) == 1
    assert call("DELETE", address).status == 200
    assert call("GET", address).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "new",
    [{"expectation": {"value": 1}}, {"metadata": "x"}, {"metadata": None}, {"source": {}}],
    ids=str,
)
def test_an_assessment_does_not_become_another(call, started, new):
    said = {"assessment_name": "good", "feedback": {"value": 1}, "metadata": {"a": "b"}}
    made = call("POST", f"{V3}/{ID}/assessments", {"assessment": said}).json["assessment"]
    address = f"{V3}/{ID}/assessments/{made['assessment_id']}"
    answer = call("PATCH", address, {"assessment": new, "update_mask": ",".join(new)})
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"
    assert call("GET", address).json["assessment"] == made


def test_an_assessment_whose_id_is_taken_does_not_replace_the_first(call, started):
    for value, status in ((1, 200), (2, 400)):
        said = {"assessment_id": "a-1", "assessment_name": "good", "feedback": {"value": value}}
        assert call("POST", f"{V3}/{ID}/assessments", {"assessment": said}).status == status
    kept = call("GET", f"{V3}/{ID}/assessments/a-1").json["assessment"]
    assert kept["feedback"] == {"value": 1}


@pytest.mark.parametrize("said", [{}, {"assessment_name": "x"}, {"feedback": {"value": 1}}])
def test_an_assessment_that_says_nothing_is_refused(call, started, said):
    answer = call("POST", f"{V3}/{ID}/assessments", {"assessment": said})
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"


def test_spans_that_can_not_be_read_or_placed_are_refused(call):
    for body, headers in ((b"\xff", PROTOBUF), (b"", PROTOBUF), (sent_span(), {}),
                          (b"{}", PROTOBUF | {"content-type": "text/plain"}),
                          (sent_span(), PROTOBUF | {"content-encoding": "gzip"})):  # fmt: skip
        assert call("POST", "/v1/traces", body, **headers).status == 400
    lost = call("POST", "/v1/traces", sent_span(), **PROTOBUF | {"x-mlflow-experiment-id": "77"})
    assert lost.json["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_what_there_is_not_says_so(call):
    for path in (f"{V2}/link-prompts", f"{V3}/metrics"):
        assert call("POST", path, {}).json["error_code"] == "NOT_IMPLEMENTED"
