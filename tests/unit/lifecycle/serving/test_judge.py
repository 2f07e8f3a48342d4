import pytest

from bucle.base.refs import Ref
from bucle.lifecycle import serving
from bucle.lifecycle.serving import Objectives, Rollout, VariantStats

PLAIN = Rollout(min_requests=100)
BY_MAE = Rollout(min_requests=100, metric="mae", max_error_ratio=1.1)


def stats(role: str, **values: object) -> VariantStats:
    known = {"requests": 1000, "errors": 0, "p95_ms": 2.0, "labelled": 500, "metric": 10.0}
    return VariantStats(role=role, model=Ref("model", "demand", 1), **(known | values))


# (the champion's figures, the canary's, rollout, objectives, higher is better, what follows)
CASES = [
    ({}, {}, PLAIN, Objectives(), False, "advance"),
    ({}, {"requests": 99}, PLAIN, Objectives(), False, "wait"),
    ({}, {"errors": 30}, PLAIN, Objectives(), False, "abort"),
    ({"errors": 25}, {"errors": 30}, PLAIN, Objectives(), False, "advance"),
    ({}, {"requests": 5, "errors": 1}, PLAIN, Objectives(), False, "wait"),
    ({}, {"requests": 5, "errors": 5}, PLAIN, Objectives(), False, "abort"),
    ({}, {"p95_ms": 3.9}, PLAIN, Objectives(), False, "advance"),
    ({}, {"p95_ms": 4.1}, PLAIN, Objectives(), False, "abort"),
    ({}, {"p95_ms": 4.1}, PLAIN, Objectives(p95_ms=5), False, "advance"),
    ({}, {"p95_ms": 5.1}, PLAIN, Objectives(p95_ms=5), False, "abort"),
    ({"p95_ms": 0.1}, {"p95_ms": 0.9}, PLAIN, Objectives(), False, "advance"),
    ({"p95_ms": None, "requests": 0}, {}, PLAIN, Objectives(), False, "advance"),
    ({}, {"metric": 10.9}, BY_MAE, Objectives(), False, "advance"),
    ({}, {"metric": 11.1}, BY_MAE, Objectives(), False, "abort"),
    ({}, {"metric": 9.2}, BY_MAE, Objectives(), True, "advance"),
    ({}, {"metric": 9.0}, BY_MAE, Objectives(), True, "abort"),
    ({"metric": -1.0}, {"metric": -1.05}, BY_MAE, Objectives(), True, "advance"),
    ({"metric": -1.0}, {"metric": -1.2}, BY_MAE, Objectives(), True, "abort"),
    ({}, {"labelled": 99}, BY_MAE, Objectives(), False, "wait"),
    ({}, {"labelled": 99, "metric": 50.0}, BY_MAE, Objectives(), False, "wait"),
    ({}, {"labelled": 0, "metric": None}, BY_MAE, Objectives(), False, "wait"),
]


@pytest.mark.parametrize(("champion", "canary", "rollout", "owed", "higher", "follows"), CASES)
def test_a_canary_is_judged_by_what_it_did_beside_the_champion(
    champion: dict[str, object],
    canary: dict[str, object],
    rollout: Rollout,
    owed: Objectives,
    higher: bool,  # noqa: FBT001 - a table
    follows: str,
) -> None:
    verdicts = serving.judge_canary(
        stats("champion", **champion),
        stats("canary", **canary),
        rollout,
        owed,
        higher_is_better=higher,
    )
    assert serving.conclude(verdicts) == follows


def test_verdicts_come_with_value_limit_and_reason() -> None:
    champion, canary = stats("champion"), stats("canary", metric=12.0)
    verdicts = {verdict.name: verdict for verdict in serving.judge_canary(champion, canary, BY_MAE)}
    assert list(verdicts) == ["requests", "labels", "errors", "latency", "mae"]
    assert (verdicts["mae"].ok, verdicts["mae"].value) == (False, 12.0)
    assert verdicts["mae"].limit == pytest.approx(11.0)
    assert "champion 10" in verdicts["mae"].note
