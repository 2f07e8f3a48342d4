import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.client import Client
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.searches import search
from bucle.lifecycle.tuning import Int, Search
from bucle.testing.houses import open_test_house


@pytest.fixture
def client(tmp_path):
    house = open_test_house(tmp_path / "home")
    yield Client(InProcess(house.session()))
    house.close()


def test_a_search_inside_of_a_run_is_part_of_it_and_shares_its_code(client):
    def objective(params, _report):
        sdk.log_metric("seen", params["n"])
        return params["n"]

    with sdk.run("tune", client=client) as run:
        found = search(objective, {"n": Int(1, 3)}, Search(trials=5))
    best = client.call("tracking.get", ref=found.run)
    assert best.parent == run.ref
    assert best.code == run.record.code
    assert best.metrics["seen"] == found.value


def test_a_search_from_afar_is_refused_with_what_to_do(client):
    class Afar:
        where = "https://bucle.example.org"
        project = "default"

    with pytest.raises(Invalid, match=r"not from afar \(https://bucle.example.org\)"):
        search(lambda *_: 0.0, {"n": Int(1, 3)}, client=Client(Afar()))
