"""What is declared of a source makes sense, tells no secret, and is for those who may run code."""

import pytest

from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.governance.lineage.trace import trace
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle import data
from tests.unit.lifecycle.data.sourcing.shop import declare, ids, pull, report, sqlite_shop

PG = "postgresql://ana@db/shop"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"url": "postgresql://ana:geheim@db/shop", "table": "t"}, "a password is written out"),
        ({"url": "https://a.example/x?api_key=abc"}, "'api_key' looks like a secret"),
        ({"url": "https://a.example/x", "headers": {"X-Auth-Token": "abc"}}, "looks like a secret"),
        ({"url": "nothing"}, "is not the address of a source"),
        ({"url": PG}, "a table or a query"),
        ({"url": PG, "table": "t", "query": "SELECT 1"}, "a table or a query"),
        ({"url": PG, "query": "DELETE FROM t"}, "one SELECT"),
        ({"url": PG, "table": "t", "mode": "append"}, "would double them"),
        ({"url": PG, "table": "t", "mode": "replace", "watermark": "at"}, "replace all others"),
        ({"url": PG, "table": "t", "mode": "upsert"}, "needs a key"),
        ({"url": PG, "table": "t", "lag": "1h"}, "a lag is behind a watermark"),
        ({"url": "https://a.example/x", "table": "t"}, "'table' is of databases"),
        ({"url": "topic:t", "mode": "replace"}, "can not replace"),
        ({"url": "topic:t", "schedule": "99 * * * *"}, "is no schedule"),
        ({"url": "topic:t", "schedule": "often"}, "is no schedule"),
        ({"url": "topic:t", "most_bytes": "lots"}, "not a size"),
    ],
)
def test_what_makes_no_sense_is_refused(session: Session, source: dict, said: str):
    with pytest.raises(Invalid, match=said):
        declare(session, **source)


def test_to_declare_a_source_takes_the_permission_to_run_code(house: House):
    scientist = Principal(name="ana", grants=(Grant(role="scientist", project="default"),))
    with pytest.raises(Denied, match="control:apply"):
        declare(house.session(scientist), "file:///etc/*")


def test_another_watermark_begins_anew_only_when_the_old_one_is_forgotten(
    session: Session, tmp_path
):
    shop = sqlite_shop(tmp_path)
    shop.add((1, "2026-03-01 10:00:00", 1.5, "a"))
    declare(session, shop.url, table="orders", watermark="at")
    pull(session)
    with pytest.raises(Refused, match="drawn by the watermark 'at'"):
        declare(session, shop.url, table="orders", watermark="id")
    with session.begin() as scope:
        data.remove_source(scope, "orders")
    with session.begin(write=False) as scope, pytest.raises(NotFound, match="no source"):
        data.get_source(scope, "orders")
    with pytest.raises(NotFound, match="has no source"):
        pull(session)
    declare(session, shop.url, table="orders", watermark="id")
    assert (pull(session).rows, ids(session)) == (1, [1, 1])
    shop.close()


def test_a_version_leads_back_to_where_its_rows_were_drawn_from(session: Session, tmp_path):
    shop = sqlite_shop(tmp_path)
    shop.add((1, "2026-03-01 10:00:00", 1.5, "a"))
    declare(session, shop.url, table="orders", watermark="at")
    version = pull(session).version
    assert version is not None
    with session.begin(write=False) as scope:
        edges = trace(scope, version)
    assert f"source:sqlite:///{tmp_path}/shop.db#orders" in str(edges)
    shop.close()


def test_a_variable_that_is_not_set_is_told_and_kept_as_the_error(session: Session):
    declare(session, "postgresql://ana:${NOT_SET_HERE}@db/shop", table="t")
    with pytest.raises(Invalid, match="'NOT_SET_HERE', which is not set"):
        pull(session)
    assert (report(session).failures, "NOT_SET_HERE" in report(session).error) == (1, True)
