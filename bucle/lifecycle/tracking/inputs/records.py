"""What MLflow's clients say that a run read and made: datasets by name and digest, and models."""

import msgspec


class LoggedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as a client describes it; Bucle's own datasets are inputs by their ref."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None  # None: not told
    profile: str | None = None  # None: not told


class DatasetUse(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that a run read, and what for (its tags)."""

    dataset: LoggedDataset
    tags: dict[str, str] = {}


class ModelUse(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model that a run read, or made at a step."""

    model: str
    step: int = 0


class RunInputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run read and made, as far as clients said."""

    datasets: tuple[DatasetUse, ...] = ()
    models_in: tuple[ModelUse, ...] = ()
    models_out: tuple[ModelUse, ...] = ()


class DatasetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset of an experiment, and one of the contexts in which its runs read it."""

    experiment: str
    name: str
    digest: str
    context: str | None  # None: no context was told
