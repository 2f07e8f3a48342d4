"""A package that was registered by our own SDK, fetched by a client that speaks the protocol."""

import pytest

from bucle.base.refs import Ref
from bucle.governance.access.principals import add_principal, grant
from bucle.governance.access.tokens import create_token
from bucle.governance.audit.read import list_events
from bucle.lifecycle.registry import ModelLog, catalog, get_package, log_model
from tests.support.asgi import request
from tests.unit.lifecycle.registry import models

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
DOWNLOAD = "/api/2.0/mlflow/model-versions/get-download-uri"


@pytest.fixture
def version(house):
    rows = models.rentals()
    log = ModelLog(example=rows[:5], target="count")
    return log_model(house.session(), models.linear(rows), "demand", log)


@pytest.fixture
def viewer(house):
    """Return the headers of somebody who may only look."""
    with house.session().begin() as scope:
        add_principal(scope, "eve")
        grant(scope, "eve", "viewer")
        return {"authorization": f"Bearer {create_token(scope, principal='eve').bearer}"}


def address(app, headers):
    answer = request(app, "GET", f"{DOWNLOAD}?name=demand&version=1", None, headers)
    assert answer.status == 200, answer.body
    return answer.json["artifact_uri"].removeprefix("mlflow-artifacts:/")


def state(house):
    with house.session().begin(write=False) as scope:
        return (
            [event.id for event in list_events(scope).items],
            catalog.get_version_sheet(scope, Ref("model", "demand", 1)),
        )


def test_asking_for_a_packages_address_writes_nothing(app, house, version, viewer):
    before = state(house)
    with house.session().begin() as scope:
        files = scope.tx.exec_driver_sql("select count(*) from files").scalar()
    assert address(app, viewer) == address(app, viewer)
    with house.session().begin() as scope:
        assert scope.tx.exec_driver_sql("select count(*) from files").scalar() == files
    assert state(house) == before


def test_who_may_look_lists_and_downloads_a_package(app, house, version, viewer):
    root = address(app, viewer)
    listed = request(app, "GET", f"{PROXY}?path={root}", None, viewer).json["files"]
    with house.session().begin(write=False) as scope:
        package = get_package(scope, version.ref)
    tops = {path.partition("/")[0] for path in package.files}
    assert {file["path"] for file in listed} == tops
    for path, file in package.files.items():
        found = request(app, "GET", f"{PROXY}/{root}/{path}", None, viewer)
        assert (found.status, len(found.body)) == (200, file.size_bytes), path


def test_an_address_that_no_package_has_is_not_there(app, version, viewer):
    nothing = f"0/models/m-{'0' * 32}/artifacts"
    assert request(app, "GET", f"{PROXY}?path={nothing}", None, viewer).json == {"files": []}
    assert request(app, "GET", f"{PROXY}/{nothing}/bucle-model.json", None, viewer).status == 404


def test_a_version_made_from_a_packages_address_has_its_files(app, house, version, viewer):
    source = f"mlflow-artifacts:/{address(app, viewer)}"
    with house.session().begin() as scope:
        catalog.create_model(scope, "copy")
        made = catalog.create_version(scope, "copy", catalog.ForeignVersion(source=source))
        copied, package = get_package(scope, made.version.ref), get_package(scope, version.ref)
    assert set(package.files) <= set(copied.files)
