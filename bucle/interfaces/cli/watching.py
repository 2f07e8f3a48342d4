"""`bucle serving alerts` and `dashboard`: files for Prometheus and Grafana, to standard output."""

from importlib import resources

import click

_ROOM = "bucle.interfaces.predict.ops"


@click.command("alerts")
def alerts() -> None:
    """Print alert rules of the model servers, for Prometheus."""
    click.echo(_file("bucle.rules.yml"), nl=False)


@click.command("dashboard")
def dashboard() -> None:
    """Print a dashboard of the model servers, for Grafana."""
    click.echo(_file("bucle.dashboard.json"), nl=False)


def _file(name: str) -> str:
    return (resources.files(_ROOM) / name).read_text(encoding="utf-8")
