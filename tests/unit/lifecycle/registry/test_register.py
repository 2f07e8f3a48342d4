"""A package becomes a version: numbered once, signed, linked and told."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.audit.read import list_events
from bucle.governance.lineage.trace import trace
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.registry import Register
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle import tracking
from bucle.lifecycle.registry import (
    ModelLog,
    Packaging,
    Registration,
    get_package,
    get_version,
    list_models,
    list_versions,
    log_model,
    open_version,
    package_model,
    reference_profile,
    register,
)
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.registry import models


def log_of(rows: pa.Table, **more: object) -> ModelLog:
    return ModelLog(example=rows[:5], target="count", **more)  # type: ignore[arg-type]


def test_versions_are_numbered_and_found_by_number_and_as_the_newest(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    first = log_model(session, models.linear(rentals), "demand", log_of(rentals))
    second = log_model(session, models.forest(rentals), "demand", log_of(rentals))
    with session.begin(write=False) as scope:
        assert get_version(scope, Ref("model", "demand", 1)) == first
        assert get_version(scope, Ref("model", "demand")) == second
        assert get_version(scope, Ref("model", "demand", "latest")) == second
        assert [each.number for each in list_versions(scope, "demand").items] == [2, 1]
        assert [each.ref for each in list_models(scope).items] == [Ref("model", "demand")]
        for wrong in ("3", "champion", "9" * 100, "0"):
            with pytest.raises(NotFound, match="does not exist"):
                get_version(scope, Ref("model", "demand", wrong))
        with pytest.raises(NotFound, match="model:nothing does not exist"):
            get_version(scope, Ref("model", "nothing"))


def test_listings_go_on_where_a_page_ended(house: House, rentals: pa.Table) -> None:
    session = house.session()
    package = package_model(
        house.drivers, models.linear(rentals), Packaging(example=rentals[:5], target="count")
    )
    for name in ("a", "b", "c", "c", "c"):
        register(session, name, package, Registration())
    with session.begin(write=False) as scope:
        page = list_models(scope, limit=2)
        rest = list_models(scope, limit=2, token=page.next_token)
        assert [each.ref.name for each in (*page.items, *rest.items)] == ["a", "b", "c"]
        page2 = list_versions(scope, "c", limit=2)
        rest2 = list_versions(scope, "c", limit=2, token=page2.next_token)
        assert [each.number for each in (*page2.items, *rest2.items)] == [3, 2, 1]
        assert rest2.next_token is None


def test_a_model_that_a_run_made_of_a_dataset_is_linked_to_both(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    dataset = Ref("dataset", "rentals", 4)
    with session.begin() as scope:
        parent = tracking.start_run(scope, tracking.RunStart(name="pipe", kind="pipeline")).ref
        loader = tracking.RunStart(name="load", kind="step", parent=parent)
        tracking.add_input(scope, tracking.start_run(scope, loader).ref, dataset)
        fit = tracking.start_run(scope, tracking.RunStart(name="fit", kind="step", parent=parent))
    version = log_model(
        session, models.linear(rentals), "demand", log_of(rentals, evaluation=rentals), fit.ref
    )
    assert version.datasets == (dataset,)
    assert version.metrics["mae"] > 0
    with session.begin(write=False) as scope:
        assert set(trace(scope, version.ref).nodes) >= {str(dataset), str(fit.ref)}
        assert tracking.get_run(scope, fit.ref).outputs == (version.ref,)
        (told,) = [e for e in list_events(scope).items if e.type == "model.registered"]
        assert told.body["metrics"] == pytest.approx(version.metrics)
        assert told.body["run"] == str(fit.ref)


def test_a_run_that_registers_its_package_again_gets_the_same_version(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    with session.begin() as scope:
        run = tracking.start_run(scope, tracking.RunStart(name="fit")).ref
    first = log_model(session, models.linear(rentals), "demand", log_of(rentals), run)
    assert log_model(session, models.linear(rentals), "demand", log_of(rentals), run) == first


def test_the_reference_profile_holds_the_features_and_what_the_model_says_of_them(
    house: House, rentals: pa.Table
) -> None:
    version = log_model(
        house.session(), models.linear(rentals), "demand", log_of(rentals, reference=rentals)
    )
    profile = reference_profile(house.drivers, version.manifest)
    assert profile is not None
    assert [column.name for column in profile.columns] == ["heat", "hour", "city", "prediction"]
    assert profile.rows == rentals.num_rows


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_who_register_at_once_both_get_a_number(
    tmp_path: Path, rentals: pa.Table, kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else ""
    house = open_test_house(tmp_path / "two", **({"database_url": url} if url else {}))
    package = package_model(
        house.drivers, models.linear(rentals), Packaging(example=rentals[:5], target="count")
    )
    house.session()
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(
            lambda _: register(house.session(), "demand", package, Registration()).number, range(8)
        )
        assert sorted(made) == list(range(1, 9))
    house.close()


def test_a_package_can_be_registered_from_uploaded_files(house: House, rentals: pa.Table) -> None:
    session = house.session()
    package = package_model(
        house.drivers, models.linear(rentals), Packaging(example=rentals[:5], target="count")
    )
    target = io.BytesIO()
    pq.write_table(rentals, target)
    request = Register(
        name="demand",
        manifest=package.digest,
        registration=Registration(
            evaluation=store_bytes(house.drivers.blobs, target.getvalue()), metrics={"mae": 2.0}
        ),
    )
    version = call(session, row_named("registry.register"), request)
    assert open_version(session, version).digest == package.digest
    with session.begin(write=False) as scope:
        files = get_package(scope, version.ref)
    assert set(files.files) == {"bucle-model.json", *package.manifest.files}
    assert house.keys.public_hex == files.public_key


def test_an_uploaded_pickle_is_not_signed_unless_somebody_vouches_for_it(
    house: House, rentals: pa.Table
) -> None:
    example = rentals.select(["heat"])[:5]
    package = package_model(
        house.drivers, lambda c: c["heat"], Packaging(example=example, allow_pickle=True)
    )
    row = row_named("registry.register")
    with pytest.raises(Refused, match="is a pickle"):
        call(house.session(), row, Register(name="demand", manifest=package.digest))
    vouched = Register(name="demand", manifest=package.digest, allow_pickle=True)
    assert call(house.session(), row, vouched).flavor == "python"


@pytest.mark.parametrize(
    ("registration", "message"),
    [
        (Registration(evaluation="0" * 64), "not in the content store"),
        (Registration(evaluation="rows", target="amount"), "lack the column 'amount'"),
        (Registration(run=Ref("run", "nothing")), "run:nothing"),
    ],
)
def test_a_registration_that_names_what_is_not_there_is_refused(
    house: House, rentals: pa.Table, registration: Registration, message: str
) -> None:
    package = package_model(
        house.drivers, models.linear(rentals), Packaging(example=rentals[:5], target="count")
    )
    if registration.evaluation == "rows":
        target = io.BytesIO()
        pq.write_table(rentals, target)
        stored = store_bytes(house.drivers.blobs, target.getvalue())
        registration = Registration(evaluation=stored, target="amount")
    with pytest.raises((Invalid, NotFound), match=message):
        register(house.session(), "demand", package, registration)


def test_a_viewer_may_not_register(house: House, rentals: pa.Table) -> None:
    viewer = Principal(name="ana", grants=(Grant(role="viewer", project="*"),))
    with pytest.raises(Denied, match="model:write"):
        log_model(house.session(viewer), models.linear(rentals), "demand", log_of(rentals))
