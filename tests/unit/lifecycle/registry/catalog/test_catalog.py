import pytest

from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.session import House, Session
from bucle.lifecycle import registry
from bucle.lifecycle.registry import catalog
from bucle.lifecycle.registry.catalog import CatalogQuery, ForeignVersion, VersionSheet
from bucle.lifecycle.tracking.files import keep_file
from bucle.lifecycle.tracking.logged import NewLoggedModel, create_logged_model
from bucle.testing.houses import open_test_house

SOURCE = "s3://bucket/model"


@pytest.fixture
def session(house: House) -> Session:
    opened = house.session()
    with opened.begin() as scope:
        catalog.create_model(scope, "churn")
    return opened


def add(
    session: Session, source: str = SOURCE, name: str = "churn", **said: object
) -> VersionSheet:
    with session.begin() as scope:
        return catalog.create_version(scope, name, ForeignVersion(source=source, **said))


def promote(session: Session, number: int, alias: str = "champion") -> None:
    with session.begin() as scope:
        registry.promote(scope, Ref("model", "churn", number), alias=alias)


def sheet(session: Session, version: str) -> VersionSheet:
    with session.begin(write=False) as scope:
        return catalog.get_version_sheet(scope, Ref("model", "churn", version))


def test_a_number_is_not_given_again_after_a_version_or_its_model_was_deleted(session):
    add(session)
    with session.begin() as scope:
        catalog.delete_version(scope, Ref("model", "churn", 1))
    assert add(session).version.number == 2
    with session.begin() as scope:
        catalog.delete_model(scope, "churn")
        catalog.create_model(scope, "churn")
    assert add(session).version.number == 3


def test_the_newest_version_is_the_newest_that_is_there(session):
    add(session)
    add(session)
    with session.begin() as scope:
        catalog.delete_version(scope, Ref("model", "churn", 2))
    with session.begin(write=False) as scope:
        assert registry.get_version(scope, Ref("model", "churn")).number == 1


def test_gates_outlive_the_deletion_of_their_model(session):
    gates = registry.GateSpec(latency_ms=5.0)
    with session.begin() as scope:
        registry.declare_gates(scope, "churn", gates)
        catalog.delete_model(scope, "churn")
        catalog.create_model(scope, "churn")
    add(session)
    with pytest.raises(Refused):
        promote(session, 1)


def test_production_asks_the_gates_and_other_stages_do_not(session):
    add(session)
    with session.begin() as scope:
        registry.declare_gates(scope, "churn", registry.GateSpec(latency_ms=5.0))
        catalog.set_stage(scope, Ref("model", "churn", 1), "staging")
    with pytest.raises(Refused), session.begin() as scope:
        catalog.set_stage(scope, Ref("model", "churn", 1), "Production")
    assert sheet(session, "1").stage == "Staging"


def test_a_move_to_a_stage_is_a_decision(session):
    add(session)
    with session.begin() as scope:
        catalog.set_stage(scope, Ref("model", "churn", 1), "production")
    with session.begin(write=False) as scope:
        decided = registry.history(scope, "churn").decisions[0]
    assert (decided.action, decided.version, decided.reason) == (
        "staged", 1, "from None to Production",
    )  # fmt: skip


def test_history_says_that_nobody_bears_an_alias_that_was_withdrawn(session):
    add(session)
    promote(session, 1)
    with session.begin() as scope:
        registry.withdraw(scope, "churn", alias="champion", reason="a test")
    with session.begin(write=False) as scope:
        found = registry.history(scope, "churn")
    assert found.holder is None
    assert found.decided is not None
    assert (found.decided.action, found.decided.version) == ("withdrawn", 1)


def test_a_version_that_bore_an_alias_can_be_promoted_again_after_it_was_withdrawn(session):
    add(session)
    promote(session, 1)
    with session.begin() as scope:
        registry.withdraw(scope, "churn", alias="champion")
    promote(session, 1)
    assert sheet(session, "champion").version.number == 1


def test_a_rename_takes_versions_aliases_tags_gates_and_decisions_along(session):
    add(session, tags={"team": "red"}, description="first")
    promote(session, 1)
    with session.begin() as scope:
        catalog.rename_model(scope, "churn", "leave")
    with session.begin(write=False) as scope:
        found = catalog.get_version_sheet(scope, Ref("model", "leave", "champion"))
        holder = registry.history(scope, "leave").holder
    assert (str(found.version.ref), found.tags, found.description) == (
        "model:leave@1", {"team": "red"}, "first",
    )  # fmt: skip
    assert str(holder) == "model:leave@1"


def test_a_rename_onto_a_name_that_was_deleted_keeps_the_decisions_of_both(session):
    add(session)
    promote(session, 1)
    with session.begin() as scope:
        catalog.create_model(scope, "old")
    add(session, name="old")
    with session.begin() as scope:
        registry.promote(scope, Ref("model", "old", 1))
        catalog.delete_model(scope, "old")
        catalog.rename_model(scope, "churn", "old")
    with session.begin(write=False) as scope:
        decided = registry.history(scope, "old").decisions
    assert [(one.number, one.action) for one in decided] == [
        (3, "promoted"), (2, "withdrawn"), (1, "promoted"),
    ]  # fmt: skip


def test_a_rename_to_a_taken_name_is_refused(session):
    with session.begin() as scope:
        catalog.create_model(scope, "other")
    with pytest.raises(Conflict), session.begin() as scope:
        catalog.rename_model(scope, "churn", "other")


@pytest.mark.parametrize(
    "source",
    ["", " ", "/etc", "file:///etc", "C:\\models", "model", "s3://b/../x", "s3://b/%252e%252e/x"],
)
def test_a_source_that_climbs_or_lies_on_the_servers_disk_is_refused(session, source):
    with pytest.raises(Invalid):
        add(session, source)


def test_a_copy_has_the_package_and_the_place_of_its_original(session):
    first = add(session)
    with session.begin() as scope:
        catalog.create_model(scope, "copy")
    copied = add(session, "models:/churn/1", name="copy")
    assert (copied.storage, copied.source) == (SOURCE, "models:/churn/1")
    assert copied.version.manifest == first.version.manifest


def test_a_copy_of_what_is_not_there_is_refused(session):
    for source in ("models:/churn/9", "models:/nobody@champion", "models:/m-nothing"):
        with pytest.raises(NotFound):
            add(session, source)


def test_a_model_that_lies_elsewhere_is_never_loaded(session):
    version = add(session).version
    with pytest.raises(Refused, match="s3://bucket/model"):
        registry.open_version(session, version)


def test_a_directory_of_mlflow_becomes_a_signed_package_with_its_signature(session):
    mlmodel = b"""
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl}
  sklearn: {pickled_model: model.pkl, serialization_format: cloudpickle}
saved_input_example_info: {artifact_path: input_example.json, type: dataframe, pandas_orient: split}
signature:
  inputs: '[{"type": "double", "name": "a", "required": true},
    {"type": "long", "name": "b", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""
    with session.begin() as scope:
        model = create_logged_model(scope, NewLoggedModel(experiment="0", name="m"))
        for path, content in {
            "MLmodel": mlmodel,
            "model.pkl": b"a pickle",
            "input_example.json": b'{"columns": ["a", "b"], "data": [[1.5, 2], [2.5, 3]]}',
        }.items():
            digest = store_bytes(session.drivers.blobs, content)
            keep_file(scope, model.ref, path, digest=digest)
    made = add(session, f"models:/{model.id}")
    manifest = registry.manifest_of(session.drivers, made.version.manifest)
    assert (made.logged_model, made.storage) == (model.id, model.location)
    assert [(one.name, one.type, one.nullable) for one in manifest.signature.inputs] == [
        ("a", "float64", False), ("b", "int64", True),
    ]  # fmt: skip
    assert {"MLmodel", "model.pkl", registry.EXAMPLE_FILE} <= set(manifest.files)
    with pytest.raises(Refused, match="pickle"):  # nobody said that it may run
        registry.open_version(session, made.version)


def test_versions_are_found_by_tags_and_come_in_pages_once_each(session):
    for number in range(5):
        add(session, tags={"even": str(number % 2 == 0)})
    query = {"filter": "name = 'churn' AND tags.even = 'True'", "limit": 2}
    seen, token = [], None
    with session.begin(write=False) as scope:
        while True:
            page = catalog.search_versions(scope, CatalogQuery(**query, token=token))
            seen += [one.version.number for one in page.items]
            token = page.next_token
            if token is None:
                break
    assert seen == [5, 3, 1]


def pages_with_changes(session, find, orders, change):
    """Return what two pages of each order hold if something is changed between them."""
    for order in orders:
        with session.begin(write=False) as scope:
            first = find(scope, CatalogQuery(order_by=order, limit=2))
        change()
        with session.begin(write=False) as scope:
            rest = find(scope, CatalogQuery(order_by=order, limit=9, token=first.next_token))
        yield [*first.items, *rest.items]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_models_that_come_and_go_between_pages_skip_and_double_none(kind, request, tmp_path):
    url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else ""
    house = open_test_house(tmp_path / "home", database_url=url)
    session = house.session()
    with session.begin() as scope:
        for name in ("a", "b", "c", "d", "É", "z"):
            catalog.create_model(scope, name)
    fresh = iter(range(100))

    def change() -> None:
        # One that was on the first page goes; one that belongs before the second page comes.
        with session.begin() as scope:
            number = next(fresh)
            catalog.create_model(scope, f"B{number}")
            if number:
                catalog.delete_model(scope, f"B{number - 1}")

    orders = [(), ("name ASC",), ("creation_timestamp ASC",), ("last_updated_timestamp ASC",)]
    for found in pages_with_changes(session, catalog.search_models, orders, change):
        names = [sheet.model.ref.name for sheet in found]
        old = [name for name in names if not name.startswith("B")]
        assert sorted(old) == ["a", "b", "c", "d", "z", "É"]
        assert len(names) == len(set(names))
    house.close()


def test_versions_that_are_made_between_pages_double_none(session):
    for _ in range(5):
        add(session)
    orders = [(), ("version_number DESC",), ("creation_timestamp DESC", "name ASC")]
    for found in pages_with_changes(session, catalog.search_versions, orders, lambda: add(session)):
        numbers = [one.version.number for one in found]
        assert numbers == sorted(set(numbers), reverse=True)
        assert {1, 2, 3, 4, 5} <= set(numbers)


def test_a_page_token_of_another_search_is_refused(session):
    add(session)
    add(session)
    with session.begin(write=False) as scope:
        token = catalog.search_versions(scope, CatalogQuery(limit=1)).next_token
        with pytest.raises(Invalid):
            catalog.search_versions(scope, CatalogQuery(filter="name = 'churn'", token=token))
        with pytest.raises(Invalid):
            catalog.search_models(scope, CatalogQuery(token=token))
