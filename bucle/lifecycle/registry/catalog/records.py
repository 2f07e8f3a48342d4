"""What is said of models and their versions beside what they are: words, tags, stages, sources."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.registry.records import Model, ModelVersion

Stage = Literal["None", "Staging", "Production", "Archived"]

STAGES: tuple[Stage, ...] = ("None", "Staging", "Production", "Archived")


class VersionSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A version and what is said of it."""

    version: ModelVersion
    description: str = ""
    stage: Stage = "None"
    source: str = ""  # as its maker said; "": registered here, with a package
    storage: str = ""  # where its files are, if not in a package of ours
    run_link: str = ""
    logged_model: str = ""  # the id of the logged model that it is; "": none
    changed_at: datetime
    tags: dict[str, str] = {}
    aliases: tuple[str, ...] = ()


class ModelSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A model and what is said of it."""

    model: Model
    description: str = ""
    created_at: datetime
    changed_at: datetime
    tags: dict[str, str] = {}
    latest: tuple[VersionSheet, ...] = ()  # the newest version of each stage that has one


class ForeignVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version whose files another tool made."""

    source: str
    run: str = ""  # the id of a run; "": made outside of any
    logged_model: str = ""
    run_link: str = ""
    description: str = ""
    tags: dict[str, str] = {}


class CatalogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which models or versions to list, in which order."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=200_000)] = 100
    token: str | None = None  # None: from the beginning


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What people say of a model or of one of its versions, in words and tags."""

    ref: Ref
    description: str = ""
    tags: dict[str, str] = {}
