"""What a source of an import yields, in MLflow's own nouns, whatever the store is made of.

Times are milliseconds since 1970 (UTC), as MLflow keeps them.
"""

from typing import Any, Literal

import msgspec

Stage = Literal["active", "deleted"]
RunState = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
LoggedState = Literal["PENDING", "READY", "FAILED", "UNSPECIFIED"]
# Key, milliseconds, step and value of a point; a value is a number or a name of what is none.
Point = tuple[str, int, int, float]


class FoundExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment; runs name it by its id."""

    id: str
    name: str
    stage: Stage = "active"
    created_ms: int = 0  # 0: the store does not say
    updated_ms: int = 0  # 0: the store does not say
    artifact_location: str = ""
    tags: dict[str, str] = {}


class FoundDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that a run read, and the tags of that reading."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None  # None: the store does not say
    profile: str | None = None  # None: the store does not say
    tags: dict[str, str] = {}


class FoundRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run without its points and files."""

    id: str
    experiment: str
    name: str = ""
    status: RunState = "RUNNING"
    stage: Stage = "active"
    user: str = ""
    started_ms: int = 0  # 0: the store does not say
    ended_ms: int | None = None  # None: not ended
    deleted_ms: int | None = None  # None: not deleted, or the store does not say
    artifact_uri: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    datasets: tuple[FoundDataset, ...] = ()
    outputs: tuple[tuple[str, int], ...] = ()  # the logged models that it made: id, step
    models: tuple[str, ...] = ()  # the logged models that it read
    # What changes when points are added: the source's own affair.
    points_mark: tuple[Any, ...] = ()


class FoundModelPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a logged model, measured by a run."""

    name: str
    at_ms: int
    step: int
    value: float | str
    run: str
    dataset_name: str = ""
    dataset_digest: str = ""


class FoundLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model of MLflow 3."""

    id: str
    experiment: str
    name: str
    status: LoggedState = "UNSPECIFIED"
    status_message: str = ""
    stage: Stage = "active"
    type: str = ""
    source_run: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    artifact_uri: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    points: tuple[FoundModelPoint, ...] = ()


class FoundModel(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model; its versions are read beside it."""

    name: str
    description: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}
    aliases: dict[str, str] = {}  # alias -> version

    @property
    def is_prompt(self) -> bool:
        """Whether it is a prompt, which MLflow keeps among the registered models."""
        return self.tags.get("mlflow.prompt.is_prompt", "").lower() == "true"


class FoundVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a registered model."""

    model: str
    version: str
    description: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    state: str = "None"  # MLflow calls it the version's current stage
    source: str = ""
    storage: str = ""  # where the files are, if the source does not say
    run: str = ""
    run_link: str = ""
    user: str = ""
    status: str = "READY"
    status_message: str = ""
    logged_model: str = ""
    tags: dict[str, str] = {}


class FoundTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace; its spans are read beside it."""

    id: str
    experiment: str
    at_ms: int
    took_ms: int | None = None  # None: not ended
    state: str = ""
    client_id: str = ""
    request_preview: str = ""
    response_preview: str = ""
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    artifact_uri: str = ""


class FoundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file below an artifact root."""

    path: str
    size_bytes: int
    mark: str = ""  # changes with the content, as far as the store says


class FoundOther(msgspec.Struct, frozen=True, kw_only=True):
    """Things of one kind and name that the store holds and that have no place here."""

    kind: str  # as people call them, in the plural
    name: str  # "": the store would not list them; the detail says why
    count: int = 1
    detail: str = ""  # what more is known of them, for people
