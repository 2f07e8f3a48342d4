"""Models and versions in the protocol's words."""

import re

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.interfaces.mlflow.clock import milliseconds
from bucle.interfaces.mlflow.experiments import Tag
from bucle.lifecycle.registry.catalog import ModelSheet, VersionSheet

_NUMBER = re.compile(r"[0-9]{1,18}")
_LETTERS = 256


class Alias(msgspec.Struct, kw_only=True):
    """A word for a version."""

    alias: str
    version: str


class ModelVersion(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A version of a model."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str
    current_stage: str
    source: str
    status: str
    description: str = ""
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    tags: list[Tag] = []
    aliases: list[str] = []


class RegisteredModel(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[ModelVersion] = []
    tags: list[Tag] = []
    aliases: list[Alias] = []


class OneModel(msgspec.Struct, kw_only=True):
    """A model as an answer."""

    registered_model: RegisteredModel


class OneVersion(msgspec.Struct, kw_only=True):
    """A version as an answer."""

    model_version: ModelVersion


def shown_model(sheet: ModelSheet) -> RegisteredModel:
    """Return a model in the protocol's words."""
    return RegisteredModel(
        name=sheet.model.ref.name,
        creation_timestamp=milliseconds(sheet.created_at),
        last_updated_timestamp=milliseconds(sheet.changed_at),
        description=sheet.description,
        latest_versions=[shown_version(one) for one in sheet.latest],
        tags=shown_tags(sheet.tags),
        aliases=[
            Alias(alias=alias, version=str(number)) for alias, number in sheet.model.aliases.items()
        ],
    )


def shown_version(sheet: VersionSheet) -> ModelVersion:
    """Return a version in the protocol's words."""
    version = sheet.version
    return ModelVersion(
        name=version.ref.name,
        version=str(version.number),
        creation_timestamp=milliseconds(version.registered_at),
        last_updated_timestamp=milliseconds(sheet.changed_at),
        user_id=version.registered_by,
        current_stage=sheet.stage,
        source=sheet.source or sheet.storage or f"bucle:{version.manifest}",
        status="READY",
        description=sheet.description,
        run_id=version.run.name if version.run else "",
        run_link=sheet.run_link,
        model_id=sheet.logged_model,
        tags=shown_tags(sheet.tags),
        aliases=list(sheet.aliases),
    )


def shown_tags(tags: dict[str, str]) -> list[Tag]:
    """Return tags in the protocol's words."""
    return [Tag(key=key, value=value) for key, value in tags.items()]


def told_tags(tags: list[Tag]) -> dict[str, str]:
    """Return tags by their keys."""
    return {tag.key: tag.value for tag in tags}


def new_name(name: str) -> str:
    """Return what a model of the protocol may be called.

    Raises:
        Invalid: it is empty, too long, or would break a `models:/` URI.
    """
    if not name or len(name) > _LETTERS or "/" in name or ":" in name:
        raise Invalid(
            f"Invalid name for a registered model: {name[:80]!r}",
            hint=f"1 to {_LETTERS} characters, without / and :",
        )
    return name


def known_name(name: str) -> str:
    """Return the name of a model that is asked for.

    Raises:
        Invalid: it is empty.
    """
    if not name:
        raise Invalid("Registered model name cannot be empty")
    return name


def version_ref(name: str, version: str | int) -> Ref:
    """Return which version a number names.

    Raises:
        Invalid: it is no number.
    """
    if not _NUMBER.fullmatch(str(version)):
        raise Invalid(f"Model version must be an integer, got {str(version)[:40]!r}")
    return Ref("model", known_name(name), int(version))
