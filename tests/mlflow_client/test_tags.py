import pytest

from protocol import INVALID, MISSING, refused


def own(client, run):
    tags = client.get_run(run).data.tags
    return {key: value for key, value in tags.items() if not key.startswith("mlflow.")}


def test_a_tag_is_set_changed_and_deleted(client, run):
    client.set_tag(run, "stage", "draft")
    client.set_tag(run, "stage", "final")
    assert own(client, run) == {"stage": "final"}
    client.delete_tag(run, "stage")
    assert own(client, run) == {}


def test_a_value_that_is_no_text_becomes_text(client, run):
    client.set_tag(run, "n", 3)
    client.set_tag(run, "l", ["a"])
    assert own(client, run) == {"n": "3", "l": "['a']"}


@pytest.mark.parametrize("value", ["", "ñandú 流 🚀", "a\nb\tc", "'\"`\\", "v" * 8000])
def test_a_value_comes_back_sign_by_sign(client, run, value):
    client.set_tag(run, "t", value)
    assert own(client, run) == {"t": value}


@pytest.mark.parametrize("key", ["a/b", "with space", "a.b-c_d", "ñ流", "a:b", "k" * 250])
def test_a_key_may_hold_slashes_spaces_and_unicode(client, run, key):
    client.set_tag(run, key, "v")
    assert own(client, run) == {key: "v"}


@pytest.mark.parametrize("key", ["", "/a", "../a", "a//b", ".", "a;b", "a'b", "k" * 251])
def test_a_key_that_is_no_name_is_refused(client, run, key):
    with refused(INVALID):
        client.set_tag(run, key, "v")


def test_a_value_of_more_than_8000_signs_is_cut_there(client, run):
    client.set_tag(run, "t", "v" * 8001)
    assert own(client, run) == {"t": "v" * 8000}


def test_deleting_a_tag_that_is_not_there_is_refused(client, run):
    with refused(MISSING):
        client.delete_tag(run, "nothing")


def test_tags_of_a_run_of_nobody_are_refused(client):
    with refused(MISSING):
        client.set_tag("0" * 32, "t", "v")
    with refused(MISSING):
        client.delete_tag("0" * 32, "t")
