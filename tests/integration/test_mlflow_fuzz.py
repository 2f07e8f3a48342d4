"""Whatever is written at the MLflow door, nobody finds a bug, other people's rows, or a way out.

Filters, orders, page tokens and paths, through the whole door on both databases.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from bucle.base.settings import load_settings
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House
from bucle.interfaces.http.door import build_app
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.mlflow.site import mlflow_sites
from tests.support import postgresql
from tests.support.asgi import Answered, request

FAST = settings(
    deadline=None, derandomize=True, database=None, max_examples=60,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
MLFLOW = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
HERE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
# Each search: how it is asked, and its listing in the answer.
SEARCHES = {
    "runs": ("POST", f"{MLFLOW}/runs/search", "runs"),
    "experiments": ("POST", f"{MLFLOW}/experiments/search", "experiments"),
    "registered models": ("GET", f"{MLFLOW}/registered-models/search", "registered_models"),
    "model versions": ("GET", f"{MLFLOW}/model-versions/search", "model_versions"),
    "logged models": ("POST", f"{MLFLOW}/logged-models/search", "models"),
    "traces": ("POST", "/api/3.0/mlflow/traces/search", "traces"),
}
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
).filter(lambda text: not ("'" in text and '"' in text))
WORDS = st.sampled_from([
    "metrics.", "params.", "tags.", "attributes.", "datasets.", "attribute.", "parameter.", "m",
    "`a b`", '"a b"', "name", "run_id", "status", "start_time", "creation_time", "run_name", "end",
    "version_number", "source_path", "digest", "context", "trace.", "span.", "timestamp_ms", "=",
    "!=", "<", ">=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL", "BETWEEN",
    "AND", "OR", "NOT", "(", ")", ",", "'x'", '"x"', "'%'", "'_'", "'\\'", "''", "'", '"', "`",
    "1", "-1.5e308", "1e999", "NaN", "inf", "9" * 30, "0x10", "--", "/*", ";", "DROP TABLE runs",
    "%", "\\", "\n", "\t", "é", "\u2028", "😀", "('a','b')", "(1,2)", "('a',)", "DESC", "asc",
])  # fmt: skip
SENTENCES = st.lists(WORDS, max_size=9).map(" ".join) | TEXTS


class Door:
    """The door of a house with a little of everything in it."""

    def __init__(self, home: Path, database_url: str) -> None:
        told = {"BUCLE_HOME": str(home), "BUCLE_DATABASE_URL": database_url}
        self.house = House(load_settings(told))
        self.threads = Threads()
        self.app = build_app(mlflow_sites(self.house, self.threads))
        self.home = home
        with self.house.session().begin() as scope:
            self.bearer = {"authorization": f"Bearer {create_token(scope).bearer}"}
        self.runs = [self.make_run(text) for text in ("x", "it's", 'say "x"', "100%", "a_b", "é")]
        self.post("registered-models/create", name="m")
        for _ in range(3):
            self.post("model-versions/create", name="m", source="s3://bucket/model")
        for number in range(3):
            self.post("experiments/create", name=f"e{number}")
            self.post("registered-models/create", name=f"m{number}")
            self.post("logged-models", experiment_id="0", name=f"l{number}")
            self.make_trace(f"tr-{number:032x}")

    def make_run(self, text: str) -> str:
        """Make a run with a parameter, a tag and a metric."""
        made = self.post("runs/create", experiment_id="0", start_time=1, run_name=text)
        run = made["run"]["info"]["run_id"]
        metric = {"key": "m", "value": 1.0, "timestamp": 1, "step": 0}
        pair = {"key": "a b", "value": text}
        self.post("runs/log-batch", run_id=run, metrics=[metric], params=[pair], tags=[pair])
        return run

    def make_trace(self, trace_id: str) -> None:
        """Make a trace with a tag."""
        info = {
            "trace_id": trace_id, "request_time": "2026-01-02T03:04:05Z", "state": "OK",
            "trace_location": HERE, "tags": {"a b": "x"},
        }  # fmt: skip
        fields = {"trace": {"trace_info": info}}
        assert self.call("POST", "/api/3.0/mlflow/traces", **fields).status == 200

    def call(self, method: str, path: str, **fields: Any) -> Answered:
        """Send fields as JSON, or in the query."""
        if method == "GET":
            query = urlencode({k: v for k, v in fields.items() if v != []}, doseq=True)
            return request(self.app, method, f"{path}?{query}", None, self.bearer)
        return request(self.app, method, path, fields, self.bearer)

    def post(self, path: str, **fields: Any) -> Any:
        """Make a call that has to go well."""
        answer = self.call("POST", f"{MLFLOW}/{path}", **fields)
        assert answer.status == 200, answer.body
        return answer.json

    def search(self, what: str, **fields: Any) -> Answered:
        """Search in everything that is there."""
        method, path, _ = SEARCHES[what]
        if what in {"runs", "logged models"}:
            fields["experiment_ids"] = ["0"]
        if what == "traces":
            fields["locations"] = [HERE]
        if what == "logged models" and "order_by" in fields:
            fields["order_by"] = [{"field_name": text} for text in fields["order_by"]]
        return self.call(method, path, **fields)

    def close(self) -> None:
        """Close the house."""
        self.threads.close()
        self.house.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def door(request, tmp_path_factory) -> Iterator[Door]:
    home = tmp_path_factory.mktemp("fuzzed")
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            admin = request.getfixturevalue("_postgresql_server")
            url = stack.enter_context(postgresql.throwaway_database(admin))
        made = Door(home, url)
        yield made
        made.close()


def is_no_bug(answer: Answered) -> None:
    """Check that an answer is a good one, or a refusal of the protocol."""
    if answer.status != 200:
        assert 400 <= answer.status < 500, (answer.status, answer.body)
        assert answer.json["error_code"] != "INTERNAL_ERROR"
        assert answer.json["message"]


@pytest.mark.parametrize("what", SEARCHES)
def test_no_filter_finds_a_bug(door: Door, what: str) -> None:
    @FAST
    @given(text=SENTENCES)
    @example(text="metrics.m = 1e999")
    @example(text="params.`a b` RLIKE '('")
    @example(text="tags.a IN ()")
    @example(text="(" * 500)
    @example(text="name = 'x' AND " * 200)
    @example(text="attributes.start_time > 99999999999999999999999999")
    @example(text="name LIKE '\\'")
    def ask(text: str) -> None:
        answer = door.search(what, filter=text)
        is_no_bug(answer)
        if answer.status != 200:
            assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"

    ask()


@pytest.mark.parametrize("what", SEARCHES)
def test_no_order_finds_a_bug(door: Door, what: str) -> None:
    @FAST
    @given(orders=st.lists(SENTENCES, min_size=1, max_size=3))
    @example(orders=["metrics.m DESC; DROP TABLE runs"])
    @example(orders=["params.`a b`", "params.`a b` DESC"])
    def ask(orders: list[str]) -> None:
        is_no_bug(door.search(what, order_by=orders))

    ask()


@pytest.mark.parametrize("group", ["params", "tags"])
def test_a_value_is_found_letter_by_letter_and_finds_nothing_else(door: Door, group: str) -> None:
    kept: dict[str, str] = {}

    @FAST
    @given(text=TEXTS)
    @example(text="' OR 1=1 --")
    @example(text="%")
    @example(text="\\")
    @example(text="x'); DROP TABLE runs; --")
    def find(text: str) -> None:
        if text not in kept:
            kept[text] = door.make_run(text)
        mark = '"' if "'" in text else "'"
        answer = door.search("runs", filter=f"{group}.`a b` = {mark}{text}{mark}", max_results=50)
        assert answer.status == 200, answer.body
        found = {run["info"]["run_id"] for run in answer.json.get("runs", [])}
        assert kept[text] in found
        assert not found & {run for other, run in kept.items() if other != text}

    find()


@pytest.mark.parametrize("what", SEARCHES)
def test_nothing_that_is_written_into_a_search_becomes_sql(door: Door, what: str) -> None:
    mark = "qzxj"
    said: list[str] = []

    def listen(_connection, _cursor, statement, *_more) -> None:
        said.append(statement)

    engine = door.house.drivers.database.engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        for field in ("name", "attributes.name", "params.{0}", "tags.{0}", "tags.`{0}`", "run_id",
                      "metrics.{0}", "attributes.run_name", "attributes.status"):  # fmt: skip
            for value in ("= '{0}'", "LIKE '%{0}%'", "IN ('{0}')", '= "{0}"', "> 1", "IS NULL"):
                text = f"{field} {value}".format(mark)
                is_no_bug(door.search(what, filter=text))
            is_no_bug(door.search(what, order_by=[field.format(mark)]))
        is_no_bug(door.search(what, page_token=mark))
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert said
    assert not [statement for statement in said if mark in statement]


TOKENS = st.one_of(
    st.text(max_size=40).filter(lambda text: "\0" not in text),
    st.recursive(
        st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=4),
    ).map(lambda place: base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")),
)


def token_of(door: Door, what: str, **fields: Any) -> str:
    return door.search(what, max_results=2, **fields).json.get("next_page_token", "")


@pytest.mark.parametrize("what", SEARCHES)
def test_a_page_token_that_nobody_gave_is_refused(door: Door, what: str) -> None:
    @FAST
    @given(token=TOKENS.filter(bool))
    def ask(token: str) -> None:
        answer = door.search(what, page_token=token)
        assert answer.status == 400, (token, answer.body)
        assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"

    ask()


@pytest.mark.parametrize("what", SEARCHES)
def test_a_page_token_that_was_changed_is_refused_or_leads_somewhere(door: Door, what: str) -> None:
    token = token_of(door, what)
    assert token

    @FAST
    @given(place=st.integers(0, len(token) - 1), letter=st.characters(codec="ascii"))
    def ask(place: int, letter: str) -> None:
        if letter != "\0":
            changed = token[:place] + letter + token[place + 1 :]
            is_no_bug(door.search(what, page_token=changed))

    ask()


@pytest.mark.parametrize("what", SEARCHES)
def test_pages_that_follow_each_other_show_everything_once(door: Door, what: str) -> None:
    _, _, listing = SEARCHES[what]
    seen: list[str] = []
    fields: dict[str, Any] = {}
    for _ in range(1000):
        page = door.search(what, max_results=2, **fields).json
        seen += [msgspec.json.encode(item).decode() for item in page.get(listing, [])]
        if not page.get("next_page_token"):
            break
        fields = {"page_token": page["next_page_token"]}
    assert len(seen) >= 3
    assert len(set(seen)) == len(seen)


def test_a_page_token_of_one_listing_is_none_of_another(door: Door) -> None:
    tokens = {what: token_of(door, what) for what in SEARCHES}
    assert all(tokens.values())
    for made, token in tokens.items():
        for what in SEARCHES:
            if token and what != made:
                assert door.search(what, page_token=token).status == 400, (made, what)
    of_filter = token_of(door, "runs", filter="metrics.m > 0")
    assert door.search("runs", page_token=of_filter).status == 400


SEGMENTS = st.sampled_from([
    "..", ".", "", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%2f..", "..%5c..", "%5c", "a", "é",
    "%c3%a9", "%ff", "%00", "C:", "%2fetc%2fpasswd", "file:", "a%20b", "..;", "...", "~", "%u002e",
    "etc", "passwd", "0", "models", "traces", "artifacts", "%0a", "%23", "%3f", "a" * 300,
])  # fmt: skip
PATHS = st.lists(SEGMENTS, min_size=1, max_size=8).map("/".join)


def files_outside(door: Door) -> set[Path]:
    """Return the files beside the house's own: none may come or go."""
    return {path for path in door.home.parent.iterdir() if path != door.home}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "HEAD"])
def test_no_path_of_an_artifact_leads_out_or_finds_a_bug(door: Door, method: str) -> None:
    before = files_outside(door)
    run = door.runs[0]

    @FAST
    @given(path=PATHS, inside=st.booleans())
    @example(path="../../../../etc/passwd", inside=True)
    @example(path="%2e%2e/%2e%2e/%2e%2e/etc/passwd", inside=True)
    @example(path="..%2f..%2f..%2fetc%2fpasswd", inside=True)
    def ask(path: str, inside: bool) -> None:  # noqa: FBT001 - hypothesis names it
        start = f"{ARTIFACTS}/0/{run}/artifacts/" if inside else f"{ARTIFACTS}/"
        answer = request(door.app, method, start + path, b"content", door.bearer)
        if method == "HEAD":
            assert answer.status < 500
            return
        if answer.status == 200:
            assert b"root:" not in answer.body
        else:
            is_no_bug(answer)
        if climbs(path):
            assert answer.status != 200, path

    ask()
    assert files_outside(door) == before


def climbs(path: str) -> bool:
    """Tell whether a path has a part that leads up, decoded as often as anybody might."""
    for _ in range(2):
        path = unquote(path)
    parts = path.replace("\\", "/").split("/")
    return ".." in parts


@pytest.mark.parametrize(
    "ask",
    [
        ("GET", f"{MLFLOW}/artifacts/list?run_id={{run}}&path={{path}}"),
        ("GET", f"{ARTIFACTS}?path={{path}}"),
        ("GET", "/get-artifact?run_uuid={run}&path={path}"),
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={path}"),
        ("GET", f"{MLFLOW}/registered-models/get?name={{path}}"),
        ("GET", f"{MLFLOW}/experiments/get-by-name?experiment_name={{path}}"),
        ("GET", f"{MLFLOW}/runs/get?run_id={{path}}"),
        ("GET", f"{MLFLOW}/metrics/get-history?run_id={{run}}&metric_key={{path}}"),
    ],
    ids=lambda ask: ask[1].split("?")[0],
)  # fmt: skip
def test_no_path_or_name_in_a_query_leads_out_or_finds_a_bug(door: Door, ask) -> None:
    method, form = ask

    @FAST
    @given(path=PATHS | TEXTS.map(lambda text: quote(text, safe="")))
    @example(path="../../../etc/passwd")
    @example(path="%2e%2e/%2e%2e/etc/passwd")
    def asked(path: str) -> None:
        asked_for = form.format(run=door.runs[0], path=path)
        answer = request(door.app, method, asked_for, b"content", door.bearer)
        is_no_bug(answer)
        assert b"root:" not in answer.body

    asked()


BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "run_id", "key", "value", "metrics", "params", "tags", "timestamp", "step", "name", "alias",
        "experiment_id", "status", "page_token", "max_results", "filter", "order_by", "source",
    ]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("path", [
    "runs/create", "runs/update", "runs/log-metric", "runs/log-batch", "runs/log-parameter",
    "runs/set-tag", "runs/search", "runs/log-inputs", "experiments/create", "experiments/search",
    "registered-models/create", "model-versions/create", "registered-models/alias",
    "logged-models", "logged-models/search",
])  # fmt: skip
def test_no_body_finds_a_bug(door: Door, path: str) -> None:
    @FAST
    @given(body=BODIES.map(as_json) | st.binary(max_size=30))
    def ask(body: bytes) -> None:
        is_no_bug(request(door.app, "POST", f"{MLFLOW}/{path}", body, door.bearer))

    ask()


def as_json(value: object) -> bytes:
    """Encode as Python's JSON does, which writes NaN and Infinity as words."""
    return json.dumps(value).encode()
