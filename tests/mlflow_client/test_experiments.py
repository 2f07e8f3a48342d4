import time

import pytest
from mlflow.entities import ExperimentTag, ViewType
from mlflow.exceptions import MlflowException

from protocol import EXISTS, INVALID, MISSING, refused


def names(experiments):
    return [experiment.name for experiment in experiments]


def test_experiment_0_is_named_default_and_is_there_from_the_start(client):
    assert client.get_experiment("0").name == "Default"
    assert client.get_experiment_by_name("Default").experiment_id == "0"


def test_a_created_experiment_is_found_by_id_and_by_name(client, unique):
    name = unique("made")
    made = client.create_experiment(name)
    assert client.get_experiment(made).name == name
    assert client.get_experiment_by_name(name).experiment_id == made


def test_a_new_experiment_is_active_dated_and_keeps_its_artifacts_on_the_server(client, experiment):
    told = client.get_experiment(experiment)
    assert told.lifecycle_stage == "active"
    assert abs(told.creation_time / 1000 - time.time()) < 600
    assert told.last_update_time >= told.creation_time
    assert told.artifact_location.startswith("mlflow-artifacts:/")


def test_an_artifact_location_of_ones_own_is_kept(client, unique):
    made = client.create_experiment(unique("own"), artifact_location="s3://bucket/of/mine")
    assert client.get_experiment(made).artifact_location == "s3://bucket/of/mine"
    run = client.create_run(made)
    assert run.info.artifact_uri == f"s3://bucket/of/mine/{run.info.run_id}/artifacts"


def test_tags_given_at_creation_are_there(client, unique):
    made = client.create_experiment(unique("tagged"), tags={"team": "fraud", "país": "España"})
    tags = client.get_experiment(made).tags
    assert {"team": "fraud", "país": "España"}.items() <= tags.items()


@pytest.mark.parametrize("stem", ["ñandú 流失 🚀", "a/b/c", "with 'quotes'", "per%cent", "a.b:c"])
def test_a_name_may_hold_unicode_slashes_and_signs(client, unique, stem):
    name = unique(stem)
    made = client.create_experiment(name)
    assert client.get_experiment_by_name(name).experiment_id == made


def test_a_second_experiment_of_the_same_name_is_refused(client, unique):
    name = unique("twice")
    client.create_experiment(name)
    with refused(EXISTS):
        client.create_experiment(name)


def test_a_deleted_experiment_still_holds_its_name(client, unique):
    name = unique("held")
    client.delete_experiment(client.create_experiment(name))
    with refused(EXISTS):
        client.create_experiment(name)


def test_an_experiment_without_a_name_is_refused(protocol):
    answer = protocol.post("experiments/create")
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_a_name_of_more_than_500_signs_is_refused(client, unique):
    with refused(INVALID):
        client.create_experiment(unique("n" * 500))


def test_a_name_that_is_no_text_is_refused(protocol):
    answer = protocol.post("experiments/create", name=12)
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_an_unknown_id_does_not_exist(client):
    with refused(MISSING):
        client.get_experiment("987654321")


def test_an_unknown_name_is_none(client, unique):
    assert client.get_experiment_by_name(unique("nobody")) is None


def test_renaming_changes_the_name_and_the_time_of_update(client, experiment, unique):
    before = client.get_experiment(experiment)
    name = unique("renamed")
    client.rename_experiment(experiment, name)
    after = client.get_experiment(experiment)
    assert after.name == name
    assert after.last_update_time >= before.last_update_time
    assert client.get_experiment_by_name(before.name) is None


def test_renaming_to_a_name_that_is_taken_is_refused(client, experiment, unique):
    taken = unique("taken")
    client.create_experiment(taken)
    with refused(EXISTS, "BAD_REQUEST", "INTERNAL_ERROR"):
        client.rename_experiment(experiment, taken)
    assert client.get_experiment(experiment).name != taken


def test_a_deleted_experiment_is_still_told_with_its_stage(client, experiment):
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"


def test_a_deleted_experiment_is_found_by_name(client, experiment):
    name = client.get_experiment(experiment).name
    client.delete_experiment(experiment)
    assert client.get_experiment_by_name(name).lifecycle_stage == "deleted"


def test_deleting_an_experiment_deletes_its_runs_and_restoring_brings_them_back(
    client, experiment, run
):
    client.delete_experiment(experiment)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    client.restore_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "active"
    assert client.get_run(run).info.lifecycle_stage == "active"


def test_deleting_an_unknown_experiment_is_refused(client):
    with refused(MISSING):
        client.delete_experiment("987654321")


def test_deleting_twice_is_refused(client, experiment):
    client.delete_experiment(experiment)
    with refused(MISSING, INVALID):
        client.delete_experiment(experiment)


def test_restoring_an_active_experiment_is_refused(client, experiment):
    with refused(MISSING, INVALID):
        client.restore_experiment(experiment)


def test_a_run_in_a_deleted_experiment_is_refused(client, experiment):
    client.delete_experiment(experiment)
    with refused(INVALID):
        client.create_run(experiment)


def test_a_deleted_experiment_is_not_renamed(client, experiment, unique):
    name = client.get_experiment(experiment).name
    client.delete_experiment(experiment)
    with pytest.raises(MlflowException):
        client.rename_experiment(experiment, unique("late"))
    assert client.get_experiment(experiment).name == name


def test_a_tag_is_set_and_set_again(client, experiment):
    client.set_experiment_tag(experiment, "team", "risk")
    client.set_experiment_tag(experiment, "team", "fraud")
    assert client.get_experiment(experiment).tags["team"] == "fraud"


@pytest.mark.needs3
def test_a_tag_is_deleted(client, experiment):
    client.set_experiment_tag(experiment, "team", "risk")
    client.delete_experiment_tag(experiment, "team")
    assert "team" not in client.get_experiment(experiment).tags


@pytest.mark.needs3
def test_deleting_a_tag_that_is_not_there_is_refused(client, experiment):
    with refused(MISSING):
        client.delete_experiment_tag(experiment, "nothing")


def test_a_tag_of_a_deleted_experiment_is_refused(client, experiment):
    client.delete_experiment(experiment)
    with refused(INVALID):
        client.set_experiment_tag(experiment, "late", "yes")


def test_a_tag_key_of_250_signs_fits_and_251_do_not(client, experiment):
    client.set_experiment_tag(experiment, "k" * 250, "v")
    with refused(INVALID):
        client.set_experiment_tag(experiment, "k" * 251, "v")


def test_a_tag_value_of_more_than_20000_signs_is_refused(protocol, experiment):
    answer = protocol.post(
        "experiments/set-experiment-tag", experiment_id=experiment, key="k", value="v" * 20001
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


@pytest.fixture
def three(client, unique):
    """Return a name part that three experiments share, and their names."""
    part = unique("trio")
    made = [f"{part}-{letter}" for letter in ("a", "b", "C")]
    for at, name in enumerate(made):
        client.create_experiment(name, tags={"letter": name[-1], "trio": part, "at": str(at)})
        time.sleep(0.002)
    return part, made


def test_search_by_name(client, three):
    part, made = three
    assert names(client.search_experiments(filter_string=f"name = '{made[1]}'")) == [made[1]]
    assert names(client.search_experiments(filter_string=f"attribute.name = '{made[1]}'")) == [
        made[1]
    ]
    found = names(
        client.search_experiments(filter_string=f"name LIKE '{part}%' AND name != '{made[1]}'")
    )
    assert sorted(found) == sorted([made[0], made[2]])


def test_search_like_minds_case_and_ilike_does_not(client, three):
    part, made = three
    assert names(client.search_experiments(filter_string=f"name LIKE '{part}-c'")) == []
    assert names(client.search_experiments(filter_string=f"name ILIKE '{part}-c'")) == [made[2]]


@pytest.mark.parametrize("written", ["tags.trio", "tag.trio", "tags.`trio`", 'tags."trio"'])
def test_search_by_tag_in_every_spelling(client, three, written):
    part, made = three
    found = names(
        client.search_experiments(filter_string=f"{written} = '{part}' and tags.letter != 'b'")
    )
    assert sorted(found) == sorted([made[0], made[2]])


def test_search_by_creation_time(client, three):
    part, made = three
    second = client.get_experiment_by_name(made[1]).creation_time
    found = client.search_experiments(
        filter_string=f"tags.trio = '{part}' AND creation_time > {second}"
    )
    assert names(found) == [made[2]]
    found = client.search_experiments(
        filter_string=f"tags.trio = '{part}' AND last_update_time <= {second}"
    )
    assert sorted(names(found)) == sorted(made[:2])


def test_the_newest_experiment_comes_first_unless_an_order_is_given(client, three):
    part, made = three
    mine = f"tags.trio = '{part}'"
    assert names(client.search_experiments(filter_string=mine)) == made[::-1]
    ordered = client.search_experiments(filter_string=mine, order_by=["creation_time ASC"])
    assert names(ordered) == made
    ordered = client.search_experiments(filter_string=mine, order_by=["name DESC"])
    assert names(ordered) == sorted(made, reverse=True)
    ordered = client.search_experiments(filter_string=mine, order_by=["experiment_id"])
    assert len(names(ordered)) == 3


def test_search_in_pages_gives_each_once(client, three):
    part, made = three
    seen, token = [], None
    while True:
        page = client.search_experiments(
            filter_string=f"tags.trio = '{part}'", max_results=2, page_token=token
        )
        assert len(page) <= 2
        seen += names(page)
        token = page.token
        if not token:
            break
    assert sorted(seen) == sorted(made)


def test_search_shows_active_ones_unless_asked(client, three):
    part, made = three
    client.delete_experiment(client.get_experiment_by_name(made[0]).experiment_id)
    mine = f"tags.trio = '{part}'"
    assert sorted(names(client.search_experiments(filter_string=mine))) == sorted(made[1:])
    deleted = client.search_experiments(filter_string=mine, view_type=ViewType.DELETED_ONLY)
    assert names(deleted) == [made[0]]
    both = client.search_experiments(filter_string=mine, view_type=ViewType.ALL)
    assert sorted(names(both)) == sorted(made)


@pytest.mark.parametrize(
    "wrong",
    [
        "name",
        "name = ",
        "name = unquoted",
        "metrics.a = 1",
        "nothing = 'x'",
        "name > 'a'",
        "name = 'a' OR name = 'b'",
        "creation_time = 'text'",
        "tags.a > 'b'",
        "name == 'a'; DROP TABLE experiments",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client, wrong):
    with refused(INVALID):
        client.search_experiments(filter_string=wrong)


@pytest.mark.parametrize("wrong", ["nothing", "name SIDEWAYS", "tags.a", "name ASC DESC"])
def test_an_order_that_cannot_be_read_is_refused(client, wrong):
    with refused(INVALID):
        client.search_experiments(order_by=[wrong])


@pytest.mark.parametrize("wrong", [0, -1, 50001])
def test_a_page_size_out_of_bounds_is_refused(client, wrong):
    with refused(INVALID):
        client.search_experiments(max_results=wrong)


def test_a_page_token_of_nobody_is_refused(client):
    with refused(INVALID):
        client.search_experiments(page_token="garbage")


def test_a_tag_is_an_entity_with_key_and_value(client, experiment):
    tag = ExperimentTag("a", "b")
    client.set_experiment_tag(experiment, tag.key, tag.value)
    assert client.get_experiment(experiment).tags[tag.key] == tag.value
