"""Carry a store of MLflow into the house, thing by thing; what was carried before is passed over.

Each thing is one call that commits on its own, with the mark of how the thing looked: killed at
any point, the next import goes on, and a second one brings only what is new.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from bucle.base.codec import to_builtins
from bucle.base.digest import digest_value
from bucle.base.errors import BucleError, Conflict, Invalid, NotFound, Refused
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.importing import translate
from bucle.interfaces.client.importing.records import (
    FoundExperiment,
    FoundFile,
    FoundRun,
)
from bucle.interfaces.client.importing.report import ImportReport, Told
from bucle.interfaces.client.importing.source import Files, Source, Unreadable

_TOGETHER = 200
_POINTS = 100_000  # in one call
# What says that one thing can not be carried; anything else ends the import.
NOT_CARRIED = (Unreadable, Invalid, Conflict, NotFound, Refused)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How an import is made."""

    name: str = ""  # the source's name in the ledger; "": its place
    artifacts: bool = True
    again: bool = False  # look at everything again, however it looks


def _quiet(_what: str, _done: int) -> None:
    """Tell nobody."""


class Carrier:
    """One import: a source, a client of ours, and what was done so far."""

    def __init__(
        self, client: Client, source: Source, options: Options, told: Told = _quiet
    ) -> None:
        self.client = client
        self.source = source
        self.options = options
        self.told = told
        self.name = options.name or source.where
        self.report = ImportReport(
            source=self.name, project=client.project, into=client.transport.where
        )

    def looked(self, theirs: Sequence[str]) -> dict[str, str]:
        """Return the marks of what was carried before; none where all is looked at again."""
        if self.options.again or not theirs:
            return {}
        found = self.client.call("imports.look", source=self.name, theirs=tuple(theirs))
        return {one.theirs: one.mark for one in found}

    def files(self, what: str, files: Files) -> list[FoundFile] | None:
        """List files; None, and a word in the report, where that is not possible."""
        if not self.options.artifacts:
            return []
        try:
            return list(files.list())
        except Unreadable as error:
            self.report.miss(f"the artifacts of {what}", error.message)
            return None

    def stored(
        self, what: str, files: Files, found: Sequence[FoundFile], folder: Path
    ) -> tuple[dict[str, str], bool]:
        """Store files; return their digests by path, and whether there is one of each."""
        digests: dict[str, str] = {}
        for file in found:
            try:
                path = files.fetch(file, folder)
                digests[file.path] = self.client.put_content(path)
            except (Unreadable, OSError) as error:
                self.report.miss(f"artifact {file.path} of {what}", str(error))
        self.report.of("artifacts").brought += len(digests)
        return digests, len(digests) == len(found)

    def mark(self, thing: msgspec.Struct, files: Sequence[FoundFile] | None = ()) -> str:
        """Return how a thing looks; files that can not be listed look like nothing else."""
        listed = "unreadable" if files is None else to_builtins(tuple(files))
        return digest_value([to_builtins(thing), listed, self.options.artifacts])


def carry(client: Client, source: Source, options: Options, told: Told = _quiet) -> ImportReport:
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
    carrier.report.duration_s = round(time.monotonic() - begun, 3)
    return carrier.report


def _carry_experiments(carrier: Carrier) -> list[tuple[FoundExperiment, str]]:
    """Carry the experiments; return those that are here, with the ids that they have here."""
    found = list(carrier.source.experiments())
    tally = carrier.report.of("experiments")
    tally.found = len(found)
    before = {
        one.theirs: one
        for one in carrier.client.call(
            "imports.look",
            source=carrier.name,
            theirs=tuple(f"experiment:{one.id}" for one in found),
        )
    }
    here: list[tuple[FoundExperiment, str]] = []
    for one in found:
        known, mark = before.get(f"experiment:{one.id}"), carrier.mark(one)
        if known and known.mark == mark and not carrier.options.again:
            tally.unchanged += 1
            here.append((one, known.ours.name))
            continue
        try:
            made = carrier.client.call(
                "imports.experiment", **translate.experiment(one, carrier.name, mark)
            )
        except NOT_CARRIED as error:
            tally.left += 1
            carrier.report.miss(f"experiment {one.name!r} and its runs", _why(error))
            continue
        tally.brought += 1
        here.append((one, made.id))
        if made.name != one.name:
            carrier.report.notes.append(f"experiment {one.name!r} is {made.name!r} here")
    return here


def _carry_runs(carrier: Carrier, experiment: FoundExperiment, ours: str, folder: Path) -> None:
    tally = carrier.report.of("runs")
    for some in _in_parts(carrier.source.runs(experiment)):
        tally.found += len(some)
        before = carrier.looked([f"run:{run.id}" for run in some])
        for run in some:
            files = carrier.source.files_of_run(run)
            listed = carrier.files(f"run {run.id}", files)
            mark = carrier.mark(run, listed)
            carrier.report.of("artifacts").found += len(listed or ())
            if before.get(f"run:{run.id}") == mark:
                tally.unchanged += 1
                carrier.report.of("artifacts").unchanged += len(listed or ())
                continue
            try:
                digests, whole = carrier.stored(f"run {run.id}", files, listed or (), folder)
                _carry_run(carrier, run, ours, digests, mark if whole else "")
                tally.brought += 1
            except NOT_CARRIED as error:
                tally.left += 1
                carrier.report.miss(f"run {run.id}", _why(error))
            carrier.told("runs", tally.brought)


def _carry_run(
    carrier: Carrier, run: FoundRun, experiment: str, digests: dict[str, str], mark: str
) -> None:
    """Carry a run; of very many points, the mark is written when the last of them is here."""
    points = carrier.source.points(run)
    carrier.report.of("points").found += len(points)
    fields = translate.run(run, carrier.name, experiment)
    rest = range(_POINTS, len(points), _POINTS)
    carrier.client.call(
        "imports.run",
        **fields,
        files=digests,
        points=translate.columns(points[:_POINTS]),
        mark="" if rest else mark,
    )
    for begin in rest:
        carrier.client.call(
            "imports.points", ref=f"run:{run.id}",
            **translate.columns(points[begin : begin + _POINTS]),
        )  # fmt: skip
    if rest:
        carrier.client.call("imports.run", **fields, mark=mark)


def _in_parts(runs: Iterator[FoundRun]) -> Iterator[list[FoundRun]]:
    while some := list(islice(runs, _TOGETHER)):
        yield some


def _why(error: BucleError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
