import asyncio
from collections.abc import Callable

import pytest

from bucle.governance.session import House
from bucle.interfaces.predict import explanations
from bucle.interfaces.predict.process import ModelServer
from tests.support.asgi import asked, request

ROW = {"heat": 5.0, "city": "here"}  # the example's mean heat is 2.5, and the model is `1 * heat`


def test_what_each_column_adds_is_told_with_the_largest_first(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/explain/demand", {"rows": [ROW, {**ROW, "heat": 1}]})
    assert answered.status == 200
    assert (answered.json["method"], answered.json["space"]) == ("exact", "prediction")
    assert answered.json["model"] == "model:demand@1"
    assert answered.json["reference_rows"] == 4
    assert [row["contributions"] for row in answered.json["rows"]] == [
        {"heat": 2.5, "city": 0.0},
        {"heat": -1.5, "city": 0.0},
    ]
    assert [(row["base"], row["output"]) for row in answered.json["rows"]] == [(2.5, 5), (2.5, 1)]
    assert list(answered.json["rows"][0]["contributions"]) == ["heat", "city"]


def test_the_columns_after_the_first_few_are_added_up(server: ModelServer) -> None:
    (row,) = request(server.app, "POST", "/explain/demand?top=1", ROW).json["rows"]
    assert (row["contributions"], row["others"]) == ({"heat": 2.5}, 0.0)


def test_rows_come_as_csv_too(server: ModelServer) -> None:
    headers = {"content-type": "text/csv"}
    answered = request(server.app, "POST", "/explain/demand", b"heat,city\n5,here\n", headers)
    assert answered.json["rows"][0]["output"] == 5.0


@pytest.mark.parametrize(
    ("path", "row", "status", "said"),
    [
        ("/explain/demand", {"heat": "warm", "city": "here"}, 400, "'heat' takes float64"),
        ("/explain/demand", {"city": "here"}, 400, "'heat' is missing"),
        ("/explain/demand", {"rows": [ROW] * 101}, 400, "100 can be explained"),
        ("/explain/demand", {"heat": 666.0, "city": "here"}, 422, "that is too hot"),
        ("/explain/demand?top=x", ROW, 400, "top='x' is no number from 1"),
        ("/explain/demand?calls=999999999999", ROW, 400, "is no number from 1 to 500000"),
        ("/explain/demand?top=%ff", ROW, 400, "the query is not understood"),
        ("/explain/demand?colour=red", ROW, 400, "'colour' means nothing here"),
        ("/explain/demand?class=hot", ROW, 400, "the model has no classes"),
        ("/explain/demand?version=7", ROW, 404, "does not serve version 7"),
        ("/explain/other", ROW, 404, "no deployment 'other'"),
    ],
)
def test_what_is_wrong_is_said(server: ModelServer, path: str, row, status: int, said: str) -> None:
    answered = request(server.app, "POST", path, row)
    assert answered.status == status
    assert said in answered.json["message"]


def test_explanations_are_counted_apart_and_leave_no_prediction(server: ModelServer) -> None:
    request(server.app, "POST", "/explain/demand", ROW)
    text = request(server.app, "GET", "/metrics").body.decode()
    labels = 'project="default",deployment="demand",method="exact"'
    assert f"bucle_predict_explanations_total{{{labels}}} 1" in text
    assert "bucle_predict_requests_total{" not in text
    assert server.log.health().logged_rows == 0


def test_too_many_at_once_are_told_to_come_again(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "WAITING_LIMIT", 2)

    async def many() -> list[int]:
        answers = [asked(server.app, "POST", "/explain/demand", ROW) for _ in range(5)]
        return sorted([one.status for one in await asyncio.gather(*answers)])

    assert asyncio.run(many()) == [200, 200, 429, 429, 429]


def test_an_explanation_that_takes_too_long_is_given_up(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "ANSWER_LIMIT_S", -1.0)
    assert request(server.app, "POST", "/explain/demand", ROW).status == 504


def test_a_server_that_others_can_reach_wants_a_token(
    house: House, start_server: Callable[..., ModelServer]
) -> None:
    app = start_server(host="0.0.0.0").app
    assert request(app, "POST", "/explain/demand", ROW).status == 401
