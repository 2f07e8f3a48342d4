import pytest

from protocol import INVALID, MISSING, refused


def test_a_param_is_told_as_text(client, run):
    client.log_param(run, "depth", 3)
    client.log_param(run, "rate", 0.1)
    client.log_param(run, "flag", True)
    client.log_param(run, "list", [1, 2])
    client.log_param(run, "none", None)
    assert client.get_run(run).data.params == {
        "depth": "3",
        "rate": "0.1",
        "flag": "True",
        "list": "[1, 2]",
        "none": "None",
    }


def test_the_same_value_again_is_fine(client, run):
    client.log_param(run, "depth", 3)
    client.log_param(run, "depth", "3")
    assert client.get_run(run).data.params == {"depth": "3"}


def test_another_value_is_refused_and_the_first_stays(client, run):
    client.log_param(run, "depth", 3)
    with refused(INVALID):
        client.log_param(run, "depth", 4)
    assert client.get_run(run).data.params == {"depth": "3"}


@pytest.mark.parametrize("value", ["", " ", "ñandú 流 🚀", "a\nb\tc", "'\"`\\", "null", "x" * 6000])
def test_a_value_comes_back_sign_by_sign(client, run, value):
    client.log_param(run, "p", value)
    assert client.get_run(run).data.params == {"p": value}


def test_a_value_of_more_than_6000_signs_is_cut_there(client, run):
    client.log_param(run, "p", "x" * 6001)
    assert client.get_run(run).data.params == {"p": "x" * 6000}


@pytest.mark.parametrize("key", ["a/b", "with space", "a.b-c_d", "ñ流", "a:b", "k" * 250])
def test_a_key_may_hold_slashes_spaces_and_unicode(client, run, key):
    client.log_param(run, key, 1)
    assert client.get_run(run).data.params == {key: "1"}


@pytest.mark.parametrize("key", ["", "/a", "../a", "a//b", ".", "a;b", "a'b", "k" * 251])
def test_a_key_that_is_no_name_is_refused(client, run, key):
    with refused(INVALID):
        client.log_param(run, key, 1)


def test_a_param_of_a_run_of_nobody_is_refused(client):
    with refused(MISSING):
        client.log_param("0" * 32, "p", 1)


def test_a_param_without_a_key_is_refused(protocol, run):
    answer = protocol.post("runs/log-parameter", run_id=run, value="1")
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_an_ended_run_still_takes_params(client, run):
    client.set_terminated(run)
    client.log_param(run, "late", 1)
    assert client.get_run(run).data.params == {"late": "1"}
