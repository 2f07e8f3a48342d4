"""What exploring a version finds, in figures; every finding says what to do about it."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.data.records import ColumnProfile

Severity = Literal["stop", "warn", "note"]
SEVERITIES: tuple[Severity, ...] = ("stop", "warn", "note")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that speaks against using the data as they are, or that one should know."""

    kind: str
    severity: Severity
    columns: tuple[str, ...] = ()  # (): of the whole table
    figures: dict[str, float | str] = {}  # the evidence, by the names that the sentences use
    says: str = ""  # in English; `phrases.py` has both languages
    advice: str = ""


class Outliers(msgspec.Struct, frozen=True, kw_only=True):
    """How many values lie far out, by two measures, over all rows.

    Quartiles, median and the median absolute deviation (MAD) are of the sample; counts are of
    all rows.  `robust` counts |x - median| / (1.4826 MAD) > 5, `beyond` what lies more than
    three interquartile ranges outside of the quartiles (Tukey's "far out").
    """

    median: float
    mad: float
    quartiles: tuple[float, float]
    robust: int | None  # None: over half of the values are the median, so that the MAD is 0
    beyond: int | None  # None: the quartiles are equal
    lowest: tuple[float, ...]
    highest: tuple[float, ...]


class ColumnFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its profile, and what only exploring looks at."""

    profile: ColumnProfile
    type: str
    missing_share: float
    zeros: int = 0  # of numbers
    negative: int = 0  # of numbers
    infinite: int = 0  # of numbers
    blank: int = 0  # of texts: nothing but white space
    longest: int = 0  # of texts, in letters
    outliers: Outliers | None = None  # None: no numbers
    is_id: bool = False  # nearly every row has a value of its own, and they are no measurements


class MissingPattern(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that are missing together in some rows of the sample."""

    columns: tuple[str, ...]  # (): rows without anything missing
    share: float


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """How two columns go together, in the sample.

    `rank` is Spearman's correlation, with Pearson's beside it; `v` is Cramér's V with Bergsma's
    correction of its bias; `ratio` is the correlation ratio (eta) of a number by a category.
    """

    left: str
    right: str
    measure: Literal["rank", "v", "ratio"]
    value: float
    pearson: float | None = None  # None: not two numbers
    rows: int  # that have both values


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A value and how many rows have it."""

    value: str
    rows: int
    share: float


class TargetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The column that is to be predicted."""

    column: str
    task: Literal["classification", "regression"]
    classes: tuple[Share, ...] = ()  # of classification, the most frequent first
    missing_share: float = 0.0


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """How well one column alone predicts the target, on rows that it was not fitted to.

    The column is cut into bins (a category into its values), the target's mean in each bin is
    taken from four fifths of the sample and tried on the fifth, five times.
    """

    column: str
    measure: Literal["auc", "r2"]
    value: float  # AUC (of several classes, the mean of each against the rest) or R2
    equal_share: float = 0.0  # rows in which it is the target itself; of classes, of the least
    decides: float = 0.0  # share of a rarer class's rows in which the column's value decides it
    decided: str = ""  # "": it decides nothing; else which class


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A period without rows."""

    since: datetime
    until: datetime
    usual_s: float  # what usually lies between rows: 99% of the steps are no longer


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows lie in one period."""

    start: datetime
    rows: int


class TimeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows cover in time."""

    column: str
    first: datetime
    last: datetime
    unit: str  # of `periods`: minute, hour, day, week or month
    periods: tuple[Period, ...]  # those with rows, in order
    empty: int  # periods between the first and the last that have no rows
    gaps: tuple[Gap, ...]  # the longest first
    by_hour: tuple[int, ...] = ()  # rows of each hour of the day, UTC; (): the rows have days only
    by_weekday: tuple[int, ...] = ()  # from Monday; (): the rows cover less than a week
    hourly_strength: float = 0.0  # 1 - (least / most): 0, every hour has as many rows
    weekly_strength: float = 0.0  # as above
    late: int = 0  # rows from after the version was committed


class After(msgspec.Struct, frozen=True, kw_only=True):
    """A moment beside the row's own, and how often it lies later."""

    column: str
    rows: int  # that have both
    later: int
    median_lag_s: float
    lag_99_s: float


class Duplicates(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are there more than once."""

    rows: int  # more than the different rows
    key: tuple[str, ...] = ()  # (): the dataset has no key
    by_key: int = 0  # rows more than the different keys
    examples: tuple[str, ...] = ()  # keys that repeat, in words


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How far a column moved between two versions.

    PSI and JS are of counts in the reference's bins, less what chance alone gives; KS and the
    Wasserstein distance (in the reference's interquartile ranges) are of the samples.
    """

    column: str
    kind: str
    psi: float
    js: float
    ks: float | None = None  # None: no number
    ks_chance: float | None = None  # KS that two samples of one distribution exceed once in 1000
    wasserstein: float | None = None  # None: no number, or the reference does not spread
    mean_before: float | None = None  # None: no number
    mean_after: float | None = None  # as above
    missing_before: float
    missing_after: float
    rows_before: int
    rows_after: int
    new_values: float = 0.0  # share of rows whose category is none of the reference's frequent ones
    before: tuple[int, ...] = ()  # counts in the bins of the reference
    after: tuple[int, ...] = ()  # as above


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What lies between two versions' distributions, the most moved first."""

    reference: Ref
    version: Ref
    ok: bool
    max_psi: float
    max_missing: float
    verdicts: tuple[Verdict, ...]  # schema:<column>, drift:<column> and missing:<column>
    columns: tuple[ColumnDrift, ...]
    ignored: tuple[str, ...] = ()  # ids and times, which always move


class Exploration(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found of a version; findings are in the order of what stops a project."""

    version: Ref
    digest: str
    rows: int
    sampled: int  # rows in the sample of what is not counted over all rows; all rows if equal
    seed: int
    findings: tuple[Finding, ...]
    columns: tuple[ColumnFacts, ...]
    patterns: tuple[MissingPattern, ...]
    pairs: tuple[Pair, ...]  # the strongest first
    unpaired: tuple[str, ...]  # columns that were not paired: ids, constants, and beyond the limit
    duplicates: Duplicates
    target: TargetFacts | None = None  # None: none was named
    leaks: tuple[Leak, ...] = ()  # of the target, the strongest first
    times: TimeFacts | None = None  # None: no time is declared or named
    afters: tuple[After, ...] = ()
    drift: Drift | None = None  # None: compared with nothing

    def column(self, name: str) -> ColumnFacts | None:
        """Return the column of that name; None: there is none."""
        return next((one for one in self.columns if one.profile.name == name), None)
