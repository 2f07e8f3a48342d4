"""Sub-room inputs: the datasets and logged models that clients say a run read and made."""

from bucle.lifecycle.tracking.inputs.read import inputs_of_runs
from bucle.lifecycle.tracking.inputs.records import (
    DatasetSummary,
    DatasetUse,
    LoggedDataset,
    ModelUse,
    RunInputs,
)
from bucle.lifecycle.tracking.inputs.write import log_inputs, log_outputs, search_datasets

__all__ = [
    "DatasetSummary",
    "DatasetUse",
    "LoggedDataset",
    "ModelUse",
    "RunInputs",
    "inputs_of_runs",
    "log_inputs",
    "log_outputs",
    "search_datasets",
]
