"""Who may not see sensitive columns sees a mask, whichever verb or page shows them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from bucle.base.codec import encode
from bucle.base.errors import Denied, Invalid
from bucle.base.refs import Ref
from bucle.governance.access.principals import add_principal, grant, list_principals
from bucle.governance.access.tokens import create_token
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.interfaces.api.site import api_site
from bucle.interfaces.http.door import build_app
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.filling import fill
from bucle.interfaces.operations.table import row_named
from bucle.interfaces.web.site import web_site
from bucle.lifecycle import data
from bucle.testing.houses import open_test_house
from tests.support.asgi import Answered, request
from tests.support.linear import register_linear
from tests.support.logged import log_predictions

SECRETS = [f"{name}@x.org" for name in ("ana", "bea", "carl", "dan", "eli", "fay", "gus")]
ROWS = pa.table({"id": range(1, 8), "email": SECRETS, "km": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, -3.0]})
VIEWER = Principal(name="eva", grants=(Grant(role="viewer", project="*"),))

Get = Callable[[str], Answered]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with rides of secret addresses, one of which was set apart, and a split."""
    house = open_test_house(tmp_path_factory.mktemp("masking"))
    session = house.session()
    expectation = data.Expectation(column="km", min=0, action="quarantine")
    with session.begin() as scope:
        data.declare(scope, data.DatasetSpec(
            name="rides", key=("id",), columns={"email": data.ColumnNote(sensitivity="secret")},
            expectations=(expectation,),
        ))  # fmt: skip
    data.commit_table(session, "rides", ROWS)
    more = pa.table({"id": [1], "email": ["dora@x.org"], "km": [9.0]})
    data.upsert_table(session, "rides", more)
    data.split(session, "rides@1", data.SplitSpec(name="hold", fit=0.4, select=0.3))
    yield house
    house.close()


@pytest.fixture
def viewer(house: House) -> Session:
    return house.session(VIEWER)


def told(session: Session, verb: str, **request: object) -> str:
    """Return all that a verb answers, as text."""
    row = row_named(verb)
    return encode(call(session, row, fill(row.request, request))).decode()


SHOWING = [
    ("data.read", {"ref": "rides"}),
    ("data.read", {"ref": "rides", "columns": ["email"]}),
    ("data.read", {"ref": "rides", "where": "km > 0"}),
    ("data.get", {"ref": "rides"}),
    ("data.log", {"name": "rides"}),
    ("data.profile", {"ref": "rides"}),
    ("data.diff", {"left": "rides@1", "right": "rides@2"}),
    ("data.check", {"name": "rides"}),
    ("data.propose", {"ref": "rides"}),
    ("data.quarantined", {"name": "rides"}),
]


@pytest.mark.parametrize(("verb", "asked"), SHOWING)
def test_no_verb_shows_a_viewer_what_a_secret_column_holds(
    house: House, viewer: Session, verb: str, asked: dict[str, object]
) -> None:
    assert "@x.org" not in told(viewer, verb, **asked)


@pytest.mark.parametrize(("verb", "asked"), [SHOWING[0], SHOWING[3], SHOWING[5], SHOWING[6]])
def test_the_owner_sees_it(house: House, verb: str, asked: dict[str, object]) -> None:
    assert "@x.org" in told(house.session(), verb, **asked)


def test_a_masked_value_is_told_from_one_that_is_missing(house: House) -> None:
    session = house.session()
    with session.begin() as scope:
        data.declare(
            scope,
            data.DatasetSpec(
                name="holes", columns={"mail": data.ColumnNote(sensitivity="personal")}
            ),
        )
    data.commit_table(session, "holes", pa.table({"n": [1, 2], "mail": ["x@x.org", None]}))
    answer = msgspec.json.decode(told(house.session(VIEWER), "data.read", ref="holes"))
    assert answer["rows"] == [{"n": 1, "mail": "***"}, {"n": 2, "mail": None}]


@pytest.mark.parametrize(
    "where",
    [
        "email = 'ana@x.org'",
        "(SELECT max(email) FROM dataset) > 'a'",
        "id IN (SELECT d.id FROM dataset AS d WHERE d.email LIKE 'a%')",
    ],
)
def test_a_condition_can_not_ask_what_a_hidden_column_holds(viewer: Session, where: str) -> None:
    with pytest.raises(Invalid, match=r"email|d\.id|\"d\""):
        told(viewer, "data.read", ref="rides", where=where)


@pytest.mark.parametrize(
    ("verb", "asked"),
    [
        ("data.files", {"ref": "rides"}),
        ("data.part", {"ref": "hold", "part": "fit"}),
        ("data.sql", {"sql": "SELECT count(*) FROM rides WHERE rides.email > 'b'"}),
        ("data.explore", {"ref": "rides"}),
        ("data.drift", {"left": "rides@1", "right": "rides@2"}),
    ],
)
def test_what_can_not_be_masked_is_refused(
    viewer: Session, verb: str, asked: dict[str, object]
) -> None:
    with pytest.raises(Denied, match="sensitive"):
        told(viewer, verb, **asked)


def test_inputs_of_predictions_are_masked_by_what_their_model_was_trained_on(
    house: House, viewer: Session, tmp_path: Path
) -> None:
    session = house.session()
    with session.begin() as scope:
        data.declare(
            scope,
            data.DatasetSpec(
                name="trips", columns={"city": data.ColumnNote(sensitivity="personal")}
            ),
        )
    trips = data.commit_table(session, "trips", pa.table({"heat": [1.0], "city": ["here"]}))
    version = register_linear(session, "demand", 2.0)
    with session.begin() as scope:
        scope.link(trips.ref, version.ref, "trained")
    columns = {"heat": [1.0], "city": ["Atlantis"]}
    (id_,) = log_predictions(house, tmp_path, columns, at=house.drivers.clock.now())
    assert "Atlantis" in told(session, "serving.predictions", name="demand")
    for verb, asked in (
        ("serving.predictions", {"name": "demand"}), ("serving.prediction", {"id": id_}),
    ):  # fmt: skip
        answer = told(viewer, verb, **asked)
        assert "Atlantis" not in answer
        assert "1.0" in answer


@pytest.fixture
def get(house: House) -> Iterator[Get]:
    """Yield a function that asks API and pages as somebody who may only look."""
    with house.session().begin() as scope:
        if "eve" not in {one.name for one in list_principals(scope)}:
            add_principal(scope, "eve")
            grant(scope, "eve", "viewer", everywhere=True)
        bearer = create_token(scope, principal="eve").bearer
    threads = Threads()
    app = build_app([api_site(house, threads), web_site(house, threads)])
    headers = {"authorization": f"Bearer {bearer}"}
    yield lambda path: request(app, "GET", path, None, headers)
    threads.close()


def test_the_api_and_the_page_of_a_dataset_show_a_viewer_no_secret(get: Get) -> None:
    for path in (
        "/api/v1/default/datasets/rides/rows", "/api/v1/default/datasets/rides/profile",
        "/default/datasets/rides", "/default/datasets/rides@1",
    ):  # fmt: skip
        answer = get(path)
        assert answer.status == 200, (path, answer.body)
        assert b"@x.org" not in answer.body, path
    assert b"***" in get("/api/v1/default/datasets/rides/rows").body


def test_content_is_closed_to_a_viewer_where_a_column_is_sensitive(get: Get, house: House) -> None:
    with house.session().begin(write=False) as scope:
        file = data.get_version(scope, "rides").files[0]
    answer = get(f"/api/v1/default/content/{file.digest}")
    assert answer.status == 403
    assert get(f"/api/v1/other/content/{file.digest}").status == 403  # nor by another project


def test_a_split_names_its_columns_and_no_rows(viewer: Session) -> None:
    assert str(Ref("split", "hold", 1)) in told(viewer, "data.show_split", ref="hold")
