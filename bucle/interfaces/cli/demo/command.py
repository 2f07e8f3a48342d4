"""`bucle demo`: a card-payment model is born, decays, is noticed and is replaced, unattended.

It starts what `bucle up` starts, on a clock of its own, and plays the world.  What retrains,
refuses and promotes is the loop that bucle.yaml declares.
"""

import os
import signal
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from bucle.base.clock import SharedClock, SystemClock
from bucle.base.errors import Invalid
from bucle.control.reconcile.apply import apply_project
from bucle.control.spec.project import load_project
from bucle.governance.session import House
from bucle.interfaces.cli.context import said
from bucle.interfaces.cli.demo.feed import Feed
from bucle.interfaces.cli.demo.place import (
    TEMPLATE,
    Place,
    last_monday,
    opened,
    prepare_folder,
    stream_of,
)
from bucle.interfaces.cli.demo.show import Board, Lines, Show
from bucle.interfaces.cli.demo.stream import Stream
from bucle.interfaces.cli.demo.summary import (
    Summary,
    fates,
    figures,
    left_alone,
    summary_lines,
)
from bucle.interfaces.cli.demo.words import text
from bucle.interfaces.cli.sign_in import owner_token
from bucle.interfaces.cli.up import Children, start
from bucle.interfaces.client import Client, connect
from bucle.interfaces.client.replay import Replay

_MODEL = "fraud"
_HISTORY_DAYS = 35  # before the first day of the stream
_LEAST_DAYS = 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked for."""

    folder: Path
    days: int
    seed: int
    language: str
    keep_serving: bool


@click.command("demo")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), default=Path("bucle-demo"),
    show_default=True, help="The project's folder; an earlier demo in it is begun anew.",
)  # fmt: skip
@click.option("--days", default=49, show_default=True, help="How many days to replay.")
@click.option("--seed", default=7, show_default=True, help="What the payments are made from.")
@click.option("--without-triggers", is_flag=True, help="Take the triggers out of its bucle.yaml.")
@click.option("--keep-serving", is_flag=True, help="Leave page and model server up at the end.")
@click.pass_context
def demo(context: click.Context, /, folder: Path, days: int, seed: int, **flags: bool) -> None:
    """Watch one whole loop turn by itself, in about a minute."""
    if days < _LEAST_DAYS:
        raise Invalid(f"a demo of {days} days shows nothing", hint="bucle demo --days 49")
    asked = Asked(
        folder=folder.absolute(),
        days=days,
        seed=seed,
        language=said(context).language,
        keep_serving=flags["keep_serving"],
    )
    prepare_folder(asked.folder, with_triggers=not flags["without_triggers"])
    summary = run_demo(asked, as_json=said(context).as_json)
    if said(context).as_json:
        from bucle.base.codec import encode

        click.echo(encode(summary).decode())


def run_demo(asked: Asked, *, as_json: bool) -> Summary:
    """Run a demo in a folder that was prepared; tell what happens, and what came of it."""
    begun_s = time.monotonic()
    end = last_monday(SystemClock().now())
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        place, clock, payments = _opened(stack, asked, end)
        children = start_everything(stack, place)
        page = _page(place)
        house = House(place.settings)
        stack.callback(house.close)
        session = house.session(project=place.settings.project)
        client = stack.enter_context(_client(place))
        replay = Replay(client, clock, _MODEL, place.settings.predict_url)
        stack.callback(replay.close)
        stream = Stream(payments, client, replay, _HISTORY_DAYS, place.stream)
        feed = Feed(session, asked.language)
        with _show(feed, asked) as show:
            show.say(text("project", asked.language, folder=asked.folder))
            show.say(text("page", asked.language, url=page))
            show.stage("first")
            _begin(show, client, replay, stream, asked, place)
            show.stage("stream")
            for day in stream.run(_HISTORY_DAYS + asked.days):
                show.day(day)
        places = payments.between(_HISTORY_DAYS, _HISTORY_DAYS + asked.days)
        span = stream.day_start(_HISTORY_DAYS), stream.day_start(_HISTORY_DAYS + asked.days)
        alone = left_alone(session, _MODEL, stream, span)
        summary = Summary(
            days=asked.days,
            predictions=places.stop - places.start,
            loop=figures(stream, stream.held, places),
            alone=figures(stream, alone, places),
            versions=fates(session, _MODEL, asked.language),
            trainings=feed.retrainings,
            page=page,
            folder=str(asked.folder),
            last_prediction=stream.last_id,
            took_s=round(time.monotonic() - begun_s, 1),
        )
        _tell(summary, asked, as_json=as_json)
        if asked.keep_serving:
            click.echo(text("serving", asked.language, url=page), err=True)
            children.watch()
    return summary


def start_everything(stack: ExitStack, place: Place) -> Children:
    """Apply the project and start what `bucle up` starts; stop it when the stack closes."""
    house = House(place.settings)
    try:
        spec = load_project(place.folder)
        apply_project(house.session(project=spec.project), spec, str(place.folder))
    finally:
        house.close()
    children = start(place.settings)
    stack.callback(children.stop)
    return children


def _opened(stack: ExitStack, asked: Asked, end: datetime) -> tuple[Place, SharedClock, Any]:
    """Open the home; the clock stands at the first day of the stream."""
    module = stream_of(asked.folder)
    plan = module.Plan(seed=asked.seed)
    if _HISTORY_DAYS + asked.days > plan.days:
        raise Invalid(
            f"the stream has {plan.days - _HISTORY_DAYS} days, not {asked.days}",
            hint=f"bucle demo --days {plan.days - _HISTORY_DAYS}",
        )
    payments = module.Payments(plan, end - timedelta(days=plan.days))
    place, clock = stack.enter_context(
        opened(asked.folder, payments.start + timedelta(days=_HISTORY_DAYS))
    )
    return place, clock, payments


def _begin(
    show: Show, client: Client, replay: Replay, stream: Stream, asked: Asked, place: Place
) -> None:
    """Commit what is known so far; the declared triggers do the rest."""
    known_days = _HISTORY_DAYS - int(place.stream.LABEL_DELAY_DAYS)
    version = stream.begin()
    show.say(text("history", asked.language, rows=version.rows, days=known_days, ref=version.ref))
    if not load_project(asked.folder).triggers:
        show.say(text("by_hand", asked.language))
        client.control.fire("train")
    replay.settle(stream.day_start(_HISTORY_DAYS))


def _client(place: Place) -> Client:
    settings = place.settings
    return connect(
        f"http://{settings.host}:{settings.port}",
        token=owner_token(settings),
        project=settings.project,
    )


def _page(place: Place) -> str:
    settings = place.settings
    token = owner_token(settings)
    return f"http://{settings.host}:{settings.port}/sign-in?token={token}"


def _show(feed: Feed, asked: Asked) -> Lines | Board:
    looked_at = sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
    return Board(feed, asked.language, asked.days) if looked_at else Lines(feed, asked.language)


def _tell(summary: Summary, asked: Asked, *, as_json: bool) -> None:
    for line in summary_lines(summary, asked.language):
        click.echo(line, err=as_json)
    here = Path.cwd()
    inside = asked.folder.is_relative_to(here)
    folder = asked.folder.relative_to(here) if inside else asked.folder
    click.echo(text("go_on", asked.language, folder=folder), err=as_json)
    click.echo(
        text(
            "trace",
            asked.language,
            folder=folder,
            project=TEMPLATE,
            ref=f"prediction:{summary.last_prediction}",
        ),
        err=as_json,
    )


def _leave(_number: int, _frame: object) -> None:
    """End as Ctrl-C does: the processes are stopped on the way out."""
    raise KeyboardInterrupt
