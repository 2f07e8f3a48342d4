"""Room data: immutable dataset versions, what is expected of them, and their profiles."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
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
    from bucle.lifecycle.data.declare import declare
    from bucle.lifecycle.data.diff import diff
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
    from bucle.lifecycle.data.tag import tag
    from bucle.lifecycle.data.upsert import delete, delete_keys, upsert, upsert_table
else:
    open_by_name(__name__, {
        "branch": "branch list_branches",
        "catalog.describe": "describe describe_column require_column",
        "catalog.merged": "sensitivity_of keep_found",
        "catalog.read": "freshness get_entry",
        "catalog.records": "ColumnProposal Description Entry EntryColumn Freshness",
        "catalog.propose_columns": "confirm_columns list_proposals reject_columns propose_columns",
        "catalog.watch": "list_freshness watch_freshness",
        "contracts.agree": "accept_contract end_contract propose_contract reject_contract",
        "contracts.judge": "judge_contracts",
        "contracts.read": "list_contracts show_contract",
        "contracts.records": "Contract ContractReport Delivery Offer Terms",
        "check": "check_table",
        "commit": "check_files check_version commit commit_table",
        "declare": "declare",
        "diff": "diff",
        "merge": "merge",
        "profile": "count_into profile_table",
        "propose": "propose",
        "quarantine.read": "list_quarantines read_quarantined",
        "quarantine.records": "Quarantine QuarantinedRows SetApart",
        "profiled": "get_profile",
        "read": (
            "dataset_ref find_head find_spec get_version list_datasets log paths read_table "
            "rows_of"
        ),
        "read_file": "open_file read_file",
        "records": (
            "CONFIRM PARTS Branch CheckReport Column ColumnChange ColumnNote ColumnProfile "
            "ColumnStats Commit DataFile Dataset DatasetDiff DatasetSpec DatasetVersion "
            "Expectation Look Manifest PartFile Profile RowChange Split SplitReport SplitSpec"
        ),
        "replay": "replay",
        "restore": "restore_datasets",
        "seal": "sealed",
        "sources": "format_of",
        "split": (
            "get_split look read_part show_split split split_ref store_look store_part"
        ),
        "tag": "tag",
        "upsert": "delete delete_keys upsert upsert_table",
    })  # fmt: skip

__all__ = [
    "CONFIRM",
    "PARTS",
    "Branch",
    "CheckReport",
    "Column",
    "ColumnChange",
    "ColumnNote",
    "ColumnProfile",
    "ColumnProposal",
    "ColumnStats",
    "Commit",
    "Contract",
    "ContractReport",
    "DataFile",
    "Dataset",
    "DatasetDiff",
    "DatasetSpec",
    "DatasetVersion",
    "Delivery",
    "Description",
    "Entry",
    "EntryColumn",
    "Expectation",
    "Freshness",
    "Look",
    "Manifest",
    "Offer",
    "PartFile",
    "Profile",
    "Quarantine",
    "QuarantinedRows",
    "RowChange",
    "SetApart",
    "Split",
    "SplitReport",
    "SplitSpec",
    "Terms",
    "accept_contract",
    "branch",
    "check_files",
    "check_table",
    "check_version",
    "commit",
    "commit_table",
    "confirm_columns",
    "count_into",
    "dataset_ref",
    "declare",
    "delete",
    "delete_keys",
    "describe",
    "describe_column",
    "diff",
    "end_contract",
    "find_head",
    "find_spec",
    "format_of",
    "freshness",
    "get_entry",
    "get_profile",
    "get_split",
    "get_version",
    "judge_contracts",
    "keep_found",
    "list_branches",
    "list_contracts",
    "list_datasets",
    "list_freshness",
    "list_proposals",
    "list_quarantines",
    "log",
    "look",
    "merge",
    "open_file",
    "paths",
    "profile_table",
    "propose",
    "propose_columns",
    "propose_contract",
    "read_file",
    "read_part",
    "read_quarantined",
    "read_table",
    "reject_columns",
    "reject_contract",
    "replay",
    "require_column",
    "restore_datasets",
    "rows_of",
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
