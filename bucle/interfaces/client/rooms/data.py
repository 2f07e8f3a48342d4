"""Dataset versions: commit, read, validate.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.data import Rows
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.collect.records import GarbageReport
from bucle.lifecycle.data.files.records import FilePlace, TreeFile
from bucle.lifecycle.data.packs.records import PackReport
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
        )
        return answer

    def commit(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes] = (),
        *,
        format: Literal["", "parquet", "csv", "json", "arrow"] = "",
        mode: Literal["replace", "append"] = "replace",
        message: str = "",
        if_head: str | None = None,
        evolve: bool = False,
        quote: Literal["", "yes", "no"] = "",
        columns: Sequence[str] = (),
        lines: Literal["fail", "quarantine"] = "fail",
        branch: str = "main",
        kind: Literal["", "table", "files"] = "",
        tree: Sequence[str] = (),
    ) -> DatasetVersion:
        """Commit files or a folder as the next version of a dataset."""
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
            branch=branch,
            kind=kind,
            tree=tree,
        )
        return answer

    def check(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes] = (),
        *,
        format: Literal["", "parquet", "csv", "json", "arrow"] = "",
        mode: Literal["replace", "append"] = "replace",
        quote: Literal["", "yes", "no"] = "",
        columns: Sequence[str] = (),
        lines: Literal["fail", "quarantine"] = "fail",
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

    def tree(
        self,
        ref: str,
        prefix: str = "",
        *,
        glob: str = "",
        limit: int = 100,
        token: str | None = None,
    ) -> Page[TreeFile]:
        """List the files of a version by their paths; of a table, its Parquet files."""
        answer: Page[TreeFile] = self._call(
            "data.tree", ref=ref, prefix=prefix, glob=glob, limit=limit, token=token
        )
        return answer

    def locate(self, ref: str, paths: Sequence[str]) -> tuple[FilePlace, ...]:
        """Show in which contents the bytes of files lie, to fetch them by their digests."""
        answer: tuple[FilePlace, ...] = self._call("data.locate", ref=ref, paths=paths)
        return answer

    def missing(self, name: str, digests: Sequence[str]) -> tuple[str, ...]:
        """Return which of some contents of files are not stored yet."""
        answer: tuple[str, ...] = self._call("data.missing", name=name, digests=digests)
        return answer

    def add_packs(self, name: str, packs: Sequence[str]) -> tuple[PackReport, ...]:
        """Take in packs of files that were uploaded; bucle data commit does it."""
        answer: tuple[PackReport, ...] = self._call("data.add_packs", name=name, packs=packs)
        return answer

    def gc(self, *, grace: str = "7d", delete: bool = False) -> GarbageReport:
        """List stored content that nothing refers to, or delete it (--delete)."""
        answer: GarbageReport = self._call("data.gc", grace=grace, delete=delete)
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
        format: Literal["", "parquet", "csv", "json", "arrow"] = "",
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
