"""What people say of a dataset: written, declared, kept, found and remembered."""

from datetime import timedelta

import pyarrow as pa
import pytest

from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.search.find import search
from bucle.governance.session import Session
from bucle.lifecycle import data

DAY = timedelta(days=1)
TIME = pa.timestamp("us", "UTC")
CLIENTS = pa.table({"id": list(range(30)), "correo": [f"u{n}@example.org" for n in range(30)],
                    "importe_eur": [float(n) for n in range(30)]})  # fmt: skip


@pytest.fixture
def clients(session: Session) -> Session:
    data.commit_table(session, "clients", CLIENTS)
    return session


def describe(session: Session, **said: object) -> data.Entry:
    with session.begin() as scope:
        return data.describe(scope, "clients", data.Description(**said))  # type: ignore[arg-type]


def column(session: Session, name: str, **said: object) -> data.EntryColumn:
    with session.begin() as scope:
        entry = data.describe_column(scope, "clients", name, **said)  # type: ignore[arg-type]
    return next(one for one in entry.columns if one.name == name)


def events(session: Session, type_: str) -> list[dict[str, object]]:
    with session.begin(write=False) as scope:
        return [event.body for event in list_events(scope).items if event.type == type_]


def found(session: Session, text: str) -> list[str]:
    with session.begin(write=False) as scope:
        return [str(hit.ref) for hit in search(scope, text).items]


def test_what_is_left_out_stays_as_it_is_and_the_audit_has_what_was(clients) -> None:
    describe(clients, owner="ana", description="Clients of the bank", tags=("a",))
    entry = describe(clients, owner="ben", licence="CC-BY-4.0")
    assert (entry.owner, entry.description, entry.tags) == ("ben", "Clients of the bank", ("a",))
    body = events(clients, "dataset.described")[0]
    assert body["before"] == {"owner": "ana", "licence": ""}
    assert body["after"] == {"owner": "ben", "licence": "CC-BY-4.0"}


def test_saying_the_same_again_leaves_no_fact(clients) -> None:
    describe(clients, owner="ana")
    describe(clients, owner="ana")
    assert len(events(clients, "dataset.described")) == 1


def test_a_column_is_described_and_found(clients) -> None:
    one = column(clients, "importe_eur", meaning="lo pagado", unit="EUR", sensitivity="none")
    assert (one.meaning, one.unit, one.sensitivity, one.type) == (
        "lo pagado", "EUR", "none", "double",
    )  # fmt: skip
    assert column(clients, "importe_eur", unit="").meaning == "lo pagado"
    assert found(clients, "pagado") == found(clients, "sensitivity:none") == ["dataset:clients"]
    with clients.begin(write=False) as scope:
        levels = data.sensitivity_of(scope.tx, scope.project, "clients")
    assert levels == {"importe_eur": "none"}


@pytest.mark.parametrize(("said", "error", "match"), [
    ({"fresh_within": "soon"}, Invalid, "not a duration"),
    ({"fresh_within": "0s"}, Invalid, "fresh within '0s'"),
    ({"tags": (" ",)}, Invalid, "not a tag"),
    ({"links": {"wiki": "javascript:alert(1)"}}, Invalid, "no address"),
])  # fmt: skip
def test_what_nobody_could_use_is_refused_and_nothing_is_kept(clients, said, error, match) -> None:
    with pytest.raises(error, match=match):
        describe(clients, owner="ana", **said)
    with clients.begin(write=False) as scope:
        assert data.get_entry(scope, "clients").owner == ""


def test_a_dataset_or_a_column_that_is_not_there_is_named(clients) -> None:
    with pytest.raises(NotFound, match="no column 'mail'"):
        column(clients, "mail", meaning="x")
    with clients.begin() as scope, pytest.raises(NotFound, match="dataset:nix"):
        data.describe(scope, "nix", data.Description(owner="ana"))


def test_what_is_declared_stands_above_what_was_written_and_is_not_written_over(clients) -> None:
    describe(clients, owner="ben", licence="MIT", tags=("written",))
    column(clients, "correo", meaning="mail", sensitivity="none")
    columns = {"correo": data.ColumnNote(sensitivity="personal")}
    spec = data.DatasetSpec(name="clients", owner="ana", tags=("declared",), columns=columns)
    with clients.begin() as scope:
        data.declare(scope, spec)
        entry = data.get_entry(scope, "clients")
        correo = next(one for one in entry.columns if one.name == "correo")
    assert (entry.owner, entry.licence, entry.tags) == ("ana", "MIT", ("declared", "written"))
    assert (correo.meaning, correo.sensitivity) == ("mail", "personal")
    with pytest.raises(Refused, match="declared as 'ana'"):
        describe(clients, owner="eva")
    with pytest.raises(Refused, match="declared as 'personal'"):
        column(clients, "correo", sensitivity="none")
    assert found(clients, "owner:ana") == ["dataset:clients"]
    assert found(clients, "owner:ben") == []


def test_a_new_column_of_a_commit_is_found_at_once(clients) -> None:
    assert found(clients, "column:city") == []
    wider = CLIENTS.append_column("city", pa.array(["x"] * 30))
    with clients.begin(write=False) as scope:
        assert data.find_head(scope, "clients") is not None
    data.commit_table(clients, "others", wider)
    assert found(clients, "column:city") == ["dataset:others"]


def test_who_may_only_read_describes_nothing(house, clients) -> None:
    eva = Principal(name="eva", grants=(Grant(role="viewer", project=clients.project),))
    with pytest.raises(Denied):
        describe(house.session(eva, clients.project), owner="eva")


def test_proposals_are_confirmed_or_rejected_and_not_made_again(clients) -> None:
    proposed = data.propose_columns(clients, "clients")
    assert [(one.column, one.kind) for one in proposed] == [
        ("correo", "email"), ("importe_eur", "quantity"),
    ]  # fmt: skip
    with clients.begin() as scope:
        assert data.get_entry(scope, "clients").proposals == 2
        entry = data.confirm_columns(scope, "clients", ("correo",))
        assert entry.columns[1].sensitivity == "personal"
        assert data.reject_columns(scope, "clients", ("importe_eur",)) == ()
    assert data.propose_columns(clients, "clients") == ()
    with clients.begin() as scope:
        (rejected,) = data.list_proposals(scope, "clients", "rejected")
        assert (rejected.column, rejected.decided_by) == ("importe_eur", scope.actor.name)
        with pytest.raises(NotFound, match="nothing is proposed of the column 'id'"):
            data.confirm_columns(scope, "clients", ("id",))


def test_what_a_person_wrote_is_not_lowered_by_a_proposal(clients) -> None:
    data.propose_columns(clients, "clients")
    column(clients, "correo", meaning="where bills go", sensitivity="secret")
    with clients.begin() as scope:
        entry = data.confirm_columns(scope, "clients")
    assert (entry.columns[1].meaning, entry.columns[1].sensitivity) == ("where bills go", "secret")


def test_of_a_column_whose_sensitivity_is_known_none_is_proposed(clients) -> None:
    column(clients, "correo", sensitivity="none")
    assert [one.column for one in data.propose_columns(clients, "clients")] == ["importe_eur"]


def test_a_dataset_is_fresh_by_its_own_time_and_said_to_be_stale_once(house, session) -> None:
    with session.begin() as scope:
        spec = data.DatasetSpec(name="trips", time="at", fresh_within="1d")
        data.declare(scope, spec)
        assert [one.ok for one in data.list_freshness(scope)] == [False]
    start = session.drivers.clock.now()
    trips = pa.table({"at": pa.array([start - DAY / 2, start - 3 * DAY], TIME)})
    data.commit_table(session, "trips", trips)
    with session.begin() as scope:
        assert data.freshness(scope, "trips").newest_at == start - DAY / 2
    data.watch_freshness(session)
    assert events(session, "dataset.became_stale") == []
    house.drivers.clock.advance(DAY)
    for _ in range(3):
        (one,) = data.watch_freshness(session)
        assert not one.ok
    assert len(events(session, "dataset.became_stale")) == 1
    newer = pa.table({"at": pa.array([start + DAY], TIME)})
    data.commit_table(session, "trips", newer)
    assert [one.ok for one in data.watch_freshness(session)] == [True]
    assert len(events(session, "dataset.became_fresh")) == 1
    house.drivers.clock.advance(3 * DAY)
    data.watch_freshness(session)
    assert len(events(session, "dataset.became_stale")) == 2


def test_without_an_objective_there_is_no_freshness(clients) -> None:
    with clients.begin() as scope, pytest.raises(NotFound, match="nobody said how fresh"):
        data.freshness(scope, "clients")
    assert describe(clients, fresh_within="2d").freshness.ok
    assert describe(clients, fresh_within="").freshness is None
    with clients.begin() as scope:
        assert data.list_freshness(scope) == ()
