"""`bucle server`: the API and the pages in one process; `bucle up` starts it beside the rest."""

from collections.abc import Callable

import click

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.interfaces.api.site import api_site
from bucle.interfaces.cli.talk import say
from bucle.interfaces.http.door import build_app
from bucle.interfaces.http.server import AsgiApp, run_asgi
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.mlflow.site import mlflow_sites
from bucle.interfaces.web.site import web_site


@click.command()
@click.option("--host", help="Where to listen (BUCLE_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one (BUCLE_PORT).")
def server(host: str | None, port: int | None) -> None:
    """Serve the API and the pages until Ctrl-C."""
    settings = load_settings()
    house = House(settings)
    serve(
        house,
        host=host or settings.host,
        port=settings.port if port is None else port,
        on_ready=lambda address: say(f"listening at {address}"),
    )


def serve(house: House, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a house until SIGINT or SIGTERM, then close it.

    Raises:
        Invalid: the database is of another release.
        Unavailable: the address can not be listened on.
    """
    house.session()  # makes the schema, or says now and not at the first request what is wrong
    threads = Threads()
    try:
        run_asgi(
            control_app(house, threads),
            host=host,
            port=port,
            on_ready=on_ready,
            on_stop=threads.stopping.set,
        )
    finally:
        threads.close()
        house.close()


def control_app(house: House, threads: Threads) -> AsgiApp:
    """Return everything that this process answers."""
    return build_app(
        [api_site(house, threads), *mlflow_sites(house, threads), web_site(house, threads)]
    )
