"""Dataset versions: commit, read, validate.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.governance.search.records import Hit
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.data import Rows
from bucle.interfaces.operations.data_contracts import Looked
from bucle.interfaces.operations.data_reindex import Reindexed
from bucle.interfaces.operations.data_usage import Usage
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.catalog.records import ColumnProposal, Entry, Freshness
from bucle.lifecycle.data.contracts.records import Contract, ContractReport
from bucle.lifecycle.data.quarantine.records import Quarantine, QuarantinedRows
from bucle.lifecycle.data.records import (
    Branch,
    CheckReport,
    Column,
    ColumnNote,
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
        licence: str = "",
        fresh_within: str = "",
        tags: Sequence[str] = (),
        links: Mapping[str, str] | UnsetType = UNSET,
        columns: Mapping[str, ColumnNote] | UnsetType = UNSET,
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
            licence=licence,
            fresh_within=fresh_within,
            tags=tags,
            links=links,
            columns=columns,
        )
        return answer

    def commit(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes],
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
            branch=branch,
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

    def search(
        self, text: str = "", *, everywhere: bool = False, limit: int = 20, token: str | None = None
    ) -> Page[Hit]:
        """Find datasets, feature views, models and deployments by their words."""
        answer: Page[Hit] = self._call(
            "data.search", text=text, everywhere=everywhere, limit=limit, token=token
        )
        return answer

    def entry(self, name: str) -> Entry:
        """Show what the catalogue says of a dataset and its columns."""
        answer: Entry = self._call("data.entry", name=name)
        return answer

    def describe(
        self,
        name: str,
        *,
        owner: str | None = None,
        description: str | None = None,
        licence: str | None = None,
        fresh_within: str | None = None,
        tags: Sequence[str] | None = None,
        links: Mapping[str, str] | None = None,
    ) -> Entry:
        """Say what a dataset is: owner, licence, freshness, tags, links."""
        answer: Entry = self._call(
            "data.describe",
            name=name,
            owner=owner,
            description=description,
            licence=licence,
            fresh_within=fresh_within,
            tags=tags,
            links=links,
        )
        return answer

    def describe_column(
        self,
        name: str,
        column: str,
        *,
        meaning: str | None = None,
        unit: str | None = None,
        sensitivity: Literal["none", "personal", "sensitive", "secret"] | None = None,
    ) -> Entry:
        """Say what a column means, its unit, and how sensitive it is."""
        answer: Entry = self._call(
            "data.describe_column",
            name=name,
            column=column,
            meaning=meaning,
            unit=unit,
            sensitivity=sensitivity,
        )
        return answer

    def propose_columns(self, ref: str) -> tuple[ColumnProposal, ...]:
        """Propose meaning and sensitivity of columns, by their names and values."""
        answer: tuple[ColumnProposal, ...] = self._call("data.propose_columns", ref=ref)
        return answer

    def proposals(
        self, name: str, *, state: Literal["proposed", "confirmed", "rejected"] = "proposed"
    ) -> tuple[ColumnProposal, ...]:
        """List what was proposed of columns: open, confirmed or rejected."""
        answer: tuple[ColumnProposal, ...] = self._call("data.proposals", name=name, state=state)
        return answer

    def confirm_columns(self, name: str, columns: Sequence[str] = (), *, kind: str = "") -> Entry:
        """Take over what was proposed of columns; what people wrote stays."""
        answer: Entry = self._call("data.confirm_columns", name=name, columns=columns, kind=kind)
        return answer

    def reject_columns(
        self, name: str, columns: Sequence[str] = (), *, kind: str = ""
    ) -> tuple[ColumnProposal, ...]:
        """Turn down what was proposed of columns; it is not proposed again."""
        answer: tuple[ColumnProposal, ...] = self._call(
            "data.reject_columns", name=name, columns=columns, kind=kind
        )
        return answer

    def freshness(self, name: str = "") -> tuple[Freshness, ...]:
        """Tell which datasets are as fresh as they should be; late ones first."""
        answer: tuple[Freshness, ...] = self._call("data.freshness", name=name)
        return answer

    def propose_contract(
        self,
        name: str,
        *,
        producer: str,
        columns: Sequence[Column] = (),
        as_it_is: bool = False,
        expectations: Sequence[Expectation] = (),
        fresh_within: str = "",
        min_rows: int | None = None,
        max_rows: int | None = None,
        per: str = "",
        notice: str = "",
        version: str = "",
        note: str = "",
    ) -> Contract:
        """Propose what a producer promises of a dataset; the other side accepts it."""
        answer: Contract = self._call(
            "data.propose_contract",
            name=name,
            producer=producer,
            columns=columns,
            as_it_is=as_it_is,
            expectations=expectations,
            fresh_within=fresh_within,
            min_rows=min_rows,
            max_rows=max_rows,
            per=per,
            notice=notice,
            version=version,
            note=note,
        )
        return answer

    def accept_contract(
        self, name: str, *, side: Literal["producer", "project"] | None = None
    ) -> Contract:
        """Accept the contract that is proposed, for one's side."""
        answer: Contract = self._call("data.accept_contract", name=name, side=side)
        return answer

    def reject_contract(self, name: str, *, reason: str) -> Contract:
        """Turn down the contract that is proposed, and say why."""
        answer: Contract = self._call("data.reject_contract", name=name, reason=reason)
        return answer

    def end_contract(self, name: str, *, reason: str) -> Contract:
        """End the contract in force; nothing is judged by it any more."""
        answer: Contract = self._call("data.end_contract", name=name, reason=reason)
        return answer

    def contract(self, name: str) -> ContractReport:
        """Show a dataset's contract, and whether it is kept."""
        answer: ContractReport = self._call("data.contract", name=name)
        return answer

    def contracts(
        self, name: str = "", *, limit: int = 50, token: str | None = None
    ) -> Page[Contract]:
        """List contracts, the newest of each dataset first."""
        answer: Page[Contract] = self._call("data.contracts", name=name, limit=limit, token=token)
        return answer

    def judge_contracts(self) -> Looked:
        """Look now whether contracts and freshness are kept, as control does by itself."""
        answer: Looked = self._call("data.judge_contracts")
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

    def reindex(self) -> Reindexed:
        """Write anew what can be found, as after an upgrade from before the catalogue."""
        answer: Reindexed = self._call("data.reindex")
        return answer

    def usage(self, name: str, *, column: str = "") -> Usage:
        """Tell which views, models, deployments and runs use a dataset or a column."""
        answer: Usage = self._call("data.usage", name=name, column=column)
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
