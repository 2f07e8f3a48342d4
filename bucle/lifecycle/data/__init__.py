"""Room data: immutable dataset versions, what is expected of them, and their profiles."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.data.ask.answer import ask
    from bucle.lifecycle.data.ask.derive import derive
    from bucle.lifecycle.data.ask.records import Answer, Derivation, Question
    from bucle.lifecycle.data.branch import branch, list_branches
    from bucle.lifecycle.data.check import check_table
    from bucle.lifecycle.data.commit import check_files, check_version, commit, commit_table
    from bucle.lifecycle.data.decisions.decide import condition_of, decide
    from bucle.lifecycle.data.decisions.read import decision_of, list_decisions
    from bucle.lifecycle.data.decisions.records import (
        CheckedDecision,
        Condition,
        DataDecision,
        Readiness,
    )
    from bucle.lifecycle.data.declare import declare
    from bucle.lifecycle.data.diff import diff
    from bucle.lifecycle.data.explore.explore import Wish, drift, explore
    from bucle.lifecycle.data.explore.phrases import said
    from bucle.lifecycle.data.explore.records import (
        SEVERITIES,
        ColumnDrift,
        ColumnFacts,
        Drift,
        Exploration,
        Finding,
        Pair,
        TimeFacts,
    )
    from bucle.lifecycle.data.merge import merge
    from bucle.lifecycle.data.profile import count_into, profile_table
    from bucle.lifecycle.data.profiled import get_profile
    from bucle.lifecycle.data.propose import propose
    from bucle.lifecycle.data.quarantine.read import list_quarantines, read_quarantined
    from bucle.lifecycle.data.quarantine.records import Quarantine, QuarantinedRows, SetApart
    from bucle.lifecycle.data.read import (
        dataset_ref,
        find_head,
        find_spec,
        get_version,
        list_datasets,
        log,
        paths,
        read_table,
        rows_of,
    )
    from bucle.lifecycle.data.read_file import open_file, read_file
    from bucle.lifecycle.data.records import (
        CONFIRM,
        PARTS,
        Branch,
        CheckReport,
        Column,
        ColumnChange,
        ColumnProfile,
        ColumnStats,
        Commit,
        DataFile,
        Dataset,
        DatasetDiff,
        DatasetSpec,
        DatasetVersion,
        Expectation,
        Look,
        Manifest,
        PartFile,
        Profile,
        RowChange,
        Split,
        SplitReport,
        SplitSpec,
    )
    from bucle.lifecycle.data.replay import replay
    from bucle.lifecycle.data.restore import restore_datasets
    from bucle.lifecycle.data.seal import sealed
    from bucle.lifecycle.data.sources import format_of
    from bucle.lifecycle.data.split import (
        get_split,
        look,
        read_part,
        show_split,
        split,
        split_ref,
        store_look,
        store_part,
    )
    from bucle.lifecycle.data.suites.importing import import_expectations
    from bucle.lifecycle.data.suites.records import ImportedSuite, LeftOut, SuiteFile, SuiteImport
    from bucle.lifecycle.data.tag import tag
    from bucle.lifecycle.data.upsert import delete, delete_keys, upsert, upsert_table
else:
    open_by_name(__name__, {
        "ask.answer": "ask",
        "ask.derive": "derive",
        "ask.records": "Answer Derivation Question",
        "branch": "branch list_branches",
        "check": "check_table",
        "commit": "check_files check_version commit commit_table",
        "decisions.decide": "condition_of decide",
        "decisions.read": "decision_of list_decisions",
        "decisions.records": "CheckedDecision Condition DataDecision Readiness",
        "declare": "declare",
        "diff": "diff",
        "explore.explore": "Wish drift explore",
        "explore.phrases": "said",
        "explore.records": (
            "SEVERITIES ColumnDrift ColumnFacts Drift Exploration Finding Pair TimeFacts"
        ),
        "merge": "merge",
        "profile": "count_into profile_table",
        "profiled": "get_profile",
        "propose": "propose",
        "quarantine.read": "list_quarantines read_quarantined",
        "quarantine.records": "Quarantine QuarantinedRows SetApart",
        "read": (
            "dataset_ref find_head find_spec get_version list_datasets log paths read_table "
            "rows_of"
        ),
        "read_file": "open_file read_file",
        "records": (
            "CONFIRM PARTS Branch CheckReport Column ColumnChange ColumnProfile ColumnStats "
            "Commit DataFile Dataset DatasetDiff DatasetSpec DatasetVersion Expectation Look "
            "Manifest PartFile Profile RowChange Split SplitReport SplitSpec"
        ),
        "replay": "replay",
        "restore": "restore_datasets",
        "seal": "sealed",
        "sources": "format_of",
        "split": "get_split look read_part show_split split split_ref store_look store_part",
        "suites.importing": "import_expectations",
        "suites.records": "ImportedSuite LeftOut SuiteFile SuiteImport",
        "tag": "tag",
        "upsert": "delete delete_keys upsert upsert_table",
    })  # fmt: skip

__all__ = [
    "CONFIRM",
    "PARTS",
    "SEVERITIES",
    "Answer",
    "Branch",
    "CheckReport",
    "CheckedDecision",
    "Column",
    "ColumnChange",
    "ColumnDrift",
    "ColumnFacts",
    "ColumnProfile",
    "ColumnStats",
    "Commit",
    "Condition",
    "DataDecision",
    "DataFile",
    "Dataset",
    "DatasetDiff",
    "DatasetSpec",
    "DatasetVersion",
    "Derivation",
    "Drift",
    "Expectation",
    "Exploration",
    "Finding",
    "ImportedSuite",
    "LeftOut",
    "Look",
    "Manifest",
    "Pair",
    "PartFile",
    "Profile",
    "Quarantine",
    "QuarantinedRows",
    "Question",
    "Readiness",
    "RowChange",
    "SetApart",
    "Split",
    "SplitReport",
    "SplitSpec",
    "SuiteFile",
    "SuiteImport",
    "TimeFacts",
    "Wish",
    "ask",
    "branch",
    "check_files",
    "check_table",
    "check_version",
    "commit",
    "commit_table",
    "condition_of",
    "count_into",
    "dataset_ref",
    "decide",
    "decision_of",
    "declare",
    "delete",
    "delete_keys",
    "derive",
    "diff",
    "drift",
    "explore",
    "find_head",
    "find_spec",
    "format_of",
    "get_profile",
    "get_split",
    "get_version",
    "import_expectations",
    "list_branches",
    "list_datasets",
    "list_decisions",
    "list_quarantines",
    "log",
    "look",
    "merge",
    "open_file",
    "paths",
    "profile_table",
    "propose",
    "read_file",
    "read_part",
    "read_quarantined",
    "read_table",
    "replay",
    "restore_datasets",
    "rows_of",
    "said",
    "sealed",
    "show_split",
    "split",
    "split_ref",
    "store_look",
    "store_part",
    "tag",
    "upsert",
    "upsert_table",
]
