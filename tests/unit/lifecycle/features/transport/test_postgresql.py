"""Dead letters and the lease of a follower on PostgreSQL, as on SQLite in the tests beside."""

import msgspec
import pytest

from bucle.base.errors import Conflict
from bucle.lifecycle.features import register_view
from bucle.lifecycle.features.transport import follow, list_dead, replay_dead, send
from bucle.lifecycle.features.transport.lease import following
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import SPENDING

GOOD = {"card": 1, "at": "2025-12-31T10:00:00Z", "amount": 1.5, "fraud": False}


@pytest.mark.service
def test_a_bad_event_is_put_aside_sent_again_and_counted(tmp_path, postgresql_url):
    house = open_test_house(tmp_path, online_url="memory:", database_url=postgresql_url)
    session = house.session()
    with session.begin() as scope:
        view = register_view(scope, msgspec.structs.replace(SPENDING, stream="payments")).ref
    send(session, "payments", [GOOD, GOOD, GOOD | {"fraud": "no"}])
    with following(session, view), pytest.raises(Conflict, match="another process"):
        follow(session, view)
    assert (follow(session, view).applied, follow(session, view).dead) == (2, 0)
    with session.begin(write=False) as scope:
        (letter,) = list_dead(scope, view).items
    replay_dead(session, view, position=letter.position, event=GOOD)
    assert follow(session, view).applied == 1
    house.close()
