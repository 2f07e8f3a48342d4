"""Real data are explored, asked, compared and decided on; here and at a server alike."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest

from bucle.base.errors import Invalid, NotFound, Refused


def test_two_years_of_bicycles_are_asked_and_compared(
    client, shared_data: Callable[[str], Path]
) -> None:
    table = pa_csv.read_csv(shared_data("bike_hour.csv"))
    bikes = client.dataset("bikes")
    first = bikes.commit(table.filter(pc.equal(table["yr"], 0)), message="2011")
    second = bikes.commit(table, message="2011 and 2012")
    by_year = client.sql(
        "SELECT b.yr, count(*) AS hours, sum(b.cnt) AS rentals, count(a.instant) AS before "
        "FROM bikes@2 b LEFT JOIN bikes@1 a USING (instant) GROUP BY ALL ORDER BY b.yr"
    )
    assert by_year.column("hours").to_pylist() == [8645, 8734]
    assert [int(one) for one in by_year.column("rentals").to_pylist()] == [1_243_103, 2_049_576]
    assert by_year.column("before").to_pylist() == [8645, 0]

    sql = "SELECT dteday, sum(cnt)::BIGINT AS rentals FROM bikes@2 GROUP BY dteday ORDER BY dteday"
    days = client.call("data.derive", name="days", sql=sql)
    assert (days.rows, days.message) == (731, sql)
    assert client.call("data.derive", name="days", sql=sql).ref == days.ref
    traced = client.lineage.trace(str(days.ref))
    queried = [edge for edge in traced.edges if edge.relation == "queried"]
    assert [(str(edge.source), edge.detail) for edge in queried] == [
        (str(second.ref), {"sql": sql})
    ]

    found = client.call("data.explore", ref="bikes@2", target="cnt", time="dteday")
    leak = next(one for one in found.findings if one.kind == "leak")
    assert leak.columns == ("registered",)  # part of what is to be predicted
    assert (found.times.unit, found.times.empty, found.times.gaps) == ("week", 0, ())
    moved = client.call("data.drift", left=str(first.ref), right=str(second.ref))
    verdicts = {verdict.name: verdict.ok for verdict in moved.verdicts}
    assert (verdicts["drift:yr"], verdicts["drift:hr"], moved.ok) == (False, True, False)

    assert not client.call("data.readiness", ref="bikes").ok
    client.call("data.decide", ref="bikes@2", decision="go", reason=["registered is left out"])
    bikes.commit(table.slice(0, 17_000))
    ready = client.call("data.readiness", ref="bikes")
    assert (ready.ok, ready.inherited) == (True, True)
    assert [one.ok for one in client.call("data.decisions", ref="bikes")] == [True]

    for wrong, error in [
        ("SELECT cnnt FROM bikes", Invalid), ("SELECT cnt FROM bike", NotFound),
        ("SELECT * FROM read_csv('/etc/passwd')", Invalid), ("DROP TABLE bikes", Invalid),
    ]:  # fmt: skip
        with pytest.raises(error) as caught:
            client.sql(wrong)
        assert caught.value.hint
    with pytest.raises(Refused, match="longer than"):
        client.sql("SELECT count(*) FROM bikes a, bikes b, bikes c", timeout=0.5)


def test_the_scenario_of_a_fraud_is_found_to_know_too_much(
    client, shared_data: Callable[[str], Path]
) -> None:
    client.call("data.commit", name="cards", files=[shared_data("card_transactions.parquet")])
    found = client.call("data.explore", ref="cards", target="is_fraud", time="event_time")
    worst = found.findings[0]
    assert (worst.kind, worst.severity, worst.columns) == ("leak", "stop", ("fraud_scenario",))
    assert found.leaks[0].decides == 1.0
    assert (found.rows, found.duplicates.rows) == (1_754_155, 0)
    assert 190_000 < found.sampled < 210_000
    assert [one.value for one in found.target.classes] == ["0", "1"]
    assert found.target.classes[1].rows == 14_681
    assert found.times.first.isoformat().startswith("2018-04-01T00:00")
    assert (len(found.times.periods), found.times.empty) == (183, 0)
    assert found.times.hourly_strength > 0.8  # people sleep
    assert "transaction_id" in found.unpaired
