import time

import pytest

from protocol import EXISTS, INVALID, MISSING, refused


@pytest.fixture
def model(client, unique):
    """Return the name of a new registered model."""
    name = unique("model")
    client.create_registered_model(name)
    return name


def test_a_registered_model_is_told_as_it_was_made(client, unique):
    name = unique("model")
    made = client.create_registered_model(name, tags={"team": "red"}, description="Finds fraud.")
    told = client.get_registered_model(name)
    assert (told.name, told.description, told.tags) == (name, "Finds fraud.", {"team": "red"})
    assert made.name == name
    assert abs(told.creation_timestamp / 1000 - time.time()) < 600
    assert told.last_updated_timestamp >= told.creation_timestamp
    assert told.latest_versions == []
    assert told.aliases == {}


@pytest.mark.parametrize("stem", ["ñandú 流 🚀", "with space", "it's", "per%cent", "a.b-c_d"])
def test_a_name_may_hold_unicode_and_signs(client, unique, stem):
    name = unique(stem)
    client.create_registered_model(name)
    assert client.get_registered_model(name).name == name


@pytest.mark.parametrize("name", ["a/b", "a:b", ""])
def test_a_name_that_would_break_its_uri_is_refused(client, name):
    with refused(INVALID):
        client.create_registered_model(name)


def test_a_second_model_of_the_same_name_is_refused(client, model):
    with refused(EXISTS):
        client.create_registered_model(model)


def test_a_model_of_nobody_does_not_exist(client, unique):
    with refused(MISSING):
        client.get_registered_model(unique("nobody"))
    with refused(MISSING):
        client.update_registered_model(unique("nobody"), "text")
    with refused(MISSING):
        client.delete_registered_model(unique("nobody"))


def test_a_description_is_changed(client, model):
    client.update_registered_model(model, "New words.")
    assert client.get_registered_model(model).description == "New words."


def test_renaming_moves_everything(client, model, unique):
    client.create_model_version(model, "s3://bucket/m")
    client.set_registered_model_alias(model, "champion", "1")
    client.set_registered_model_tag(model, "team", "red")
    name = unique("renamed")
    client.rename_registered_model(model, name)
    told = client.get_registered_model(name)
    assert (told.tags, told.aliases) == ({"team": "red"}, {"champion": "1"})
    assert client.get_model_version(name, "1").name == name
    with refused(MISSING):
        client.get_registered_model(model)


def test_renaming_to_a_taken_name_is_refused(client, model, unique):
    taken = unique("taken")
    client.create_registered_model(taken)
    with refused(EXISTS):
        client.rename_registered_model(model, taken)


def test_deleting_takes_the_versions_along_and_frees_the_name(client, model):
    client.create_model_version(model, "s3://bucket/m")
    client.delete_registered_model(model)
    with refused(MISSING):
        client.get_registered_model(model)
    with refused(MISSING):
        client.get_model_version(model, "1")
    client.create_registered_model(model)
    assert client.search_model_versions(f"name = '{model}'") == []


def test_tags_are_set_changed_and_deleted(client, model):
    client.set_registered_model_tag(model, "team", "red")
    client.set_registered_model_tag(model, "team", "ñ 流")
    assert client.get_registered_model(model).tags == {"team": "ñ 流"}
    client.delete_registered_model_tag(model, "team")
    assert client.get_registered_model(model).tags == {}


def test_tags_of_a_model_of_nobody_are_refused(client, unique):
    with refused(MISSING):
        client.set_registered_model_tag(unique("nobody"), "a", "b")


def test_a_tag_key_of_more_than_250_signs_is_refused(client, model):
    client.set_registered_model_tag(model, "k" * 250, "v")
    with refused(INVALID):
        client.set_registered_model_tag(model, "k" * 251, "v")


def test_a_tag_value_of_more_than_100000_signs_is_refused(client, model):
    with refused(INVALID):
        client.set_registered_model_tag(model, "k", "v" * 100_001)


@pytest.fixture
def three(client, unique):
    """Return a name part that three models share, and their names in order of making."""
    part = unique("trio")
    made = [f"{part}-{letter}" for letter in ("b", "a", "C")]
    for name in made:
        client.create_registered_model(name, tags={"letter": name[-1], "trio": part})
        time.sleep(0.002)
    return part, made


def names(models):
    return [model.name for model in models]


def test_search_by_name_and_tag(client, three):
    part, made = three
    search = client.search_registered_models
    assert names(search(f"name = '{made[0]}'")) == [made[0]]
    assert set(names(search(f"name LIKE '{part}%'"))) == set(made)
    assert names(search(f"name LIKE '{part}-c'")) == []
    assert names(search(f"name ILIKE '{part}-c'")) == [made[2]]
    assert names(search(f"tags.trio = '{part}' AND tags.letter = 'a'")) == [made[1]]
    assert names(search(f"tag.letter LIKE 'a%' AND tags.`trio` = '{part}'")) == [made[1]]
    assert set(names(search(f"name LIKE '{part}%' AND name != '{made[0]}'"))) == set(made[1:])


def test_models_come_by_name_unless_an_order_is_given(client, three):
    part, made = three
    mine = f"tags.trio = '{part}'"
    search = client.search_registered_models
    assert names(search(mine)) == sorted(made)
    assert names(search(mine, order_by=["name DESC"])) == sorted(made, reverse=True)
    assert names(search(mine, order_by=["timestamp ASC"])) == made
    assert names(search(mine, order_by=["last_updated_timestamp DESC"])) == made[::-1]


def test_search_in_pages_gives_each_once(client, three):
    part, made = three
    seen, token = [], None
    for _ in range(5):
        page = client.search_registered_models(
            f"name LIKE '{part}%'", max_results=2, page_token=token
        )
        seen += names(page)
        token = page.token
        if not token:
            break
    assert seen == sorted(made)


@pytest.mark.parametrize(
    "wrong", ["name", "name = x", "nothing = 'x'", "name > 'a'", "name = 'a' OR name = 'b'"]
)
def test_a_filter_that_cannot_be_read_is_refused(client, wrong):
    with refused(INVALID):
        client.search_registered_models(wrong)


@pytest.mark.parametrize("wrong", ["nothing", "name SIDEWAYS", "name ASC DESC", ""])
def test_an_order_that_cannot_be_read_is_refused(client, wrong):
    with refused(INVALID):
        client.search_registered_models(order_by=[wrong])


def test_a_page_size_out_of_bounds_is_refused(client):
    with refused(INVALID):
        client.search_registered_models(max_results=1001)


def test_a_page_token_of_nobody_is_refused(client):
    with refused(INVALID):
        client.search_registered_models(page_token="garbage")
