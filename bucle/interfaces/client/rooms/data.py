"""Dataset versions: commit, read, validate.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.data import Rows
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.quarantine.records import Quarantine, QuarantinedRows
from bucle.lifecycle.data.records import (
    Branch,
    CheckReport,
    DataFile,
    Dataset,
    DatasetDiff,
    DatasetSpec,
    DatasetVersion,
    Expectation,
    PartFile,
    Profile,
    Split,
    SplitReport,
)
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sourcing.records import Arrival, Pulled, SourceReport


class DataRoom(Room):
    """Dataset versions: commit, read, validate."""

    def declare(
        self,
        name: str,
        *,
        key: Sequence[str] = (),
        time: str | None = None,
        description: str = "",
        owner: str = "",
        expectations: Sequence[Expectation] = (),
        source: SourceSpec | None = None,
    ) -> DatasetSpec:
        """Declare a dataset's key, time and expectations."""
        answer: DatasetSpec = self._call(
            "data.declare",
            name=name,
            key=key,
            time=time,
            description=description,
            owner=owner,
            expectations=expectations,
            source=source,
        )
        return answer

    def commit(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes],
        *,
        format: Literal["", "parquet", "csv", "json", "arrow", "excel"] = "",
        mode: Literal["replace", "append"] = "replace",
        message: str = "",
        if_head: str | None = None,
        evolve: bool = False,
        quote: Literal["", "yes", "no"] = "",
        columns: Sequence[str] = (),
        lines: Literal["fail", "quarantine"] = "fail",
        sheet: str = "",
        header_row: int = 1,
        branch: str = "main",
    ) -> DatasetVersion:
        """Commit files as the next version of a dataset."""
        answer: DatasetVersion = self._call(
            "data.commit",
            name=name,
            files=files,
            format=format,
            mode=mode,
            message=message,
            if_head=if_head,
            evolve=evolve,
            quote=quote,
            columns=columns,
            lines=lines,
            sheet=sheet,
            header_row=header_row,
            branch=branch,
        )
        return answer

    def check(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes] = (),
        *,
        format: Literal["", "parquet", "csv", "json", "arrow", "excel"] = "",
        mode: Literal["replace", "append"] = "replace",
        quote: Literal["", "yes", "no"] = "",
        columns: Sequence[str] = (),
        lines: Literal["fail", "quarantine"] = "fail",
        sheet: str = "",
        header_row: int = 1,
    ) -> CheckReport:
        """Judge files (or the newest version) by the expectations, and commit nothing."""
        answer: CheckReport = self._call(
            "data.check",
            name=name,
            files=files,
            format=format,
            mode=mode,
            quote=quote,
            columns=columns,
            lines=lines,
            sheet=sheet,
            header_row=header_row,
        )
        return answer

    def list(self, *, limit: int = 100, token: str | None = None) -> Page[Dataset]:
        """List the datasets of the project."""
        answer: Page[Dataset] = self._call("data.list", limit=limit, token=token)
        return answer

    def get(self, ref: str) -> DatasetVersion:
        """Show a version: by number, tag, time or digest."""
        answer: DatasetVersion = self._call("data.get", ref=ref)
        return answer

    def log(
        self, name: str, *, limit: int = 50, token: str | None = None, branch: str = "main"
    ) -> Page[DatasetVersion]:
        """List the versions of a dataset, newest first."""
        answer: Page[DatasetVersion] = self._call(
            "data.log", name=name, limit=limit, token=token, branch=branch
        )
        return answer

    def read(
        self, ref: str, *, columns: Sequence[str] = (), where: str = "", limit: int = 100
    ) -> Rows:
        """Read some rows of a version."""
        answer: Rows = self._call("data.read", ref=ref, columns=columns, where=where, limit=limit)
        return answer

    def files(self, ref: str) -> tuple[DataFile, ...]:
        """List the Parquet files of a version, to fetch by their digests."""
        answer: tuple[DataFile, ...] = self._call("data.files", ref=ref)
        return answer

    def tag(self, ref: str, tag: str) -> DatasetVersion:
        """Put a tag on a version."""
        answer: DatasetVersion = self._call("data.tag", ref=ref, tag=tag)
        return answer

    def diff(self, left: str, right: str) -> DatasetDiff:
        """Compare two versions: rows and columns."""
        answer: DatasetDiff = self._call("data.diff", left=left, right=right)
        return answer

    def profile(self, ref: str) -> Profile:
        """Show the distribution of every column of a version."""
        answer: Profile = self._call("data.profile", ref=ref)
        return answer

    def split(
        self,
        ref: str,
        *,
        name: str,
        fit: float = 0.6,
        select: float = 0.2,
        by: str = "",
        time: str = "",
        seed: int = 0,
    ) -> Split:
        """Split a version into rows that fit, that select and that confirm, for ever."""
        answer: Split = self._call(
            "data.split", ref=ref, name=name, fit=fit, select=select, by=by, time=time, seed=seed
        )
        return answer

    def show_split(self, ref: str) -> SplitReport:
        """Show a split, and who looked at its confirming part."""
        answer: SplitReport = self._call("data.show_split", ref=ref)
        return answer

    def part(self, ref: str, part: Literal["fit", "select", "confirm"]) -> PartFile:
        """Store a part of a split that fits or selects as a file, to fetch by its digest."""
        answer: PartFile = self._call("data.part", ref=ref, part=part)
        return answer

    def look(self, ref: str, *, purpose: str) -> PartFile:
        """Look at the confirming part of a split; each look is counted and says what for."""
        answer: PartFile = self._call("data.look", ref=ref, purpose=purpose)
        return answer

    def quarantines(
        self, name: str, *, limit: int = 50, token: str | None = None
    ) -> Page[Quarantine]:
        """List what commits to a dataset set apart, newest first."""
        answer: Page[Quarantine] = self._call(
            "data.quarantines", name=name, limit=limit, token=token
        )
        return answer

    def quarantined(self, name: str, number: int = 0, *, limit: int = 100) -> QuarantinedRows:
        """Read rows and lines that were set apart, each with what it breaks."""
        answer: QuarantinedRows = self._call(
            "data.quarantined", name=name, number=number, limit=limit
        )
        return answer

    def replay(
        self,
        name: str,
        number: int = 0,
        files: Sequence[Upload | Path | str | bytes] = (),
        *,
        format: Literal["", "parquet", "csv", "json", "arrow", "excel"] = "",
        message: str = "",
    ) -> DatasetVersion:
        """Append rows that were set apart, as they are or corrected in files."""
        answer: DatasetVersion = self._call(
            "data.replay", name=name, number=number, files=files, format=format, message=message
        )
        return answer

    def propose(self, ref: str) -> DatasetSpec:
        """Propose expectations that a version fulfils, to be declared."""
        answer: DatasetSpec = self._call("data.propose", ref=ref)
        return answer

    def source(
        self,
        name: str,
        *,
        url: str,
        query: str = "",
        table: str = "",
        watermark: str = "",
        lag: str = "",
        mode: Literal["", "append", "upsert", "replace"] = "",
        schedule: str = "",
        format: Literal["", "parquet", "csv", "json", "arrow", "excel"] = "",
        headers: Mapping[str, str] | UnsetType = UNSET,
        most_bytes: str = "1 GB",
        timeout: str = "60s",
        settle: str = "5s",
        marker: str = "",
        evolve: bool = False,
        lines: Literal["fail", "quarantine"] = "fail",
        quote: Literal["", "yes", "no"] = "",
        columns: Sequence[str] = (),
        sheet: str = "",
        header_row: int = 1,
    ) -> SourceReport:
        """Declare where a dataset is drawn from: a database, document, folder or topic."""
        answer: SourceReport = self._call(
            "data.source",
            name=name,
            url=url,
            query=query,
            table=table,
            watermark=watermark,
            lag=lag,
            mode=mode,
            schedule=schedule,
            format=format,
            headers=headers,
            most_bytes=most_bytes,
            timeout=timeout,
            settle=settle,
            marker=marker,
            evolve=evolve,
            lines=lines,
            quote=quote,
            columns=columns,
            sheet=sheet,
            header_row=header_row,
        )
        return answer

    def unsource(self, name: str) -> DatasetSpec:
        """Let a dataset be drawn no more, and forget how far it was."""
        answer: DatasetSpec = self._call("data.unsource", name=name)
        return answer

    def sources(self, *, limit: int = 100, token: str | None = None) -> Page[SourceReport]:
        """List the sources of datasets: last and next pull, rows, errors."""
        answer: Page[SourceReport] = self._call("data.sources", limit=limit, token=token)
        return answer

    def show_source(self, name: str) -> SourceReport:
        """Show a dataset's source and how its pulls go."""
        answer: SourceReport = self._call("data.show_source", name=name)
        return answer

    def arrivals(
        self,
        name: str,
        *,
        status: Literal["", "taken", "broken"] = "",
        limit: int = 100,
        token: str | None = None,
    ) -> Page[Arrival]:
        """List the files that arrived at a dataset's source: taken or broken."""
        answer: Page[Arrival] = self._call(
            "data.arrivals", name=name, status=status, limit=limit, token=token
        )
        return answer

    def pull(self, name: str, *, again: bool = False) -> Pulled:
        """Take what is new at a dataset's source into its next version."""
        answer: Pulled = self._call("data.pull", name=name, again=again)
        return answer

    def upsert(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes],
        *,
        format: str = "",
        message: str = "",
        if_head: str | None = None,
        branch: str = "main",
    ) -> DatasetVersion:
        """Put rows in place of those that have their keys, and add the rest."""
        answer: DatasetVersion = self._call(
            "data.upsert",
            name=name,
            files=files,
            format=format,
            message=message,
            if_head=if_head,
            branch=branch,
        )
        return answer

    def delete(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes],
        *,
        format: str = "",
        message: str = "",
        if_head: str | None = None,
        branch: str = "main",
    ) -> DatasetVersion:
        """Take out the rows whose keys are in files; older versions keep them."""
        answer: DatasetVersion = self._call(
            "data.delete",
            name=name,
            files=files,
            format=format,
            message=message,
            if_head=if_head,
            branch=branch,
        )
        return answer

    def branch(self, ref: str, branch: str) -> Branch:
        """Start a branch at a version; nothing is copied."""
        answer: Branch = self._call("data.branch", ref=ref, branch=branch)
        return answer

    def branches(self, name: str) -> tuple[Branch, ...]:
        """List the branches of a dataset, main first."""
        answer: tuple[Branch, ...] = self._call("data.branches", name=name)
        return answer

    def merge(
        self, name: str, branch: str, *, into: str = "main", message: str = ""
    ) -> DatasetVersion:
        """Merge a branch: take it over, or join by key; conflicts are named."""
        answer: DatasetVersion = self._call(
            "data.merge", name=name, branch=branch, into=into, message=message
        )
        return answer
