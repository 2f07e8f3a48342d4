"""Carry a store of MLflow into the house, thing by thing; what was carried before is passed over.

Each thing is one call that commits on its own, with the mark of how the thing looked: killed at
any point, the next import goes on, and a second one brings only what is new.
"""

import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bucle.base.codec import encode
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.importing import translate
from bucle.interfaces.client.importing.carrier import NOT_CARRIED, Carrier, Options, why
from bucle.interfaces.client.importing.carry_models import carry_logged_models, carry_registry
from bucle.interfaces.client.importing.carry_traces import carry_traces
from bucle.interfaces.client.importing.records import FoundExperiment, FoundRun
from bucle.interfaces.client.importing.report import ImportReport, Told, silent
from bucle.interfaces.client.importing.source import Source

_TOGETHER = 200
_POINTS = 100_000  # in one call, and
_CALL_BYTES = 14 << 20  # so many bytes of them: a server takes no larger request
_POINT_BYTES = 64  # a step, a time and a value as JSON; its name comes on top


def carry(client: Client, source: Source, options: Options, told: Told = silent) -> ImportReport:
    """Carry everything of a source; return what was done and what was not.

    Raises:
        Denied: the caller may not write here, or not read there.
        Unavailable: one of the two does not answer: call again, it goes on.
    """
    begun = time.monotonic()
    carrier = Carrier(client, source, options, told)
    carrier.report.notes.extend(source.silent_on)
    experiments = _carry_experiments(carrier)
    with tempfile.TemporaryDirectory(prefix="bucle-import-") as folder:
        for experiment, ours in experiments:
            _carry_runs(carrier, experiment, ours, Path(folder))
        for experiment, ours in experiments:
            carry_logged_models(carrier, experiment, ours, Path(folder))
            carry_traces(carrier, experiment, ours)
    carry_registry(carrier)
    for other in carrier.source.others():
        carrier.leave(other)
    carrier.report.duration_s = round(time.monotonic() - begun, 3)
    return carrier.report


def _carry_experiments(carrier: Carrier) -> list[tuple[FoundExperiment, str]]:
    """Carry the experiments; return those that are here, with the ids that they have here."""
    found = list(carrier.source.experiments())
    theirs = tuple(f"experiment:{one.id}" for one in found)
    told = carrier.client.call("imports.look", source=carrier.name, theirs=theirs)
    before = {one.theirs: one for one in told}
    here: list[tuple[FoundExperiment, str]] = []
    for one in found:
        known, mark = before.get(f"experiment:{one.id}"), carrier.mark(one)
        last = known.mark if known and not carrier.options.again else None
        is_new = carrier.is_new("experiments", last, mark)
        ours = known.ours.name if known and not is_new else _carry_experiment(carrier, one, mark)
        if ours:
            here.append((one, ours))
    return here


def _carry_experiment(carrier: Carrier, found: FoundExperiment, mark: str) -> str:
    """Carry an experiment; return its id here, or nothing if it was refused."""
    tally = carrier.report.of("experiments")
    fields = translate.experiment(found, carrier.name, mark)
    try:
        made = carrier.client.call("imports.experiment", **fields)
    except NOT_CARRIED as error:
        tally.left += 1
        carrier.report.miss(f"experiment {found.name!r} and its runs", why(error))
        return ""
    tally.brought += 1
    if made.name != found.name:
        carrier.report.note(f"experiment {found.name!r} is {made.name!r} here")
    return str(made.id)


def _carry_runs(carrier: Carrier, experiment: FoundExperiment, ours: str, folder: Path) -> None:
    for some in _in_parts(carrier.source.runs(experiment)):
        before = carrier.looked([f"run:{run.id}" for run in some])
        for run in some:
            carrier.roots[run.id] = run.artifact_uri
            _carry_run(carrier, run, (ours, before.get(f"run:{run.id}")), folder)


def _carry_run(
    carrier: Carrier, run: FoundRun, known: tuple[str, str | None], folder: Path
) -> None:
    """Carry a run with its files, if it is news: `known` is its experiment here, and its mark."""
    ours, before = known
    what, files = f"run {run.id}", carrier.source.files_of_run(run)
    listed = carrier.files(what, files)
    mark = carrier.mark(run, listed)
    carrier.report.of("artifacts").found += len(listed or ())
    if not carrier.is_new("runs", before, mark):
        carrier.report.of("artifacts").unchanged += len(listed or ())
        return
    tally = carrier.report.of("runs")
    try:
        digests, whole = carrier.stored(what, files, listed or (), folder)
        _carry_points(carrier, run, ours, digests, mark if whole else "")
    except NOT_CARRIED as error:
        tally.left += 1
        carrier.report.miss(what, why(error))
        return
    tally.brought += 1
    carrier.told("runs", tally.brought)


def _carry_points(
    carrier: Carrier, run: FoundRun, experiment: str, digests: dict[str, str], mark: str
) -> None:
    """Carry a run; of very many points, the mark is written when the last of them is here."""
    points = carrier.source.points(run)
    fields = translate.run(run, carrier.name, experiment)
    longest = max((len(encode(point[0])) for point in points), default=0)
    most = min(_POINTS, _CALL_BYTES // (longest + _POINT_BYTES))
    rest = range(most, len(points), most)
    carrier.client.call(
        "imports.run",
        **fields,
        files=digests,
        points=translate.columns(points[:most]),
        mark="" if rest else mark,
    )
    for begin in rest:
        carrier.client.call(
            "imports.points", ref=f"run:{run.id}",
            **translate.columns(points[begin : begin + most]),
        )  # fmt: skip
    if rest:
        carrier.client.call("imports.run", **fields, mark=mark)
    tally = carrier.report.of("points")
    tally.found += len(points)
    tally.brought += len(points)


def _in_parts(runs: Iterator[FoundRun]) -> Iterator[list[FoundRun]]:
    while some := list(islice(runs, _TOGETHER)):
        yield some
