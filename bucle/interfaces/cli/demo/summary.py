"""What a demo came to: the loop beside its first model left alone, and every version's fate."""

from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.interfaces.cli.demo.feed import version_of
from bucle.interfaces.cli.demo.stream import Stream
from bucle.interfaces.cli.demo.words import text
from bucle.lifecycle import registry, serving
from bucle.lifecycle.registry import Decision
from bucle.lifecycle.serving.segments import FEATURE

_MOST = 200


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How one way of deciding did."""

    frauds: int
    caught: int
    false_alarms: int
    saved: float


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a version, and why."""

    version: str
    at: str
    fate: str
    why: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo came to."""

    days: int
    predictions: int
    loop: Figures
    alone: Figures
    versions: tuple[Fate, ...]
    trainings: int
    page: str
    folder: str
    last_prediction: str
    took_s: float

    @property
    def gain(self) -> float:
        """What the loop saved more than its first model alone would have."""
        return self.loop.saved - self.alone.saved


def figures(stream: Stream, held: np.ndarray, places: slice) -> Figures:
    """Return how a way of deciding did over some payments."""
    fraud = stream.payments.fraud[places]
    return Figures(
        frauds=int(fraud.sum()),
        caught=int((fraud & held[places]).sum()),
        false_alarms=int((~fraud & held[places]).sum()),
        saved=round(stream.saved(held, places), 2),
    )


def left_alone(
    session: Session, model: str, stream: Stream, span: tuple[datetime, datetime]
) -> np.ndarray:
    """Return what the first version would have held, had nothing ever replaced it.

    It is asked again with what the served versions were asked with: the request, and the
    features that the model server filled in.
    """
    with session.begin(write=False) as scope:
        version = registry.get_version(scope, Ref("model", model, 1))
    predictor = registry.open_version(session, version)
    ids, places = stream.asked
    try:
        inputs = predictor.signature.inputs
        logged = [FEATURE + field.name for field in inputs]
        rows = serving.read_predictions(session, model, *span, columns=["id", *logged])
        rows = rows.take(pc.index_in(pa.array(ids), value_set=rows["id"].combine_chunks()))
        named = rows.select(logged).rename_columns([field.name for field in inputs])
        said = predictor.predict(registry.columns_of(named, inputs))["prediction"]
    finally:
        predictor.close()
    held = np.zeros(len(stream.held), bool)
    held[places] = np.asarray(said) == 1
    return held


def fates(session: Session, model: str, language: str) -> tuple[Fate, ...]:
    """Return every version's last decision, and why it was taken, the oldest first."""
    with session.begin(write=False) as scope:
        known = registry.history(scope, model)
        versions = registry.list_versions(scope, model, limit=_MOST).items
    found = []
    for version in sorted(versions, key=lambda one: one.number):
        decided = [one for one in known.decisions if one.version == version.number]
        newest = max(decided, key=lambda one: one.number, default=None)
        judged = next((one for one in decided if one.action in {"accepted", "refused"}), None)
        found.append(
            Fate(
                version=version_of(str(version.ref)),
                at=f"{version.registered_at:%Y-%m-%d}",
                fate=newest.action if newest else text("unjudged", language),
                why=_why(newest, judged),
            )
        )
    return tuple(found)


def summary_lines(summary: Summary, language: str) -> list[str]:
    """Return a summary as lines for a person."""
    loop, alone = summary.loop, summary.alone
    names = {key: text(f"summary.{key}", language) for key in ("frauds", "alarms", "saved")}
    width = max(map(len, names.values())) + 2
    heads = text("summary.loop", language), text("summary.alone", language)
    lines = [
        "",
        text("summary.title", language),
        f"  {'':{width}}{heads[0]:>22}{heads[1]:>26}",
        f"  {names['frauds']:{width}}{_share(loop):>22}{_share(alone):>26}",
        f"  {names['alarms']:{width}}{loop.false_alarms:>22,}{alone.false_alarms:>26,}",
        f"  {names['saved']:{width}}{loop.saved:>18,.0f} EUR{alone.saved:>22,.0f} EUR",
        f"  {text('summary.gain', language, gain=summary.gain)}",
        "",
        text("summary.versions", language),
    ]
    lines += [f"  {one.version:5}{one.at}  {one.fate:12}{one.why}" for one in summary.versions]
    took = text(
        "summary.took",
        language,
        days=summary.days,
        predictions=summary.predictions,
        seconds=summary.took_s,
    )
    return [*lines, "", took]


def _share(one: Figures) -> str:
    return f"{one.caught:,} / {one.frauds:,} ({one.caught / max(one.frauds, 1):.0%})"


def _why(newest: Decision | None, judged: Decision | None) -> str:
    if newest is None:
        return ""
    verdicts = judged.verdicts if judged else ()
    if newest.action == "refused":
        said = [f"{one.name}: {one.note.partition(';')[0]}" for one in verdicts if not one.ok]
    else:
        said = [newest.reason]
        compared = [one for one in verdicts if "champion" in one.name and one.limit is not None]
        said += [f"{one.name.split()[0]} {one.note.partition(';')[0]}" for one in compared]
    return "; ".join(part for part in said if part)
