"""Each alert rule fires on what it is for and on nothing else: tried by Prometheus's own tool."""

import json
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.prometheus import program

RULES = Path(__file__).resolve().parents[2] / "bucle/interfaces/predict/ops/bucle.rules.yml"
V = 'project="p",deployment="d",model="model:d@1",variant="champion"'
REQUESTS = f"bucle_predict_requests_total{{{V}}}"
ERRORS = f"bucle_predict_errors_total{{{V}}}"
OBJECTIVE = ('bucle_predict_objective_seconds{deployment="p.d"}', "0.05x120")
EVERY = 120  # minutes that are shown


def latency(le: str, values: str) -> tuple[str, str]:
    return f'bucle_predict_latency_seconds_bucket{{{V},le="{le}"}}', values


# alert -> series on which it fires, series on which it does not, after two hours
CASES: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "BucleModelFails": (
        [(REQUESTS, "0+600x120"), (ERRORS, "0+12x120")],
        [(REQUESTS, "0+600x120"), (ERRORS, "0+3x120")],
    ),
    "BucleSlowerThanAgreed": (
        [OBJECTIVE, latency("0.05", "0+90x120"), latency("0.1", "0+100x120"),
         latency("+Inf", "0+100x120")],
        [OBJECTIVE, latency("0.05", "0+99x120"), latency("0.1", "0+100x120"),
         latency("+Inf", "0+100x120")],
    ),
    "BucleTurnsRequestsAway": (
        [('bucle_predict_rejected_total{deployment="d",reason="full"}', "0+9x120")],
        [('bucle_predict_rejected_total{deployment="d",reason="full"}', "9x120"),
         ('bucle_predict_rejected_total{deployment="d",reason="draining"}', "0+9x120")],
    ),
    "BucleDeadlinesMissed": (
        [(REQUESTS, "0+600x120"), (f"bucle_predict_late_total{{{V}}}", "0+12x120")],
        [(REQUESTS, "0+600x120"), (f"bucle_predict_late_total{{{V}}}", "0+3x120")],
    ),
    "BuclePredictionsNotLogged": (
        [('bucle_predict_log_lost_rows{instance="a"}', "0x110 1+1x10")],
        [('bucle_predict_log_lost_rows{instance="a"}', "0+1x10 11x110")],
    ),
    "BucleLogLags": (
        [('bucle_predict_log_lag_seconds{instance="a"}', "0+60x120")],
        [('bucle_predict_log_lag_seconds{instance="a"}', "1x120")],
    ),
    "BucleNotReady": (
        [('bucle_predict_ready{instance="a"}', "1x100 0x20")],
        [('bucle_predict_ready{instance="a"}', "0x10 1x110")],
    ),
    "BucleServerGone": (
        [('bucle_predict_ready{instance="a"}', "1x90"),
         ('bucle_predict_ready{instance="b"}', "1x120")],
        [('bucle_predict_ready{instance="a"}', "1x10"),
         ('bucle_predict_ready{instance="b"}', "1x120")],
    ),
    "BuclePlanStale": (
        [('bucle_predict_problems{instance="a"}', "0x100 1x20")],
        [('bucle_predict_problems{instance="a"}', "1x5 0x115")],
    ),
    "BucleRevisionsDiffer": (
        [('bucle_predict_plan_revision{deployment="p.d",instance="a"}', "4x120"),
         ('bucle_predict_plan_revision{deployment="p.d",instance="b"}', "3x120")],
        [('bucle_predict_plan_revision{deployment="p.d",instance="a"}', "4x120"),
         ('bucle_predict_plan_revision{deployment="p.d",instance="b"}', "3x100 4x20"),
         ('bucle_predict_plan_revision{deployment="p.e",instance="b"}', "9x120")],
    ),
    "BucleNoTraffic": (
        [(REQUESTS, "0+60x80 4800x40")],
        [(REQUESTS, "0+60x120")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "keeps quiet"])
def test_an_alert_fires_on_what_it_is_for_and_on_nothing_else(fires: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    tests = [_test(alert, CASES[alert][0 if fires else 1], fires=fires) for alert in CASES]
    file = tmp_path / "tests.json"
    told = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(told), encoding="utf-8")
    ran = subprocess.run(
        [program("promtool"), "test", "rules", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_rule_of_the_file_is_tried() -> None:
    groups = YAML(typ="safe").load(RULES.read_text(encoding="utf-8"))["groups"]
    assert [rule["alert"] for group in groups for rule in group["rules"]] == list(CASES)


def _test(alert: str, series: list[tuple[str, str]], *, fires: bool) -> dict[str, object]:
    expr = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    said = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "name": alert,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "promql_expr_test": [{"expr": expr, "eval_time": f"{EVERY}m", "exp_samples": said}],
    }
