"""Dataset versions: commit, read, validate.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.control.privacy.forget.records import Certificate, Deletion, DeletionReport
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.data import Rows
from bucle.interfaces.operations.data_labels import Next
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.labels.records import (
    Agreement,
    Answer,
    Exported,
    Imported,
    Progress,
    Question,
    Queue,
    Settled,
)
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
    Retention,
    Split,
    SplitLeaks,
    SplitReport,
)
from bucle.lifecycle.data.retain.records import Retained, RetentionPlan
from bucle.lifecycle.data.sensitivity.records import Levels
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
        sensitivity: Mapping[str, Literal["none", "personal", "sensitive", "secret"]]
        | UnsetType = UNSET,
        retention: Retention | None = None,
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
            sensitivity=sensitivity,
            retention=retention,
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

    def label_answer(self, name: str, item: int, value: Any) -> Answer:
        """Answer an item of a queue."""
        answer: Answer = self._call("data.label_answer", name=name, item=item, value=value)
        return answer

    def label_skip(self, name: str, item: int, *, reason: str) -> Answer:
        """Pass an item over, and say why; others are asked."""
        answer: Answer = self._call("data.label_skip", name=name, item=item, reason=reason)
        return answer

    def label_undo(self, name: str) -> Answer:
        """Take your last answer back, and the item in hand again."""
        answer: Answer = self._call("data.label_undo", name=name)
        return answer

    def label_adjudicate(self, name: str, item: int, value: Any) -> Answer:
        """Settle an item that labellers disagree about."""
        answer: Answer = self._call("data.label_adjudicate", name=name, item=item, value=value)
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
