"""The unmodified MLflow clients of two majors, against our server on both databases."""

import pytest

from tests.support.mlflow import (
    MAJORS,
    TORCH,
    client_environment,
    run_suite,
    tell,
    torch_environment,
)
from tests.support.servers import server

pytestmark = [pytest.mark.service, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("major", MAJORS)
def test_an_unmodified_client_works_on_sqlite(major, tmp_path, subtests):
    client = client_environment(major)
    with server(tmp_path / "home") as running:
        report = tmp_path / "report.xml"
        cases = run_suite(client, running.url, report, token=running.token, purge=running.purge)
    tell(cases, subtests)


@pytest.mark.parametrize("major", MAJORS)
def test_an_unmodified_client_works_on_postgresql(major, tmp_path, postgresql_url, subtests):
    client = client_environment(major)
    with server(tmp_path / "home", database_url=postgresql_url) as running:
        report = tmp_path / "report.xml"
        cases = run_suite(client, running.url, report, token=running.token, purge=running.purge)
    tell(cases, subtests)


@pytest.mark.parametrize("major", MAJORS)
def test_a_project_is_named_in_the_tracking_uri(major, tmp_path, subtests):
    client = client_environment(major)
    with server(tmp_path / "home") as running:
        uri = f"{running.url}/mlflow/bikes"
        chosen = ("test_runs.py", "test_artifacts.py")
        report = tmp_path / "report.xml"
        cases = run_suite(client, uri, report, token=running.token, chosen=chosen)
    tell(cases, subtests)


def test_pytorch_logs_its_training(tmp_path, subtests):
    client = torch_environment()
    with server(tmp_path / "home") as running:
        report = tmp_path / "report.xml"
        cases = run_suite(client, running.url, report, token=running.token, chosen=TORCH)
    tell(cases, subtests)
