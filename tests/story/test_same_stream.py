"""The same two thousand payments through every stream store give the same features."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa
import pytest

from bucle.interfaces.client import Client, connect
from tests.unit.lifecycle.features.payments import SCHEMA, SPENDING, about_same, expected

VIEW = msgspec.structs.replace(SPENDING, stream="payments")
CARDS = (1, 2, 3)


def stream_of_payments() -> pa.Table:
    """Return payments of the last nine days, none near the end of a window for half an hour."""
    rng = random.Random(3)
    newest = datetime.now(UTC) - timedelta(minutes=30)
    rows = [
        {
            "card": rng.choice(CARDS),
            "at": newest - timedelta(hours=rng.randrange(9 * 24)),
            "amount": rng.choice([None, round(rng.uniform(1, 90), 2)]),
            "fraud": rng.random() < 0.3,
        }
        for _ in range(2_000)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def tell(client: Client) -> None:
    """Send, count, correct, and compare with what looking at every row gives."""
    table = stream_of_payments()
    events = [row | {"at": row["at"].isoformat()} for row in table.to_pylist()]
    client.features.register(**{name: getattr(VIEW, name) for name in VIEW.__struct_fields__})
    wrong = events[900] | {"card": "one"}
    for part in (events[:700], [*events[700:900], wrong, *events[901:1_500]], events[1_500:]):
        assert client.features.send("payments", events=part).events == len(part)
        client.features.follow("spending")
    (letter,) = client.features.dead("spending").items
    assert "'card' is \"one\"" in letter.reason
    client.features.replay_dead("spending", position=letter.position, event=events[900])
    assert client.features.follow("spending").applied == 1
    assert client.features.follow("spending").applied == 0
    # The corrected event came last, which is what `last` sees among events of one moment.
    order = [*range(900), *range(901, 2_000), 900]
    rows = client.features.online("spending", keys=[(card,) for card in CARDS]).rows
    for card, row in zip(CARDS, rows, strict=True):
        wanted = expected(VIEW, table.take(order), card, datetime.now(UTC))
        assert about_same(row, wanted), card


def test_payments_through_files(client: Client) -> None:
    tell(client)


@pytest.mark.service
@pytest.mark.parametrize("fixture", ["redis_url", "nats_url"])
def test_payments_through_a_server(fixture: str, request, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BUCLE_STREAMS_URL", request.getfixturevalue(fixture))
    with connect() as client:
        tell(client)
