"""Room registry: model packages, versions, gates, aliases, and who decided what."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.registry.columns import Array, check_columns, columns_of
    from bucle.lifecycle.registry.draft import Packaging
    from bucle.lifecycle.registry.ensembles import Ensemble, Member
    from bucle.lifecycle.registry.evaluate import answer, evaluate
    from bucle.lifecycle.registry.explain.explain import explain
    from bucle.lifecycle.registry.explain.records import Explanation, Wish
    from bucle.lifecycle.registry.folders import SIGNATURE_FILE, open_folder
    from bucle.lifecycle.registry.gates import Measured, check_gates, judge_metrics
    from bucle.lifecycle.registry.judge import declare_gates, judge
    from bucle.lifecycle.registry.latency import Latency
    from bucle.lifecycle.registry.load import (
        Pickles,
        file_path,
        load_package,
        read_manifest,
        statement,
    )
    from bucle.lifecycle.registry.log_model import ModelLog, log_model
    from bucle.lifecycle.registry.package import package_model
    from bucle.lifecycle.registry.predictor import Predictor
    from bucle.lifecycle.registry.promote import promote, roll_back, withdraw
    from bucle.lifecycle.registry.read import (
        CHAMPION,
        find_version,
        get_model,
        get_package,
        get_version,
        history,
        list_models,
        list_versions,
        manifest_of,
        open_version,
        reference_profile,
    )
    from bucle.lifecycle.registry.rebuild import rebuild
    from bucle.lifecycle.registry.records import (
        EXAMPLE_FILE,
        FIRST_ROW_FILE,
        MANIFEST_FILE,
        BetterThan,
        Decision,
        Field,
        GateSpec,
        Load,
        LoadLatency,
        Manifest,
        Model,
        ModelHistory,
        ModelVersion,
        Package,
        PackageFile,
        PackageFiles,
        RebuildReport,
        Registration,
        Signature,
        Stability,
        Threshold,
        UnderLoad,
    )
    from bucle.lifecycle.registry.register import read_package, register
    from bucle.lifecycle.registry.score import METRICS, Answered, amount_columns, case_costs, score
    from bucle.lifecycle.registry.under_load import measure_under_load
    from bucle.lifecycle.registry.waive import ask_waiver, grant_waiver
else:
    open_by_name(__name__, {
        "columns": "Array check_columns columns_of",
        "draft": "Packaging",
        "ensembles": "Ensemble Member",
        "evaluate": "answer evaluate",
        "explain.explain": "explain",
        "explain.records": "Explanation Wish",
        "folders": "SIGNATURE_FILE open_folder",
        "gates": "Measured check_gates judge_metrics",
        "judge": "declare_gates judge",
        "latency": "Latency",
        "load": "Pickles file_path load_package read_manifest statement",
        "log_model": "ModelLog log_model",
        "package": "package_model",
        "predictor": "Predictor",
        "promote": "promote roll_back withdraw",
        "read": (
            "CHAMPION find_version get_model get_package get_version history list_models "
            "list_versions manifest_of open_version reference_profile"
        ),
        "rebuild": "rebuild",
        "records": (
            "EXAMPLE_FILE FIRST_ROW_FILE MANIFEST_FILE BetterThan Decision Field GateSpec Load "
            "LoadLatency Manifest Model ModelHistory ModelVersion Package PackageFile "
            "PackageFiles RebuildReport Registration Signature Stability Threshold UnderLoad"
        ),
        "register": "read_package register",
        "score": "METRICS Answered amount_columns case_costs score",
        "under_load": "measure_under_load",
        "waive": "ask_waiver grant_waiver",
    })  # fmt: skip

__all__ = [
    "CHAMPION",
    "EXAMPLE_FILE",
    "FIRST_ROW_FILE",
    "MANIFEST_FILE",
    "METRICS",
    "SIGNATURE_FILE",
    "Answered",
    "Array",
    "BetterThan",
    "Decision",
    "Ensemble",
    "Explanation",
    "Field",
    "GateSpec",
    "Latency",
    "Load",
    "LoadLatency",
    "Manifest",
    "Measured",
    "Member",
    "Model",
    "ModelHistory",
    "ModelLog",
    "ModelVersion",
    "Package",
    "PackageFile",
    "PackageFiles",
    "Packaging",
    "Pickles",
    "Predictor",
    "RebuildReport",
    "Registration",
    "Signature",
    "Stability",
    "Threshold",
    "UnderLoad",
    "Wish",
    "amount_columns",
    "answer",
    "ask_waiver",
    "case_costs",
    "check_columns",
    "check_gates",
    "columns_of",
    "declare_gates",
    "evaluate",
    "explain",
    "file_path",
    "find_version",
    "get_model",
    "get_package",
    "get_version",
    "grant_waiver",
    "history",
    "judge",
    "judge_metrics",
    "list_models",
    "list_versions",
    "load_package",
    "log_model",
    "manifest_of",
    "measure_under_load",
    "open_folder",
    "open_version",
    "package_model",
    "promote",
    "read_manifest",
    "read_package",
    "rebuild",
    "reference_profile",
    "register",
    "roll_back",
    "score",
    "statement",
    "withdraw",
]
