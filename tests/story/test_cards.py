"""Half a year of payments by card: what is trained on is what is served, and what streams."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.governance.session import Session
from bucle.lifecycle.features import FeatureView, ParitySpec, check_parity
from bucle.testing.houses import open_test_house
from tests.story.cards import VIEWS, Compared, Replay, moments_of, payments, replayed

pytestmark = [pytest.mark.story, pytest.mark.timeout(300)]

CUSTOMERS = 100  # of 5,000: their payments at 10,000 terminals


class Told:
    """A replay that came to its end."""

    def __init__(self, session: Session, path: Path) -> None:
        self.session = session
        self.table = payments(path, CUSTOMERS)
        self.replay = Replay()
        moments = moments_of(self.table, 2)
        self.compared: list[Compared] = list(
            replayed(session, self.table, moments, 1_000, self.replay)
        )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    path = Path(__file__).resolve().parents[2].parent / "shared/data/card_transactions.parquet"
    if not path.exists():
        pytest.skip("the data set card_transactions is not in shared/data beside the repository")
    house = open_test_house(tmp_path_factory.mktemp("cards"))
    yield Told(house.session(), path)
    house.close()


def test_every_entity_is_the_same_offline_online_and_streamed(told: Told) -> None:
    wrong = [
        f"{one.view} {one.way} {one.moment}: {each.feature}: {each.different}, {each.example}"
        for one in told.compared
        for each in one.features
        if each.different
    ]
    assert wrong == []
    assert {(one.view, one.way) for one in told.compared} == {
        (view.name, way) for view in VIEWS for way in ("online", "stream")
    }
    assert len(told.compared) == len(VIEWS) * 2 * 4


def test_all_payments_were_counted_on_all_ways(told: Told) -> None:
    rows = told.table.num_rows
    assert rows > 10_000
    assert (told.replay.events, told.replay.streamed) == (rows, rows * len(VIEWS))


def test_there_is_something_to_compare(told: Told) -> None:
    for view in VIEWS:
        last = [one for one in told.compared if one.view == view.name][-3]
        assert last.entities >= CUSTOMERS * 0.9
        assert last.worst < 1e-9


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_verb_says_the_same(told: Told, view: FeatureView) -> None:
    found = check_parity(told.session, view.name, ParitySpec(entities=60, moments=9))
    assert found.ok, [verdict for verdict in found.verdicts if not verdict.ok]
    assert [path.path for path in found.paths] == ["online", "replay", "stream"]
