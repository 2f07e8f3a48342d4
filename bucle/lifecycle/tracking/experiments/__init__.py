"""Sub-room experiments: named groups of runs, with ids that are numbers of their project."""

from bucle.lifecycle.tracking.experiments.change import (
    active,
    add_default,
    create_experiment,
    delete_experiment,
    experiment_for,
    list_deleted_experiments,
    purge_experiment,
    rename_experiment,
    restore_experiment,
    tag_experiment,
    untag_experiment,
    written_experiment,
)
from bucle.lifecycle.tracking.experiments.read import (
    get_experiment,
    get_experiment_by_name,
    has_default,
    known_experiment,
    number_of,
    search_experiments,
)
from bucle.lifecycle.tracking.experiments.records import Experiment, ExperimentQuery, Stage

__all__ = [
    "Experiment",
    "ExperimentQuery",
    "Stage",
    "active",
    "add_default",
    "create_experiment",
    "delete_experiment",
    "experiment_for",
    "get_experiment",
    "get_experiment_by_name",
    "has_default",
    "known_experiment",
    "list_deleted_experiments",
    "number_of",
    "purge_experiment",
    "rename_experiment",
    "restore_experiment",
    "search_experiments",
    "tag_experiment",
    "untag_experiment",
    "written_experiment",
]
