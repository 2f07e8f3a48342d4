"""Dataset versions: commit, read, validate.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.control.privacy.forget.records import Certificate, Deletion, DeletionReport
from bucle.governance.search.records import Hit
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.data import Rows
from bucle.interfaces.operations.data_contracts import Looked
from bucle.interfaces.operations.data_labels import Next
from bucle.interfaces.operations.data_reindex import Reindexed
from bucle.interfaces.operations.data_usage import Usage
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.ask.records import Answer
from bucle.lifecycle.data.catalog.records import ColumnProposal, Entry, Freshness
from bucle.lifecycle.data.collect.records import GarbageReport
from bucle.lifecycle.data.contracts.records import Contract, ContractReport
from bucle.lifecycle.data.decisions.records import CheckedDecision, DataDecision, Readiness
from bucle.lifecycle.data.explore.records import Drift, Exploration
from bucle.lifecycle.data.files.records import FilePlace, TreeFile
from bucle.lifecycle.data.labels.records import (
    Agreement,
    Exported,
    Imported,
    Progress,
    Question,
    Queue,
    Settled,
)
from bucle.lifecycle.data.labels.records import Answer as LabelsAnswer
from bucle.lifecycle.data.packs.records import PackReport
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
    Retention,
    Split,
    SplitLeaks,
    SplitReport,
)
from bucle.lifecycle.data.retain.records import Retained, RetentionPlan
from bucle.lifecycle.data.sensitivity.records import Levels
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sourcing.records import Arrival, Pulled, SourceReport
from bucle.lifecycle.data.suites.records import SuiteImport
from bucle.lifecycle.feedback.records import LabelReceipt


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
        require_decision: bool | UnsetType = UNSET,
        licence: str = "",
        fresh_within: str = "",
        tags: Sequence[str] = (),
        links: Mapping[str, str] | UnsetType = UNSET,
        columns: Mapping[str, ColumnNote] | UnsetType = UNSET,
        retention: Retention | None = None,
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
            require_decision=require_decision,
            licence=licence,
            fresh_within=fresh_within,
            tags=tags,
            links=links,
            columns=columns,
            retention=retention,
            source=source,
        )
        return answer

    def commit(
        self,
        name: str,
        files: Sequence[Upload | Path | str | bytes] = (),
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
            sheet=sheet,
            header_row=header_row,
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
        stratify: Sequence[str] = (),
        key: Sequence[str] = (),
    ) -> Split:
        """Split a version into rows that fit, that select and that confirm, for ever."""
        answer: Split = self._call(
            "data.split",
            ref=ref,
            name=name,
            fit=fit,
            select=select,
            by=by,
            time=time,
            seed=seed,
            stratify=stratify,
            key=key,
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

    def sql(
        self,
        sql: str,
        *,
        format: Literal["", "parquet", "arrow", "csv", "json"] = "",
        limit: int = 100,
        timeout: float = 60.0,
    ) -> Answer:
        """Ask dataset versions in SQL; the answer as rows, or as a file of all of them."""
        answer: Answer = self._call(
            "data.sql", sql=sql, format=format, limit=limit, timeout=timeout
        )
        return answer

    def derive(
        self,
        name: str,
        sql: str,
        *,
        message: str = "",
        mode: Literal["replace", "append"] = "replace",
        if_head: str | None = None,
        branch: str = "main",
        timeout: float = 600.0,
    ) -> DatasetVersion:
        """Make the answer of a SQL statement the next version of a dataset."""
        answer: DatasetVersion = self._call(
            "data.derive",
            name=name,
            sql=sql,
            message=message,
            mode=mode,
            if_head=if_head,
            branch=branch,
            timeout=timeout,
        )
        return answer

    def explore(
        self,
        ref: str,
        *,
        target: str = "",
        time: str = "",
        created: str = "",
        against: str = "",
        max_psi: float = 0.2,
        max_missing: float = 0.05,
    ) -> Exploration:
        """Look at a version: what stops a project first, then columns, relations, time."""
        answer: Exploration = self._call(
            "data.explore",
            ref=ref,
            target=target,
            time=time,
            created=created,
            against=against,
            max_psi=max_psi,
            max_missing=max_missing,
        )
        return answer

    def drift(
        self, left: str, right: str, *, max_psi: float = 0.2, max_missing: float = 0.05
    ) -> Drift:
        """Tell how far the columns of two versions moved, and whether that is too far."""
        answer: Drift = self._call(
            "data.drift", left=left, right=right, max_psi=max_psi, max_missing=max_missing
        )
        return answer

    def decide(
        self,
        ref: str,
        *,
        decision: Literal["go", "conditional", "no-go"],
        reason: Sequence[str],
        condition: Sequence[str] = (),
    ) -> DataDecision:
        """Decide go, conditional or no-go on a version, signed and for ever."""
        answer: DataDecision = self._call(
            "data.decide", ref=ref, decision=decision, reason=reason, condition=condition
        )
        return answer

    def decisions(self, ref: str) -> tuple[CheckedDecision, ...]:
        """List what was decided on a dataset or a version; each signature is verified."""
        answer: tuple[CheckedDecision, ...] = self._call("data.decisions", ref=ref)
        return answer

    def readiness(self, ref: str) -> Readiness:
        """Tell whether a model may be trained on a version, by what was decided."""
        answer: Readiness = self._call("data.readiness", ref=ref)
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

    def check_split(self, ref: str, *, groups: Sequence[str] = (), time: str = "") -> SplitLeaks:
        """Judge whether parts of a split share rows, groups or times."""
        answer: SplitLeaks = self._call("data.check_split", ref=ref, groups=groups, time=time)
        return answer

    def label_queue(
        self,
        name: str,
        dataset: str,
        *,
        key: Sequence[str] = (),
        show: Sequence[str] = (),
        question: Question | UnsetType = UNSET,
        answers: int = 1,
        labellers: Sequence[str] = (),
        priority: str = "",
        prediction: str = "",
        deployment: str = "",
        lease_s: int = 600,
    ) -> Queue:
        """Make a queue of a version's rows that people are to label."""
        answer: Queue = self._call(
            "data.label_queue",
            name=name,
            dataset=dataset,
            key=key,
            show=show,
            question=question,
            answers=answers,
            labellers=labellers,
            priority=priority,
            prediction=prediction,
            deployment=deployment,
            lease_s=lease_s,
        )
        return answer

    def label_queues(self) -> tuple[Queue, ...]:
        """List the queues of what is to be labelled."""
        answer: tuple[Queue, ...] = self._call("data.label_queues")
        return answer

    def label_show(self, name: str) -> Queue:
        """Show a queue: what is asked, of whom, and of which version."""
        answer: Queue = self._call("data.label_show", name=name)
        return answer

    def label_progress(self, name: str) -> Progress:
        """Tell how far a queue has come."""
        answer: Progress = self._call("data.label_progress", name=name)
        return answer

    def label_next(self, name: str) -> Next:
        """Take the next item of a queue in hand; nobody else gets it for a while."""
        answer: Next = self._call("data.label_next", name=name)
        return answer

    def label_answer(self, name: str, item: int, value: Any) -> LabelsAnswer:
        """Answer an item of a queue."""
        answer: LabelsAnswer = self._call("data.label_answer", name=name, item=item, value=value)
        return answer

    def label_skip(self, name: str, item: int, *, reason: str) -> LabelsAnswer:
        """Pass an item over, and say why; others are asked."""
        answer: LabelsAnswer = self._call("data.label_skip", name=name, item=item, reason=reason)
        return answer

    def label_undo(self, name: str) -> LabelsAnswer:
        """Take your last answer back, and the item in hand again."""
        answer: LabelsAnswer = self._call("data.label_undo", name=name)
        return answer

    def label_adjudicate(self, name: str, item: int, value: Any) -> LabelsAnswer:
        """Settle an item that labellers disagree about."""
        answer: LabelsAnswer = self._call(
            "data.label_adjudicate", name=name, item=item, value=value
        )
        return answer

    def label_agreement(self, name: str) -> Agreement:
        """Measure how far labellers agree beyond chance, by class and by labeller."""
        answer: Agreement = self._call("data.label_agreement", name=name)
        return answer

    def label_settled(
        self,
        name: str,
        *,
        method: Literal["majority", "dawid-skene"] = "majority",
        disagreements: bool = False,
    ) -> tuple[Settled, ...]:
        """Show what the answers to each item say together, and how surely."""
        answer: tuple[Settled, ...] = self._call(
            "data.label_settled", name=name, method=method, disagreements=disagreements
        )
        return answer

    def label_publish(
        self,
        name: str,
        into: str,
        *,
        column: str = "label",
        method: Literal["majority", "dawid-skene"] = "majority",
    ) -> DatasetVersion:
        """Commit the labelled rows of a queue as a version of a dataset."""
        answer: DatasetVersion = self._call(
            "data.label_publish", name=name, into=into, column=column, method=method
        )
        return answer

    def label_feedback(
        self, name: str, *, method: Literal["majority", "dawid-skene"] = "majority"
    ) -> LabelReceipt:
        """Give the labels of a queue of predictions back as their ground truth."""
        answer: LabelReceipt = self._call("data.label_feedback", name=name, method=method)
        return answer

    def label_export(
        self, name: str, *, format: Literal["csv", "jsonl", "label-studio"] = "csv"
    ) -> Exported:
        """Store the answers of a queue as a file, to fetch by its digest."""
        answer: Exported = self._call("data.label_export", name=name, format=format)
        return answer

    def label_import(
        self,
        name: str,
        file: Upload | Path | str | bytes,
        *,
        format: Literal["csv", "jsonl", "label-studio"] = "csv",
        labeller: str = "",
    ) -> Imported:
        """Take answers from a file into a queue: all of it, or nothing."""
        answer: Imported = self._call(
            "data.label_import", name=name, file=file, format=format, labeller=labeller
        )
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

    def reindex(self) -> Reindexed:
        """Write anew what can be found, as after an upgrade from before the catalogue."""
        answer: Reindexed = self._call("data.reindex")
        return answer

    def sensitivity(self, ref: str) -> Levels:
        """Show how sensitive each column of a thing is, and from where that came."""
        answer: Levels = self._call("data.sensitivity", ref=ref)
        return answer

    def retention(self, name: str, *, used_too: bool = False) -> RetentionPlan:
        """Show what a dataset's retention would remove now, and what stays and why."""
        answer: RetentionPlan = self._call("data.retention", name=name, used_too=used_too)
        return answer

    def retain(self, name: str, *, used_too: bool = False) -> Retained:
        """Remove the rows and versions that are older than a dataset's retention."""
        answer: Retained = self._call("data.retain", name=name, used_too=used_too)
        return answer

    def forget(
        self,
        name: str,
        *,
        key: Mapping[str, str | int | float | bool],
        reason: str,
        also: Mapping[str, str] | UnsetType = UNSET,
        days: int = 30,
    ) -> Deletion:
        """Ask for somebody's rows to be deleted, and list all that is affected."""
        answer: Deletion = self._call(
            "data.forget", name=name, key=key, reason=reason, also=also, days=days
        )
        return answer

    def deletions(
        self,
        *,
        state: Literal["", "open", "running", "done", "withdrawn"] = "",
        limit: int = 50,
        token: str | None = None,
    ) -> Page[Deletion]:
        """List deletion requests, newest first."""
        answer: Page[Deletion] = self._call("data.deletions", state=state, limit=limit, token=token)
        return answer

    def deletion(self, ref: str) -> DeletionReport:
        """Show a deletion request, what it affects and which steps were done."""
        answer: DeletionReport = self._call("data.deletion", ref=ref)
        return answer

    def erase(self, ref: str) -> Deletion:
        """Carry a deletion out, in old versions too, and prove it; again, it goes on."""
        answer: Deletion = self._call("data.erase", ref=ref)
        return answer

    def withdraw(self, ref: str, *, reason: str) -> Deletion:
        """Withdraw a deletion request that nobody began to carry out."""
        answer: Deletion = self._call("data.withdraw", ref=ref, reason=reason)
        return answer

    def certificate(self, ref: str) -> Certificate:
        """Show the signed certificate of a deletion that was carried out."""
        answer: Certificate = self._call("data.certificate", ref=ref)
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

    def import_expectations(
        self,
        file: Upload | Path | str | bytes,
        *,
        name: str = "",
        format: Literal["", "great_expectations", "dbt", "pandera"] = "",
        dry_run: bool = False,
    ) -> SuiteImport:
        """Declare what a suite of Great Expectations, dbt or Pandera expects."""
        answer: SuiteImport = self._call(
            "data.import_expectations", file=file, name=name, format=format, dry_run=dry_run
        )
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
