import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.governance.permissions import Permission
from bucle.governance.principals import Grant, Principal
from bucle.interfaces.client import Client, connect
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.charter import Kpi
from bucle.testing.houses import open_test_house


@pytest.fixture
def client(tmp_path):
    house = open_test_house(tmp_path)
    yield Client(InProcess(house.session(), owns_house=True))
    house.close()


def test_a_room_takes_records_and_gives_records(client) -> None:
    set_ = client.charter.set(problem="Empty docks", kpi=Kpi(name="served", unit="trips"))
    assert client.charter.get() == set_
    assert set_.kpi.unit == "trips"


def test_an_unknown_operation_is_told_with_those_there_are(client) -> None:
    with pytest.raises(NotFound) as missing:
        client.call("charter.sett")
    assert "charter.set" in missing.value.hint


def test_an_unknown_field_is_refused(client) -> None:
    with pytest.raises(Invalid, match=r"no field \$\.verison"):
        client.call("charter.get", verison=1)


def test_content_comes_back_as_it_was(client, tmp_path) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(b"x" * 100)
    digest = client.put_content(file)
    assert client.put_content(b"x" * 100) == digest
    assert client.get_content(digest) == b"x" * 100


def test_a_path_is_uploaded_under_its_name(client, tmp_path) -> None:
    file = tmp_path / "trips.csv"
    file.write_text("a,b\n1,x\n", encoding="utf-8")
    made = client.data.commit("trips", files=[file])
    assert (str(made.ref), made.rows) == ("dataset:trips@1", 1)
    assert client.upload(file) == Upload(digest=client.put_content(file), name="trips.csv")
    with pytest.raises(Invalid, match="is not a file"):
        client.upload(tmp_path / "none.csv")


def test_a_dataset_takes_tables_frames_and_rows(client) -> None:
    pandas = pytest.importorskip("pandas")
    trips = client.dataset("trips")
    trips.commit([{"at": 1, "who": "a"}], message="rows")
    trips.commit(pa.table({"at": [2], "who": ["b"]}), mode="append")
    frame = pandas.DataFrame({"at": [3], "who": ["c"]}, index=[77])
    assert trips.commit(frame, mode="append").number == 3
    assert trips.read().to_pydict() == {"at": [1, 2, 3], "who": ["a", "b", "c"]}
    assert trips.read(1).num_rows == 1
    assert trips.read(columns=["who"]).column_names == ["who"]


def test_a_dataset_says_what_it_can_not_take_or_give(client) -> None:
    with pytest.raises(Invalid, match="is no table"):
        client.dataset("trips").commit(3)
    client.dataset("trips").commit([{"at": 1}])
    with pytest.raises(Invalid, match="no column 'who'"):
        client.dataset("trips").read(columns=["who"])


def test_settings_say_whose_token_is_used_in_this_process(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path))
    with connect() as owner:
        owner.call("access.add", name="ana")
        owner.call("access.grant", name="ana", role="viewer")
        bearer = owner.call("access.create_token", principal="ana").bearer
    with connect(token=bearer) as ana:
        actor = ana.transport.session.actor
    assert actor == Principal(name="ana", grants=(Grant(role="viewer", project="default"),))
    assert not actor.may(Permission.MODEL_WRITE, "default")
