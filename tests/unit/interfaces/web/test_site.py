import re

import pytest

from bucle.base.refs import Ref
from bucle.lifecycle import monitoring, serving
from tests.support.processes import wait_until
from tests.support.turning import DAY, EVIL, PROJECT, answer_rows

PAGES = (
    "/",
    f"/{PROJECT}",
    f"/{PROJECT}/runs",
    f"/{PROJECT}/events",
    f"/{PROJECT}/predictions",
    f"/{PROJECT}/models/demand",
    f"/{PROJECT}/models/demand@2",
    f"/{PROJECT}/models/demand@champion",
    f"/{PROJECT}/datasets/rentals",
    f"/{PROJECT}/datasets/rentals@1",
    f"/{PROJECT}/deployments/demand",
)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_page_is_whole_in_both_languages(ask, path, language) -> None:
    answered = ask(path, headers={"accept-language": language})
    html = answered.body.decode()
    assert answered.status == 200
    assert f'<html lang="{language}">' in html
    assert html.count("<h1>") == 1
    assert "<script>" not in html


@pytest.mark.parametrize("path", PAGES)
def test_a_page_allows_no_inline_script_and_no_other_server(ask, path) -> None:
    answered = ask(path)
    assert "default-src 'none'" in answered.headers["content-security-policy"]
    assert "unsafe-inline" not in answered.headers["content-security-policy"]
    html = answered.body.decode()
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//', html) == []
    assert re.findall(r"\s(?:style|on\w+)=", html) == []


def test_what_people_wrote_is_escaped(ask) -> None:
    html = ask(f"/{PROJECT}").body.decode()
    assert EVIL not in html
    assert "&lt;script&gt;alert" in html


def test_the_loop_shows_every_stage_and_what_it_holds(ask) -> None:
    html = ask(f"/{PROJECT}").body.decode()
    for stage in ("Problem", "Data", "Features", "Experiments", "Pipelines", "Models",
                  "Deployments", "Monitoring", "Feedback", "Triggers"):  # fmt: skip
        assert f'<span class="name">{stage}</span>' in html
    assert "champion v1" in html
    assert "canary v2 at 25%" in html
    assert "1 open alert" in html
    assert "The model is worse than it was" in html


def test_a_stranger_is_led_to_the_form_and_back(ask) -> None:
    answered = ask(f"/{PROJECT}/runs?token=x", token="")
    assert answered.status == 303
    assert answered.headers["location"] == f"/sign-in?next=%2F{PROJECT}%2Fruns%3Ftoken%3Dx"


def test_the_form_signs_in_with_a_cookie_that_scripts_do_not_see(ask, turned) -> None:
    body = f"token={turned[1]}&next=%2F{PROJECT}".encode()
    answered = ask("/sign-in", "POST", token="", body=body,
                   headers={"sec-fetch-site": "same-origin"})  # fmt: skip
    assert answered.status == 303
    assert answered.headers["location"] == f"/{PROJECT}"
    assert "HttpOnly; SameSite=Strict" in answered.headers["set-cookie"]
    cookie = answered.headers["set-cookie"].partition(";")[0]
    assert ask(f"/{PROJECT}", token="", headers={"cookie": cookie}).status == 200


def test_a_link_with_a_token_asks_before_it_signs_in(ask, turned) -> None:
    answered = ask(f"/sign-in?token={turned[1]}", token="")
    assert answered.status == 200
    assert "set-cookie" not in answered.headers
    assert f'name="token" value="{turned[1]}"' in answered.body.decode()


def test_a_cookie_that_is_not_ours_is_forgotten(ask) -> None:
    answered = ask(f"/{PROJECT}", token="", headers={"cookie": "bucle_session=01J8.00ff"})
    assert answered.status == 303
    assert "Max-Age=0" in answered.headers["set-cookie"]


def test_an_error_is_a_page_that_says_what_to_do(ask) -> None:
    answered = ask(f"/{PROJECT}/models/moon")
    assert answered.status == 404
    assert answered.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in answered.body.decode()


def test_a_button_that_may_not_be_pressed_is_absent(ask, viewer) -> None:
    owner = ask(f"/{PROJECT}").body.decode()
    looker = ask(f"/{PROJECT}", token=viewer).body.decode()
    assert "I look after it" in owner
    assert "Abort the canary" in owner
    assert 'method="post" action="/bikes/act' not in looker
    assert "champion v1" in looker


def test_a_pressed_button_runs_its_operation_and_comes_back(ask, house) -> None:
    body = b"name=demand&reason=enough&next=%2Fbikes"
    answered = ask("/bikes/act/serving.abort_canary", "POST", body=body)
    assert answered.status == 303
    assert answered.headers["location"] == "/bikes"
    with house.session().begin(write=False) as scope:
        found = serving.get_deployment(scope, Ref("deployment", "demand"))
    assert found.rollout_state is None


def test_a_viewer_who_sends_the_form_all_the_same_is_refused(ask, viewer, house) -> None:
    with house.session().begin(write=False) as scope:
        (alert,) = monitoring.list_alerts(scope, open_only=True)
    body = f"ref={alert.ref}".encode()
    answered = ask("/bikes/act/monitoring.acknowledge", "POST", token=viewer, body=body)
    assert answered.status == 403


def test_another_sites_form_is_refused(ask, turned) -> None:
    signed = ask("/sign-in", "POST", token="", body=f"token={turned[1]}".encode())
    cookie = signed.headers["set-cookie"].partition(";")[0]
    answered = ask("/bikes/act/serving.abort_canary", "POST", token="", body=b"name=demand",
                   headers={"cookie": cookie, "sec-fetch-site": "cross-site"})  # fmt: skip
    assert answered.status == 403


def test_only_the_operations_of_buttons_can_be_posted(ask) -> None:
    assert ask("/bikes/act/access.create_token", "POST", body=b"").status == 404


def test_a_prediction_leads_to_where_it_came_from(ask, house) -> None:
    listed = ask(f"/{PROJECT}/predictions").body.decode()
    found = re.search(r"predictions\?id=([0-9A-Z]{26})", listed)
    assert found
    html = ask(f"/{PROJECT}/predictions?id={found.group(1)}").body.decode()
    assert "Where it came from" in html
    assert "/bikes/models/demand@1" in html


def test_a_prediction_that_is_not_there_is_said_on_the_page(ask) -> None:
    html = ask(f"/{PROJECT}/predictions?id=nonsense").body.decode()
    assert 'role="alert"' in html


def test_an_unchanged_page_is_not_sent_again(ask) -> None:
    tag = ask(f"/{PROJECT}").headers["etag"]
    again = ask(f"/{PROJECT}", headers={"if-none-match": tag})
    assert again.status == 304
    assert again.body == b""


def test_a_language_that_was_chosen_is_kept(ask) -> None:
    chosen = ask(f"/{PROJECT}?lang=es")
    cookie = chosen.headers["set-cookie"].partition(";")[0]
    assert 'lang="es"' in ask("/", headers={"cookie": cookie}).body.decode()


def test_style_and_script_are_kept_by_the_browser_and_are_small(ask) -> None:
    html = ask(f"/{PROJECT}").body.decode()
    paths = re.findall(r'(?:src|href)="(/_static/[^"]+)"', html)
    files = [ask(path, token="") for path in paths]
    assert [file.status for file in files] == [200, 200, 200]
    assert all("immutable" in file.headers["cache-control"] for file in files)
    assert sum(len(file.body) for file in files) < 70_000


def test_events_are_paged(ask, house) -> None:
    first = ask(f"/{PROJECT}/events").body.decode()
    more = re.search(r'href="(/bikes/events\?token=[^"]+)"', first)
    assert more is None or ask(more.group(1)).status == 200


def test_a_project_in_which_nothing_happened_has_a_page_too(ask) -> None:
    html = ask("/empty").body.decode()
    assert "Nothing yet" in html
    assert html.count('class="stage empty') == 10


def test_the_counts_follow_the_log(ask, house) -> None:
    assert "<b>100</b>" in ask(f"/{PROJECT}").body.decode()
    house.drivers.clock.advance(DAY)
    answer_rows(house.session(), count=7)
    assert "<b>107</b>" in _later(ask)


def _later(ask) -> str:
    """Ask again once the counts may be a second old."""
    pages: list[str] = []

    def counted() -> bool:
        pages.append(ask(f"/{PROJECT}").body.decode())
        return "<b>107</b>" in pages[-1]

    wait_until(counted, within_s=10)
    return pages[-1]
