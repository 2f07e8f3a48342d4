"""What every part of an import shares: the two sides, the options, the report, and files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.codec import to_builtins
from bucle.base.digest import digest_value
from bucle.base.errors import BucleError, Conflict, Invalid, NotFound, Refused
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.importing.records import FoundFile, FoundOther
from bucle.interfaces.client.importing.report import ImportReport, Told, silent
from bucle.interfaces.client.importing.source import Files, Source, Unreadable

# What says that one thing can not be carried; anything else ends the import.
NOT_CARRIED = (Unreadable, Invalid, Conflict, NotFound, Refused)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How an import is made."""

    name: str = ""  # the source's name in the ledger; "": its place
    artifacts: bool = True
    again: bool = False  # look at everything again, however it looks


class Carrier:
    """One import: a source, a client of ours, and what was done so far."""

    def __init__(
        self, client: Client, source: Source, options: Options, told: Told = silent
    ) -> None:
        self.client = client
        self.source = source
        self.options = options
        self.told = told
        self.name = options.name or source.where
        self.roots: dict[str, str] = {}  # run -> where its artifacts were
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

    def carried(self, kind: str, what: str, operation: str, fields: dict[str, Any]) -> bool:
        """Call an operation for one thing; if it is refused, say so in the report."""
        tally = self.report.of(kind)
        try:
            self.client.call(operation, **fields)
        except NOT_CARRIED as error:
            tally.left += 1
            self.report.miss(what, why(error))
            return False
        tally.brought += 1
        self.told(kind, tally.brought)
        return True

    def leave(self, found: FoundOther) -> None:
        """Tell things that have no place here, by their name and number."""
        if not found.name:
            self.report.miss(found.kind, f"the store does not list them: {found.detail}")
            return
        tally = self.report.of(found.kind)
        tally.found += found.count
        tally.left += found.count
        number = f"{found.count} x " if found.count > 1 else ""
        detail = f" ({found.detail})" if found.detail else ""
        self.report.miss(
            f"{found.kind}: {number}{found.name!r}{detail}", f"{found.kind} have no place here"
        )

    def is_new(self, kind: str, before: str | None, mark: str) -> bool:
        """Count a thing, and tell whether it has to be carried."""
        tally = self.report.of(kind)
        tally.found += 1
        if before == mark:
            tally.unchanged += 1
        return before != mark

    def mark(self, thing: msgspec.Struct, files: Sequence[FoundFile] | None = ()) -> str:
        """Return how a thing looks; files that can not be listed look like nothing else."""
        listed = "unreadable" if files is None else to_builtins(tuple(files))
        return digest_value([to_builtins(thing), listed, self.options.artifacts])


def why(error: BucleError) -> str:
    """Return what an error says and advises, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
