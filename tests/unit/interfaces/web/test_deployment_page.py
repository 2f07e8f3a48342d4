import msgspec
import pytest

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.session import House
from bucle.lifecycle import serving
from tests.support.turning import PROJECT

PAGE = f"/{PROJECT}/deployments/demand"
DEMAND = Ref("deployment", "demand")


@pytest.fixture
def declared(house: House) -> House:
    """Return the installation: its canary is over, and its deployment has a constant to say."""
    with house.session().begin() as scope:
        proof = (Verdict(name="drift", ok=False, note="psi of its predictions: 3"),)
        serving.abort_canary(scope, "demand", reason="it drifts", evidence=proof)
        spec = serving.get_deployment(scope, DEMAND).spec
        fallback = serving.Fallback(constant=12.5)
        serving.deploy(scope, msgspec.structs.replace(spec, fallback=fallback))
    return house


def test_the_page_says_why_a_canary_was_taken_back(ask, declared: House) -> None:
    html = ask(PAGE).body.decode()
    assert "it drifts" in html
    assert "drift: psi of its predictions: 3" in html


def test_a_shadow_is_shown_and_may_be_ended(ask, declared: House) -> None:
    with declared.session().begin() as scope:
        serving.start_shadow(scope, "demand", Ref("model", "demand", 2), share=0.2)
    html = ask(PAGE).body.decode()
    assert "gets copies of 20% of the requests" in html
    assert "End the shadow" in html
    body = f"name=demand&next={PAGE}".encode()
    ask(f"/{PROJECT}/act/serving.stop_shadow", "POST", body=body)
    assert "gets copies of" not in ask(PAGE).body.decode()


def test_the_kill_switch_needs_a_reason_and_is_told_until_it_is_restored(
    ask, declared: House
) -> None:
    assert "12.5" in ask(PAGE).body.decode()
    body = f"name=demand&reason=it+pays+everything&next={PAGE}".encode()
    assert ask(f"/{PROJECT}/act/serving.kill", "POST", body=body).status == 303
    html = ask(PAGE).body.decode()
    assert "took it out of service. Now answers: 12.5" in html
    assert "it pays everything" in html
    ask(f"/{PROJECT}/act/serving.restore", "POST", body=f"name=demand&next={PAGE}".encode())
    assert "took it out of service" not in ask(PAGE).body.decode()


def test_who_may_only_look_sees_no_switch(ask, declared: House, viewer: str) -> None:
    html = ask(PAGE, token=viewer).body.decode()
    assert "Kill switch" not in html
    assert "12.5" in html
