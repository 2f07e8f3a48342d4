import time

import pytest
from mlflow.exceptions import MlflowException

from protocol import INVALID, MISSING, refused

SOURCE = "s3://bucket/of/mine"


@pytest.fixture
def model(client, unique):
    """Return the name of a new registered model."""
    name = unique("model")
    client.create_registered_model(name)
    return name


@pytest.fixture
def version(client, model):
    """Return the model's name and its first version."""
    client.create_model_version(model, SOURCE)
    return model, "1"


def test_versions_count_from_1(client, model):
    made = [client.create_model_version(model, SOURCE).version for _ in range(3)]
    assert [str(number) for number in made] == ["1", "2", "3"]


def test_a_version_is_told_as_it_was_made(client, model, run):
    client.create_model_version(
        model, SOURCE, run_id=run, tags={"a": "ñ"}, run_link="http://run", description="Words."
    )
    told = client.get_model_version(model, "1")
    assert (told.name, str(told.version), told.source, told.run_id) == (model, "1", SOURCE, run)
    assert (told.tags, told.run_link, told.description) == ({"a": "ñ"}, "http://run", "Words.")
    assert (told.status, told.current_stage) == ("READY", "None")
    assert abs(told.creation_timestamp / 1000 - time.time()) < 600


def test_a_version_of_a_model_of_nobody_is_refused(client, unique):
    with refused(MISSING):
        client.create_model_version(unique("nobody"), SOURCE)


def test_the_source_is_the_download_uri(client, version):
    assert client.get_model_version_download_uri(*version) == SOURCE


@pytest.mark.parametrize("source", ["s3://b/../../etc", "mlflow-artifacts:/../../etc", "/etc"])
def test_a_source_that_climbs_out_or_lies_on_the_server_is_refused(protocol, model, source):
    answer = protocol.post("model-versions/create", name=model, source=source)
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


@pytest.mark.parametrize("number", ["7", "999"])
def test_a_version_of_nobody_does_not_exist(client, model, number):
    with refused(MISSING):
        client.get_model_version(model, number)
    with refused(MISSING):
        client.delete_model_version(model, number)
    with refused(MISSING):
        client.set_registered_model_alias(model, "champion", number)


def test_a_version_that_is_no_number_is_refused(client, model):
    with refused(INVALID):
        client.get_model_version(model, "one")


def test_a_description_is_changed(client, version):
    client.update_model_version(*version, "New words.")
    assert client.get_model_version(*version).description == "New words."


def test_a_deleted_version_is_gone_and_its_number_is_not_given_again_in_the_middle(client, model):
    for _ in range(3):
        client.create_model_version(model, SOURCE)
    client.delete_model_version(model, "2")
    with refused(MISSING):
        client.get_model_version(model, "2")
    told = client.search_model_versions(f"name = '{model}'")
    assert sorted(str(one.version) for one in told) == ["1", "3"]
    assert str(client.create_model_version(model, SOURCE).version) == "4"


def test_deleting_a_version_takes_its_aliases_along(client, version):
    model, number = version
    client.set_registered_model_alias(model, "champion", number)
    client.delete_model_version(model, number)
    assert client.get_registered_model(model).aliases == {}
    with refused(INVALID, MISSING):
        client.get_model_version_by_alias(model, "champion")


def test_tags_of_a_version_are_set_and_deleted(client, version):
    model, number = version
    client.set_model_version_tag(model, number, "a", "b")
    client.set_model_version_tag(model, number, "a", "c")
    assert client.get_model_version(model, number).tags == {"a": "c"}
    client.delete_model_version_tag(model, number, "a")
    assert client.get_model_version(model, number).tags == {}


def test_tags_of_a_version_of_nobody_are_refused(client, model):
    with refused(MISSING):
        client.set_model_version_tag(model, "5", "a", "b")


def test_an_alias_points_moves_and_goes(client, model):
    for _ in range(2):
        client.create_model_version(model, SOURCE)
    client.set_registered_model_alias(model, "champion", "1")
    client.set_registered_model_alias(model, "other", "1")
    assert sorted(client.get_model_version(model, "1").aliases) == ["champion", "other"]
    client.set_registered_model_alias(model, "champion", "2")
    assert str(client.get_model_version_by_alias(model, "champion").version) == "2"
    assert client.get_registered_model(model).aliases == {"champion": "2", "other": "1"}
    assert client.get_model_version(model, "1").aliases == ["other"]
    client.delete_registered_model_alias(model, "champion")
    with refused(INVALID, MISSING):
        client.get_model_version_by_alias(model, "champion")


def test_deleting_an_alias_that_is_not_there_is_fine(client, model):
    client.delete_registered_model_alias(model, "nothing")


@pytest.mark.parametrize("alias", ["", "v1", "V22", "latest", "a b", "a/b", "a" * 256])
def test_an_alias_that_reads_as_something_else_is_refused(client, version, alias):
    with refused(INVALID):
        client.set_registered_model_alias(version[0], alias, version[1])


@pytest.mark.parametrize("alias", ["champion", "Champion_2-b", "v", "ñ", "a" * 255])
def test_an_alias_is_letters_digits_underscores_and_dashes(client, version, alias):
    client.set_registered_model_alias(version[0], alias, version[1])
    assert str(client.get_model_version_by_alias(version[0], alias).version) == "1"


def test_a_version_moves_through_the_stages(client, version):
    for stage in ("Staging", "Production", "Archived", "None"):
        told = client.transition_model_version_stage(*version, stage)
        assert told.current_stage == stage
    assert client.transition_model_version_stage(*version, "production").current_stage == (
        "Production"
    )


def test_a_stage_of_nobody_is_refused(client, version):
    with refused(INVALID):
        client.transition_model_version_stage(*version, "Elsewhere")


def test_the_old_version_of_a_stage_can_be_archived(client, model):
    for number in ("1", "2"):
        client.create_model_version(model, SOURCE)
        client.transition_model_version_stage(
            model, number, "Production", archive_existing_versions=True
        )
    assert client.get_model_version(model, "1").current_stage == "Archived"
    assert client.get_model_version(model, "2").current_stage == "Production"


def test_the_latest_versions_are_told_by_stage(client, model):
    for stage in ("Production", "Production", "Staging", None):
        made = client.create_model_version(model, SOURCE)
        if stage:
            client.transition_model_version_stage(model, str(made.version), stage)
    told = {one.current_stage: str(one.version) for one in client.get_latest_versions(model)}
    assert told == {"Production": "2", "Staging": "3", "None": "4"}
    told = client.get_latest_versions(model, stages=["Production"])
    assert [str(one.version) for one in told] == ["2"]
    held = client.get_registered_model(model).latest_versions
    assert sorted(str(one.version) for one in held) == ["2", "3", "4"]


def test_the_latest_versions_of_a_stage_of_nobody_are_refused(client, model):
    with refused(INVALID):
        client.get_latest_versions(model, stages=["Elsewhere"])


def test_a_copy_has_the_source_of_the_version_and_says_where_from(client, version, unique):
    target = unique("copy")
    copied = client.copy_model_version(f"models:/{version[0]}/1", target)
    assert (copied.name, str(copied.version)) == (target, "1")
    assert copied.source == f"models:/{version[0]}/1"
    assert client.get_model_version_download_uri(target, "1") == SOURCE


def test_a_copy_of_a_copy_has_the_first_ones_files(client, version, unique):
    first, second = unique("copy"), unique("copy")
    client.copy_model_version(f"models:/{version[0]}/1", first)
    client.copy_model_version(f"models:/{first}/1", second)
    assert client.get_model_version_download_uri(second, "1") == SOURCE


def test_a_copy_of_a_version_of_nobody_is_refused(client, model, unique):
    with pytest.raises(MlflowException, match=MISSING):
        client.copy_model_version(f"models:/{model}/9", unique("copy"))


@pytest.fixture
def four(client, model, run):
    """Return a model of four versions with tags, a run and two sources."""
    for number in range(4):
        client.create_model_version(
            model,
            f"{SOURCE}/{number}",
            run_id=run if number < 2 else None,
            tags={"even": str(number % 2 == 0)},
        )
        time.sleep(0.002)
    return model


def numbers(versions):
    return [int(one.version) for one in versions]


def test_search_of_versions(client, four, run):
    def search(condition):
        return sorted(numbers(client.search_model_versions(condition)))

    assert search(f"name = '{four}'") == [1, 2, 3, 4]
    assert search(f"name LIKE '{four[:-1]}%'") == [1, 2, 3, 4]
    assert search(f"name ILIKE '{four.upper()}'") == [1, 2, 3, 4]
    assert search(f"run_id = '{run}'") == [1, 2]
    assert search(f"name = '{four}' AND run_id IN ('{run}', 'x')") == [1, 2]
    assert search(f"name = '{four}' AND source_path = '{SOURCE}/3'") == [4]
    assert search(f"name = '{four}' AND version_number = 2") == [2]
    assert search(f"name = '{four}' AND version_number > 2") == [3, 4]
    assert search(f"name = '{four}' AND tags.even = 'True'") == [1, 3]
    assert search(f"name = '{four}' AND tags.`even` != 'True'") == [2, 4]
    assert search(f"name = '{four}' AND tags.even ILIKE 'TR%'") == [1, 3]


def test_the_newest_version_comes_first_unless_an_order_is_given(client, four):
    def search(*order_by):
        found = client.search_model_versions(f"name = '{four}'", order_by=list(order_by))
        return numbers(found)

    assert search() == [4, 3, 2, 1]
    assert search("version_number ASC") == [1, 2, 3, 4]
    assert search("creation_timestamp DESC") == [4, 3, 2, 1]
    assert search("name", "version_number DESC") == [4, 3, 2, 1]


def test_versions_in_pages_come_once_each(client, four):
    seen, token = [], None
    for _ in range(5):
        page = client.search_model_versions(
            f"name = '{four}'", max_results=3, page_token=token, order_by=["version_number ASC"]
        )
        seen += numbers(page)
        token = page.token
        if not token:
            break
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "wrong",
    [
        "name",
        "name = x",
        "nothing = 'x'",
        "name > 'a'",
        "version_number = 'x'",
        "name = 'a' OR name = 'b'",
        "run_id IN ()",
        "tags.a > 'b'",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client, wrong):
    with refused(INVALID):
        client.search_model_versions(wrong)


@pytest.mark.parametrize("wrong", ["nothing", "name SIDEWAYS", "run_id"])
def test_an_order_that_cannot_be_read_is_refused(client, wrong):
    with refused(INVALID):
        client.search_model_versions(order_by=[wrong])


def test_a_page_token_of_nobody_is_refused(client):
    with refused(INVALID):
        client.search_model_versions(page_token="garbage")
