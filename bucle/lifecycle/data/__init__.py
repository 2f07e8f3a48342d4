"""Room data: immutable dataset versions, what is expected of them, and their profiles."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.data.branch import branch, list_branches
    from bucle.lifecycle.data.check import check_table
    from bucle.lifecycle.data.collect.collect import collect
    from bucle.lifecycle.data.collect.records import GarbageReport, Held
    from bucle.lifecycle.data.commit import check_files, check_version, commit, commit_table
    from bucle.lifecycle.data.declare import declare
    from bucle.lifecycle.data.diff import diff
    from bucle.lifecycle.data.files.commit import commit_tree, pack_files
    from bucle.lifecycle.data.files.paths import check_path
    from bucle.lifecycle.data.files.read import list_files, locate
    from bucle.lifecycle.data.files.records import FilePart, FilePlace, TreeFile
    from bucle.lifecycle.data.files.send import Sender
    from bucle.lifecycle.data.files.tree import TreePage, pages_of
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
        "check": "check_table",
        "collect.collect": "collect",
        "collect.records": "GarbageReport Held",
        "commit": "check_files check_version commit commit_table",
        "declare": "declare",
        "diff": "diff",
        "files.commit": "commit_tree pack_files",
        "files.paths": "check_path",
        "files.read": "list_files locate",
        "files.records": "FilePart FilePlace TreeFile",
        "files.send": "Sender",
        "files.tree": "TreePage pages_of",
        "merge": "merge",
        "packs.add": "add_packs missing",
        "packs.records": "PackReport",
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
            "CONFIRM PARTS Branch CheckReport Column ColumnChange ColumnProfile ColumnStats Commit "
            "DataFile Dataset DatasetDiff DatasetSpec DatasetVersion Expectation Look Manifest "
            "PartFile Profile RowChange Split SplitReport SplitSpec"
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
    "ColumnProfile",
    "ColumnStats",
    "Commit",
    "DataFile",
    "Dataset",
    "DatasetDiff",
    "DatasetSpec",
    "DatasetVersion",
    "Expectation",
    "FilePart",
    "FilePlace",
    "GarbageReport",
    "Held",
    "Look",
    "Manifest",
    "PackReport",
    "PartFile",
    "Profile",
    "Quarantine",
    "QuarantinedRows",
    "RowChange",
    "Sender",
    "SetApart",
    "Split",
    "SplitReport",
    "SplitSpec",
    "TreeFile",
    "TreePage",
    "add_packs",
    "branch",
    "check_files",
    "check_path",
    "check_table",
    "check_version",
    "collect",
    "commit",
    "commit_table",
    "commit_tree",
    "count_into",
    "dataset_ref",
    "declare",
    "delete",
    "delete_keys",
    "diff",
    "find_head",
    "find_spec",
    "format_of",
    "get_profile",
    "get_split",
    "get_version",
    "list_branches",
    "list_datasets",
    "list_files",
    "list_quarantines",
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
    "read_file",
    "read_part",
    "read_quarantined",
    "read_table",
    "replay",
    "restore_datasets",
    "rows_of",
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
