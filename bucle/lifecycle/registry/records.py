"""What the registry keeps: packages and their signatures, versions, gates and decisions."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict

# The types that a model's columns may have; each comes from an Arrow type (`columns.py`).
FLOAT, INTEGER, BOOLEAN, TEXT, MOMENT = "float64", "int64", "bool", "string", "timestamp"
MATRIX = "list<float64>"  # an output only: one probability per class

MANIFEST_FILE = "bucle-model.json"
EXAMPLE_FILE = "input_example.parquet"
FIRST_ROW_FILE = "first_row.json"  # of the example: what a model server warms the model up with
ANSWERS_FILE = "output_example.parquet"  # what the package says of its input example
REQUIREMENTS_FILE = "requirements.txt"
SBOM_FILE = "sbom.cdx.json"
PROFILE_FILE = "reference-profile.json"

# What a manifest's options say besides the flavor's own.
PROOF = "proof"  # on which rows the flavor was found equal to the model itself
NOTE = "note"  # why a quicker or a safer flavor was refused

TASKS = ("regression", "classification", "other")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One column that a model takes or gives."""

    name: str
    type: str
    nullable: bool = False  # whether the model itself copes with a missing value here


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes, in the model's order, and what it gives."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]


class PackageFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a package, which lies in the content store under its digest."""

    digest: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`bucle-model.json`: everything that a package is; its digest is the package's identity.

    It holds no time and no name, so that packing an equal model again gives the same package.
    """

    format: int = 1
    flavor: str  # the format of the weights: one of `flavors`
    task: str
    signature: Signature
    target: str = ""  # "": the model has no target column
    classes: tuple[str | int | bool, ...] = ()  # of a classifier, in the order of probabilities
    weights: str = ""  # the name of the file that the flavor loads
    options: dict[str, str] = {}  # the flavor's own
    files: dict[str, PackageFile]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose files are in the content store, not registered and not signed yet."""

    digest: str  # of the manifest
    manifest: Manifest
    note: str = ""  # why this flavor and not a safer or quicker one


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric's least or greatest value, overall or on a slice of the evaluation rows."""

    metric: str
    min: float | None = None  # None: as low as it likes
    max: float | None = None  # None: as high as it likes
    slice: str = ""  # a SQL condition on the evaluation table, as `city = 'lima'`; "": all rows


class BetterThan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The metric in which a challenger must beat the champion, and by more than how much."""

    metric: str
    margin: float = 0.0  # below 0: it may be worse by less than that


class Stability(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a metric may move when the same pipeline trains again with other seeds."""

    metric: str
    max_spread: float  # the greatest value less the least, this version's own among them
    seeds: int = 3  # how many trainings, this one included
    param: str = "seed"  # the pipeline's parameter, a whole number


class Load(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is asked: at a rate, or by callers who ask again when they are answered."""

    at_rps: float = 0.0  # requests a second, coming as chance has it; 0: by callers
    callers: int = 0  # 0: at a rate, or one


class LoadLatency(msgspec.Struct, frozen=True, kw_only=True):
    """How long callers waited for one-row answers at a load, in the best round."""

    load: Load
    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int  # of the round
    rounds: int
    machine_load: float  # ready threads over the last minute
    processors: int

    @property
    def note(self) -> str:
        """The figures in words."""
        rate, callers = self.load.at_rps, max(self.load.callers, 1)
        how = f"at {rate:g} a second" if rate else f"by {callers} callers"
        return (
            f"{self.p50_ms:.3g} ms half of the time, {self.p95_ms:.3g} ms 95 and "
            f"{self.p99_ms:.3g} ms 99 of 100 times, {how}: {self.requests} requests in the best "
            f"of {self.rounds} rounds, in a process of its own, without the network (the "
            f"machine's load was {self.machine_load:.1f} on {self.processors} processors)"
        )


class UnderLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long callers may wait for a model at a load, before it takes any traffic."""

    p95_ms: float | None = None  # None: no limit; one of the two is given
    p99_ms: float | None = None
    at_rps: float = 0.0  # as `Load`
    callers: int = 0

    @property
    def load(self) -> Load:
        """How it is asked."""
        return Load(at_rps=self.at_rps, callers=self.callers)


class GateSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version must show before it may bear an alias of its model."""

    thresholds: tuple[Threshold, ...] = ()
    better_than_champion: BetterThan | None = None  # None: it need not be better
    latency_ms: float | None = (
        None  # p95 of one row, without waiting for a processor; None: it may be slow
    )
    stability: Stability | None = None  # None: it may depend on its seed
    under_load: UnderLoad | None = None  # None: nobody asks it at a load
    data_tests: bool = False  # whether the datasets it came from must do what is expected of them

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (
            self.thresholds
            or self.better_than_champion
            or self.latency_ms
            or self.stability
            or self.under_load
            or self.data_tests
        )


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a package when it becomes a version."""

    metrics: dict[str, float] = {}
    run: Ref | None = None  # None: made outside of any run; it can not be rebuilt
    datasets: tuple[Ref, ...] = ()
    evaluation: str | None = None  # content: Parquet of features and target; None: not measurable
    split: Ref | None = None  # whose confirming part gates measure on; None: `evaluation`
    target: str = ""  # "": the package's own
    views: tuple[Ref, ...] = ()  # feature views, with versions; (): those that the run read
    members: tuple[Ref, ...] = ()  # versions that an ensemble is made of


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model: a signed package, where it came from, and what became of it."""

    ref: Ref
    number: int
    manifest: str  # the digest that is the package's identity
    signature: str
    flavor: str
    task: str
    metrics: dict[str, float] = {}
    run: Ref | None = None  # None: made outside of any run
    datasets: tuple[Ref, ...] = ()
    evaluation: str | None = None  # None: there are no rows to judge it on, but those of `split`
    split: Ref | None = None  # None: gates measure on `evaluation`
    target: str = ""
    registered_at: datetime
    registered_by: str
    status: Literal["registered", "accepted", "refused"] = "registered"
    judged_by: str = ""  # the digest of the gates that gave the status; "": not judged yet
    verified: Verdict | None = None  # None: registered before packages were verified
    views: tuple[Ref, ...] = ()  # the versions of feature views that it was trained on
    proof: str = ""  # on which rows a compiled model was found equal; "": it is the model itself
    note: str = ""  # why a quicker flavor was refused; "": none was


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model's name, its gates and its aliases."""

    ref: Ref
    versions: int  # the newest number; 0: declared, and nothing registered yet
    gates: GateSpec | None = None  # None: never declared
    aliases: dict[str, int] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a version, by whom, why, and on which evidence."""

    model: Ref
    number: int  # of the decision, in the order of the model's decisions
    version: int
    action: Literal[
        "accepted",
        "refused",
        "promoted",
        "rolled_back",
        "withdrawn",
        "staged",
        "waiver_asked",
        "waiver_granted",
    ]
    alias: str = ""  # "": the decision moved no alias
    previous: int | None = None  # what bore the alias before; None: nothing did
    at: datetime
    actor: str
    reason: str = ""
    verdicts: tuple[Verdict, ...] = ()
    gate: str = ""  # the gate that is waived; "": the decision is no waiver
    gates: str = ""  # the digest of the gates that the waiver is of
    split: Ref | None = None  # whose confirming part was looked at; None: none was
    look: int | None = None  # which look at it this was; None: none


class ModelHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Who bore an alias at a moment, which decision gave it, and all decisions until then."""

    model: Ref
    alias: str
    at: datetime
    holder: Ref | None  # None: nobody bore it then
    decided: Decision | None  # None: as above
    decisions: tuple[Decision, ...]  # the newest first, at most 200


class PackageFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a version's package, each to be had from the content store by its digest."""

    ref: Ref
    manifest: str
    signature: str
    public_key: str
    files: dict[str, PackageFile]


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of training a version again from what was recorded.

    identical: the same package, byte for byte.  equal: other bytes, and the same metrics and
    predictions.  different: the verdicts say in what, and by how much.  failed: the pipeline
    did not make the model again.
    """

    ref: Ref
    outcome: Literal["identical", "equal", "different", "failed"]
    verdicts: tuple[Verdict, ...]
    original: str  # the digest of the registered package
    rebuilt: str = ""  # the digest of the new one; "": there is none
    environment: Literal["clean", "this"]  # installed for it from the lock, or what ran here
    run: Ref  # the pipeline run that was run again
    took_s: float


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which package the process of a verification loads, and with what."""

    manifest: Manifest
    files: dict[str, str]  # name -> path
    allowed: tuple[str, ...] | None  # distributions; None: whatever is installed
