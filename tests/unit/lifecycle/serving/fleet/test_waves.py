from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.serving.fleet.records import FleetRollout, FleetSpec, WaveCounts
from bucle.lifecycle.serving.fleet.waves import (
    check_spec,
    gets_target,
    judge_wave,
    labels_text,
    parse_labels,
    place_of,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROLLOUT = FleetRollout(
    number=2, plan="b", stable=1, state="rolling", started_at=NOW, wave_at=NOW, reach=0.1
)
SPEC = FleetSpec()


def test_places_of_followers_are_spread_evenly_and_never_change() -> None:
    places = [place_of(f"edge-{number}") for number in range(10_000)]
    assert places[7] == place_of("edge-7")
    assert abs(sum(place < 0.1 for place in places) - 1000) < 100


@pytest.mark.parametrize(
    ("state", "place", "labels", "gets"),
    [
        ("rolling", 0.05, "", True),
        ("rolling", 0.5, "", False),
        ("rolling", 0.5, "arch=arm,site=lab", True),
        ("rolling", 0.5, "site=labs", False),
        ("rolled_back", 0.05, "site=lab", False),
        ("finished", 0.9, "", True),
    ],
)
def test_who_gets_a_new_plan(state: str, place: float, labels: str, *, gets: bool) -> None:
    rollout = msgspec.structs.replace(ROLLOUT, state=state, labels=(",site=lab,",))
    assert gets_target(rollout, place, labels_text(parse_labels(labels))) is gets


@pytest.mark.parametrize(
    ("counts", "age_s", "settled", "outcome", "said"),
    [
        (WaveCounts(members=10, applied=4, failed=0), 1, False, "wait", ""),
        (WaveCounts(members=10, applied=10, failed=0), 1, False, "settle", ""),
        (WaveCounts(members=10, applied=10, failed=0), 1, True, "wait", ""),
        (WaveCounts(members=10, applied=10, failed=0), 9, True, "advance", ""),
        (WaveCounts(members=0, applied=0, failed=0), 9, True, "advance", ""),
        (
            WaveCounts(members=10, applied=4, failed=1, problem="no room"),
            1,
            False,
            "abort",
            "1 of 10 followers failed with it: no room",
        ),
        (WaveCounts(members=100, applied=96, failed=4), 9, True, "advance", ""),
        (
            WaveCounts(members=10, applied=4, failed=0),
            301,
            False,
            "abort",
            "4 of 10 followers serve it after 5m",
        ),
        (
            WaveCounts(members=10, applied=10, failed=0, requests=50, errors=2),
            9,
            True,
            "abort",
            "2 of 50 predictions failed",
        ),
        (WaveCounts(members=1, applied=1, failed=0, requests=1, errors=1), 9, True, "advance", ""),
    ],
)
def test_what_follows_from_a_wave(
    counts: WaveCounts, age_s: float, outcome: str, said: str, *, settled: bool
) -> None:
    rollout = msgspec.structs.replace(ROLLOUT, settled_at=NOW if settled else None)
    found, verdicts = judge_wave(counts, SPEC, rollout, NOW + timedelta(seconds=age_s))
    assert found == outcome
    assert [one.note for one in verdicts if not one.ok] == ([said] if said else [])


def test_the_last_wave_is_everybody() -> None:
    assert check_spec(FleetSpec(waves=("site=lab", "0.1"))).waves == ("site=lab", "0.1", "1")
    assert check_spec(FleetSpec(waves=())).waves == ("1",)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (FleetSpec(waves=("0.5", "0.1")), "do not rise"),
        (FleetSpec(waves=("many",)), "'many' is not a wave"),
        (FleetSpec(waves=("1.5",)), "'1.5' is not a wave"),
        (FleetSpec(waves=("site=",)), "is not a label"),
        (FleetSpec(min_healthy=2), "min_healthy is a share"),
        (FleetSpec(settle="soon"), "is not a duration"),
    ],
)
def test_what_can_not_be_declared(spec: FleetSpec, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        check_spec(spec)
