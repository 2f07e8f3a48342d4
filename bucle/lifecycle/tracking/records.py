"""What is known of a run: one execution of anything."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from bucle.base.figure import Figure, NotANumber
from bucle.base.refs import Ref
from bucle.base.usage import Usage

# Scheduled is a state of MLflow's clients; nothing of ours waits before it runs.
Status = Literal["scheduled", "running", "finished", "failed", "killed"]
Scalar = str | int | float | bool | None


class CodeState(msgspec.Struct, frozen=True, kw_only=True):
    """The code that ran: a commit and what differed from it, or an archive where there is no git.

    `diff` and `archive` are digests of content.  The diff is one that `git apply` takes, new
    files included; the archive is a zip of the project's own source files.
    """

    commit: str | None = None  # None: the folder is not in a git repository
    remote: str = ""
    diff: str | None = None  # None: nothing differed from the commit
    archive: str | None = None  # None: the commit (and the diff) say it all
    folder: str = ""  # the project's folder below the top of the repository
    entry: str = ""  # the program that ran, and its arguments
    left_out: tuple[str, ...] = ()  # files that were too large to keep; at most 20 are named

    @property
    def ref(self) -> Ref | None:
        """The name of the code in lineage; None where nothing could be captured."""
        name = self.commit or self.archive
        return Ref("code", name) if name else None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The interpreter and every installed package: (name, version), sorted."""

    python: str
    platform: str
    packages: tuple[tuple[str, str], ...]


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and the process; the process is named so that its death can be seen."""

    name: str
    machine: str  # differs between machines, boots and containers
    pid: int
    process_started: str  # with the pid, one process for ever
    cpus: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()


class RunStart(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a run begins."""

    name: str
    kind: str = "training"
    experiment: str = "default"
    params: dict[str, Scalar] = {}
    tags: dict[str, str] = {}
    parent: Ref | None = None  # None: not part of another run
    code: CodeState | None = None  # None: not captured
    environment: str | None = None  # None: not captured; else the digest of an `Environment`
    host: Host | None = None  # None: unknown; such a run is never found dead
    seeds: dict[str, int] = {}
    id: str = ""  # "": a new one
    started_at: datetime | None = None  # None: now; a client that was offline knows better


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of anything: training, step, trial, notebook, evaluation."""

    ref: Ref
    name: str
    kind: str
    experiment: str
    status: Status
    started_at: datetime
    started_by: str
    ended_at: datetime | None = None  # None: still running
    parent: Ref | None = None  # None: not part of another run
    params: dict[str, Scalar] = {}
    metrics: dict[str, Figure] = {}  # the last value of each series
    tags: dict[str, str] = {}
    code: CodeState | None = None  # None: not captured
    environment: str | None = None  # None: not captured
    host: Host | None = None  # None: not captured
    seeds: dict[str, int] = {}
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    usage: Usage | None = None  # None: not ended, or not measured
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come."""
        return self.status not in {"scheduled", "running"}


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list, and in which order.

    `order_by` is `started_at`, `ended_at`, `name` or `metrics.<name>` (the last value), with a
    minus for the largest first; runs that have no such value come last.
    """

    experiment: str | None = None  # None: of any experiment
    kind: str | None = None  # None: of any kind
    name: str | None = None  # None: of any name
    status: Status | None = None  # None: in any state
    parent: Ref | None = None  # None: part of any run, or of none
    order_by: str = "-started_at"
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    token: str | None = None  # None: from the beginning


class MetricPoints(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of points as columns of one length; times are milliseconds since 1970 (UTC).

    A batch that bears an id counts once, however often it is sent.
    """

    names: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    times: tuple[int, ...] = ()
    values: tuple[float | NotANumber, ...] = ()
    batch: str = ""  # "": a new id


class MetricHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One series in the order of its steps and times (milliseconds since 1970, UTC)."""

    name: str
    steps: tuple[int, ...]
    times: tuple[int, ...]
    values: tuple[Figure, ...]


class MetricSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A series in one line; the last point is the greatest by step, then time, then value."""

    name: str
    last: Figure
    last_step: int
    last_at: int  # milliseconds since 1970
    minimum: Figure  # NaN where no point is a number, as in `maximum`
    maximum: Figure
    count: int


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a run left, under the path that the run gave it."""

    run: Ref
    path: str
    digest: str
    size_bytes: int
    logged_at: datetime


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in which runs differ, with each run's value in the order they were named."""

    what: str  # such as params.depth, metrics.auc, code.commit, inputs
    values: tuple[Any, ...]  # None: that run has none


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Runs side by side: what differs, and what all of them share."""

    runs: tuple[Ref, ...]
    differences: tuple[Difference, ...]
    shared: dict[str, Any]
