"""A producer breaks a contract, is told what to do, does it; an auditor finds the data by words."""

import pyarrow as pa
import pytest

from bucle.base.errors import Denied
from bucle.interfaces.client.client import Client, connect
from bucle.lifecycle.data import Expectation
from tests.support.servers import Running, server

pytestmark = pytest.mark.story

GOOD = pa.table({"id": [1, 2, 3], "importe_eur": [4.5, 6.0, 1.0],
                 "correo": [f"c{place}@example.org" for place in range(3)]})  # fmt: skip
BAD = pa.table({"id": [4, 5], "importe_eur": [-4.5, 6.0], "correo": ["a@b.es", "c@d.es"]})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    with server(tmp_path_factory.mktemp("home"), project="bank") as started:
        yield started


def as_(running: Running, owner: Client, name: str, role: str) -> Client:
    owner.access.add(name=name)
    owner.access.grant(name=name, role=role)
    token = owner.access.create_token(principal=name).bearer
    return connect(running.url, token=token, project="bank")


def test_a_broken_contract_is_a_task_until_it_is_kept_again(running: Running) -> None:
    owner = connect(running.url, token=running.token, project="bank")
    feed = as_(running, owner, "card-feed", "producer")
    auditor = as_(running, owner, "eva", "auditor")

    # The producer delivers, and both agree upon what comes.
    feed.dataset("payments").commit(GOOD)
    owner.data.propose_contract(
        name="payments", producer="card-feed", as_it_is=True, fresh_within="1d",
        expectations=[Expectation(column="importe_eur", min=0)],
    )  # fmt: skip
    (asked,) = feed.tasks.list(mine=True).items
    assert asked.kind == "contract.proposed"
    assert feed.data.accept_contract("payments").state == "accepted"

    # A bad delivery is committed all the same, and is the producer's to mend.
    feed.dataset("payments").commit(BAD)
    (task,) = feed.tasks.list(mine=True).items
    assert (task.kind, task.receiver) == ("contract.expectations", "card-feed")
    assert "importe_eur >= 0: 1 of 2 rows" in task.why
    with pytest.raises(Denied):
        auditor.tasks.close(task.ref.name, reason="not mine")

    # The next good one closes it; nobody has to.
    feed.dataset("payments").commit(GOOD)
    assert feed.tasks.list(mine=True).items == ()
    (closed,) = feed.tasks.list(state="closed", kind="contract.expectations").items
    assert closed.reason == "dataset:payments@3 keeps contract:payments@1"

    # What people say of it, and what they confirmed, is found by who may only look.
    owner.data.describe("payments", owner="ana", description="Cada pago con tarjeta")
    owner.data.propose_columns("payments")
    owner.data.confirm_columns("payments", ["correo"])
    for text in ("pagos tarjetas", "sensitivity:personal", "columna:importe*", "owner:ana"):
        (hit,) = auditor.data.search(text).items
        assert str(hit.ref) == "dataset:payments"
    described = [event.type for event in auditor.audit.events(limit=50).items]
    assert {"task.opened", "task.closed", "contract.accepted", "dataset.described"} <= {*described}
