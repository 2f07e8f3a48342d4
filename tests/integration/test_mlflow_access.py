"""What people may do at the MLflow door, as the unmodified clients say who they are."""

import subprocess
import sys

import pytest

from tests.support.mlflow import ACCESS, MAJORS, client_environment, run_tests, tell
from tests.support.servers import Running, server

pytestmark = [pytest.mark.service, pytest.mark.timeout(1200)]
# Who there is besides the owner, in which role, in which project.
PEOPLE = {
    "scientist": ("scientist", "default"),
    "viewer": ("viewer", "default"),
    "stranger": ("owner", "bikes"),
    "revoked": ("owner", "default"),
}


def access(running: Running, *words: str) -> str:
    """Manage access with the command line, at the server."""
    command = [sys.executable, "-m", "bucle", "access", *words, "--server", running.url]
    environ = {"BUCLE_TOKEN": running.token}
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize("major", MAJORS)
def test_people_may_do_what_their_roles_allow(major, tmp_path, subtests):
    client = client_environment(major)
    with server(tmp_path / "home") as running:
        said = {"MLFLOW_TRACKING_URI": running.url, "MLFLOW_SUITE_OWNER": running.token}
        for name, (role, project) in PEOPLE.items():
            access(running, "add", name)
            access(running, "grant", name, role, "--project", project)
            token = access(running, "create-token", "--principal", name)
            said[f"MLFLOW_SUITE_{name.upper()}"] = token
        access(running, "revoke-token", said["MLFLOW_SUITE_REVOKED"].split("_")[1])
        cases = run_tests(client, [str(ACCESS)], tmp_path / "report.xml", said)
    tell(cases, subtests)
