"""Room data: immutable dataset versions, what is expected of them, and their profiles."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.data.ask.answer import ask
    from bucle.lifecycle.data.ask.derive import derive
    from bucle.lifecycle.data.ask.records import Answer, Derivation, Question
    from bucle.lifecycle.data.branch import branch, list_branches
    from bucle.lifecycle.data.catalog.describe import describe, describe_column, require_column
    from bucle.lifecycle.data.catalog.merged import keep_found, sensitivity_of
    from bucle.lifecycle.data.catalog.propose_columns import (
        confirm_columns,
        list_proposals,
        propose_columns,
        reject_columns,
    )
    from bucle.lifecycle.data.catalog.read import freshness, get_entry
    from bucle.lifecycle.data.catalog.records import (
        ColumnProposal,
        Description,
        Entry,
        EntryColumn,
        Freshness,
    )
    from bucle.lifecycle.data.catalog.watch import list_freshness, watch_freshness
    from bucle.lifecycle.data.check import check_table
    from bucle.lifecycle.data.collect.collect import collect
    from bucle.lifecycle.data.collect.records import GarbageReport, Held
    from bucle.lifecycle.data.commit import check_files, check_version, commit, commit_table
    from bucle.lifecycle.data.contracts.agree import (
        accept_contract,
        end_contract,
        propose_contract,
        reject_contract,
    )
    from bucle.lifecycle.data.contracts.judge import judge_contracts
    from bucle.lifecycle.data.contracts.read import list_contracts, show_contract
    from bucle.lifecycle.data.contracts.records import (
        Contract,
        ContractReport,
        Delivery,
        Offer,
        Terms,
    )
    from bucle.lifecycle.data.decisions.decide import condition_of, decide
    from bucle.lifecycle.data.decisions.read import decision_of, list_decisions
    from bucle.lifecycle.data.decisions.records import (
        CheckedDecision,
        Condition,
        DataDecision,
        Readiness,
    )
    from bucle.lifecycle.data.declare import declare
    from bucle.lifecycle.data.declare_source import declare_source, remove_source
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
    from bucle.lifecycle.data.files.commit import commit_tree, pack_files
    from bucle.lifecycle.data.files.paths import check_path
    from bucle.lifecycle.data.files.read import list_files, locate
    from bucle.lifecycle.data.files.records import FilePart, FilePlace, TreeFile
    from bucle.lifecycle.data.files.send import Sender
    from bucle.lifecycle.data.files.tree import TreePage, pages_of
    from bucle.lifecycle.data.leak import check_split
    from bucle.lifecycle.data.merge import merge
    from bucle.lifecycle.data.packs.add import add_packs, missing
    from bucle.lifecycle.data.packs.records import PackReport
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
        ColumnNote,
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
        Retention,
        RowChange,
        Split,
        SplitLeaks,
        SplitReport,
        SplitSpec,
        Stratum,
    )
    from bucle.lifecycle.data.replay import replay
    from bucle.lifecycle.data.restore import restore_datasets
    from bucle.lifecycle.data.seal import sealed
    from bucle.lifecycle.data.source_spec import SourceSpec
    from bucle.lifecycle.data.sources import format_of
    from bucle.lifecycle.data.sourcing.check import check_source
    from bucle.lifecycle.data.sourcing.pull import pull, rests_until
    from bucle.lifecycle.data.sourcing.read import (
        find_source_state,
        get_source,
        list_arrivals,
        list_sources,
        pull_rules,
    )
    from bucle.lifecycle.data.sourcing.records import Arrival, Pulled, SourceReport, SourceState
    from bucle.lifecycle.data.split import (
        get_split,
        look,
        read_inputs,
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
        "catalog.describe": "describe describe_column require_column",
        "catalog.merged": "keep_found sensitivity_of",
        "catalog.propose_columns": "confirm_columns list_proposals propose_columns reject_columns",
        "catalog.read": "freshness get_entry",
        "catalog.records": "ColumnProposal Description Entry EntryColumn Freshness",
        "catalog.watch": "list_freshness watch_freshness",
        "check": "check_table",
        "collect.collect": "collect",
        "collect.records": "GarbageReport Held",
        "commit": "check_files check_version commit commit_table",
        "contracts.agree": "accept_contract end_contract propose_contract reject_contract",
        "contracts.judge": "judge_contracts",
        "contracts.read": "list_contracts show_contract",
        "contracts.records": "Contract ContractReport Delivery Offer Terms",
        "decisions.decide": "condition_of decide",
        "decisions.read": "decision_of list_decisions",
        "decisions.records": "CheckedDecision Condition DataDecision Readiness",
        "declare": "declare",
        "declare_source": "declare_source remove_source",
        "diff": "diff",
        "explore.explore": "Wish drift explore",
        "explore.phrases": "said",
        "explore.records": (
            "SEVERITIES ColumnDrift ColumnFacts Drift Exploration Finding Pair TimeFacts"
        ),
        "files.commit": "commit_tree pack_files",
        "files.paths": "check_path",
        "files.read": "list_files locate",
        "files.records": "FilePart FilePlace TreeFile",
        "files.send": "Sender",
        "files.tree": "TreePage pages_of",
        "leak": "check_split",
        "merge": "merge",
        "packs.add": "add_packs missing",
        "packs.records": "PackReport",
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
            "CONFIRM PARTS Branch CheckReport Column ColumnChange ColumnNote ColumnProfile "
            "ColumnStats Commit DataFile Dataset DatasetDiff DatasetSpec DatasetVersion "
            "Expectation Look Manifest PartFile Profile Retention RowChange Split SplitLeaks "
            "SplitReport SplitSpec Stratum"
        ),
        "replay": "replay",
        "restore": "restore_datasets",
        "seal": "sealed",
        "source_spec": "SourceSpec",
        "sources": "format_of",
        "sourcing.check": "check_source",
        "sourcing.pull": "pull rests_until",
        "sourcing.read": "find_source_state get_source list_arrivals list_sources pull_rules",
        "sourcing.records": "Arrival Pulled SourceReport SourceState",
        "split": (
            "get_split look read_inputs read_part show_split split split_ref store_look store_part"
        ),
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
    "Arrival",
    "Branch",
    "CheckReport",
    "CheckedDecision",
    "Column",
    "ColumnChange",
    "ColumnDrift",
    "ColumnFacts",
    "ColumnNote",
    "ColumnProfile",
    "ColumnProposal",
    "ColumnStats",
    "Commit",
    "Condition",
    "Contract",
    "ContractReport",
    "DataDecision",
    "DataFile",
    "Dataset",
    "DatasetDiff",
    "DatasetSpec",
    "DatasetVersion",
    "Delivery",
    "Derivation",
    "Description",
    "Drift",
    "Entry",
    "EntryColumn",
    "Expectation",
    "Exploration",
    "FilePart",
    "FilePlace",
    "Finding",
    "Freshness",
    "GarbageReport",
    "Held",
    "ImportedSuite",
    "LeftOut",
    "Look",
    "Manifest",
    "Offer",
    "PackReport",
    "Pair",
    "PartFile",
    "Profile",
    "Pulled",
    "Quarantine",
    "QuarantinedRows",
    "Question",
    "Readiness",
    "Retention",
    "RowChange",
    "Sender",
    "SetApart",
    "SourceReport",
    "SourceSpec",
    "SourceState",
    "Split",
    "SplitLeaks",
    "SplitReport",
    "SplitSpec",
    "Stratum",
    "SuiteFile",
    "SuiteImport",
    "Terms",
    "TimeFacts",
    "TreeFile",
    "TreePage",
    "Wish",
    "accept_contract",
    "add_packs",
    "ask",
    "branch",
    "check_files",
    "check_path",
    "check_source",
    "check_split",
    "check_table",
    "check_version",
    "collect",
    "commit",
    "commit_table",
    "commit_tree",
    "condition_of",
    "confirm_columns",
    "count_into",
    "dataset_ref",
    "decide",
    "decision_of",
    "declare",
    "declare_source",
    "delete",
    "delete_keys",
    "derive",
    "describe",
    "describe_column",
    "diff",
    "drift",
    "end_contract",
    "explore",
    "find_head",
    "find_source_state",
    "find_spec",
    "format_of",
    "freshness",
    "get_entry",
    "get_profile",
    "get_source",
    "get_split",
    "get_version",
    "import_expectations",
    "judge_contracts",
    "keep_found",
    "list_arrivals",
    "list_branches",
    "list_contracts",
    "list_datasets",
    "list_decisions",
    "list_files",
    "list_freshness",
    "list_proposals",
    "list_quarantines",
    "list_sources",
    "locate",
    "log",
    "look",
    "merge",
    "missing",
    "open_file",
    "pack_files",
    "pages_of",
    "paths",
    "profile_table",
    "propose",
    "propose_columns",
    "propose_contract",
    "pull",
    "pull_rules",
    "read_file",
    "read_inputs",
    "read_part",
    "read_quarantined",
    "read_table",
    "reject_columns",
    "reject_contract",
    "remove_source",
    "replay",
    "require_column",
    "restore_datasets",
    "rests_until",
    "rows_of",
    "said",
    "sealed",
    "sensitivity_of",
    "show_contract",
    "show_split",
    "split",
    "split_ref",
    "store_look",
    "store_part",
    "tag",
    "upsert",
    "upsert_table",
    "watch_freshness",
]
