"""The calls about registered models."""

import re

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.experiments import Tag, checked_limit
from bucle.interfaces.mlflow.registered import (
    ModelVersion,
    OneModel,
    OneVersion,
    RegisteredModel,
    known_name,
    new_name,
    shown_model,
    shown_version,
    told_tags,
    version_ref,
)
from bucle.lifecycle import registry
from bucle.lifecycle.registry import catalog

_MOST_MODELS = 1_000
_DEFAULT_MODELS = 100
_ALIAS = re.compile(r"[\w\-]{1,255}")
_NUMBERED = re.compile(r"[vV][0-9]+")
_REASON = "set by an MLflow client"


class CreateModel(msgspec.Struct, kw_only=True):
    """A new model."""

    name: str = ""
    tags: list[Tag] = []
    description: str = ""


class ModelName(msgspec.Struct, kw_only=True):
    """Which model."""

    name: str = ""


class RenameModel(msgspec.Struct, kw_only=True):
    """Another name for a model."""

    name: str = ""
    new_name: str = ""


class UpdateModel(msgspec.Struct, kw_only=True):
    """Another description for a model."""

    name: str = ""
    description: str = ""


class SearchModels(msgspec.Struct, kw_only=True):
    """Which models to list."""

    filter: str = ""
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str = ""


class FoundModels(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Some models, and where the next begin."""

    registered_models: list[RegisteredModel] = []
    next_page_token: str = ""


class GetLatest(msgspec.Struct, kw_only=True):
    """Of which stages the newest versions are asked for."""

    name: str = ""
    stages: list[str] = []


class Latest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The newest versions."""

    model_versions: list[ModelVersion] = []


class SetModelTag(msgspec.Struct, kw_only=True):
    """A tag for a model."""

    name: str = ""
    key: str = ""
    value: str = ""


class DeleteModelTag(msgspec.Struct, kw_only=True):
    """Which tag of which model goes."""

    name: str = ""
    key: str = ""


class SetAlias(msgspec.Struct, kw_only=True):
    """A word for a version."""

    name: str = ""
    alias: str = ""
    version: str | int = ""


class OfAlias(msgspec.Struct, kw_only=True):
    """Which word of which model."""

    name: str = ""
    alias: str = ""


def _create(session: Session, q: CreateModel) -> OneModel:
    name = new_name(q.name)
    with session.begin() as scope:
        sheet = catalog.create_model(scope, name, description=q.description, tags=told_tags(q.tags))
    return OneModel(registered_model=shown_model(sheet))


def _get(session: Session, q: ModelName) -> OneModel:
    with session.begin(write=False) as scope:
        sheet = catalog.get_model_sheet(scope, known_name(q.name))
    return OneModel(registered_model=shown_model(sheet))


def _rename(session: Session, q: RenameModel) -> OneModel:
    with session.begin() as scope:
        sheet = catalog.rename_model(scope, known_name(q.name), new_name(q.new_name))
    return OneModel(registered_model=shown_model(sheet))


def _update(session: Session, q: UpdateModel) -> OneModel:
    with session.begin() as scope:
        sheet = catalog.describe_model(scope, known_name(q.name), q.description)
    return OneModel(registered_model=shown_model(sheet))


def _delete(session: Session, q: ModelName) -> None:
    with session.begin() as scope:
        catalog.delete_model(scope, known_name(q.name))


def _search(session: Session, q: SearchModels) -> FoundModels:
    limit = checked_limit(q.max_results, _DEFAULT_MODELS)
    if limit > _MOST_MODELS:
        raise Invalid(
            f"Invalid value {limit} for parameter 'max_results' supplied: at most {_MOST_MODELS}"
        )
    query = catalog.CatalogQuery(
        filter=q.filter, order_by=tuple(q.order_by), limit=limit, token=q.page_token or None
    )
    with session.begin(write=False) as scope:
        page = catalog.search_models(scope, query)
    return FoundModels(
        registered_models=[shown_model(sheet) for sheet in page.items],
        next_page_token=page.next_token or "",
    )


def _latest(session: Session, q: GetLatest) -> Latest:
    with session.begin(write=False) as scope:
        found = catalog.latest_versions(scope, known_name(q.name), q.stages)
    return Latest(model_versions=[shown_version(sheet) for sheet in found])


def _set_tag(session: Session, q: SetModelTag) -> None:
    with session.begin() as scope:
        catalog.tag_model(scope, known_name(q.name), {q.key: q.value})


def _delete_tag(session: Session, q: DeleteModelTag) -> None:
    with session.begin() as scope:
        catalog.untag_model(scope, known_name(q.name), q.key)


def _set_alias(session: Session, q: SetAlias) -> None:
    alias = _checked_alias(q.alias)
    with session.begin() as scope:
        registry.promote(scope, version_ref(q.name, q.version), alias=alias, reason=_REASON)


def _delete_alias(session: Session, q: OfAlias) -> None:
    with session.begin() as scope:
        registry.withdraw(scope, known_name(q.name), alias=q.alias, reason=_REASON)


def _get_by_alias(session: Session, q: OfAlias) -> OneVersion:
    ref = Ref("model", known_name(q.name), _checked_alias(q.alias))
    with session.begin(write=False) as scope:
        sheet = catalog.get_version_sheet(scope, ref)
    return OneVersion(model_version=shown_version(sheet))


def _checked_alias(alias: str) -> str:
    if not _ALIAS.fullmatch(alias) or _NUMBERED.fullmatch(alias) or alias.lower() == "latest":
        raise Invalid(
            f"Invalid alias name: {alias[:80]!r}",
            hint="letters, digits, _ and -, and nothing that reads as a version (v1, latest)",
        )
    return alias


_PATH = "mlflow/registered-models"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path=f"{_PATH}/create", request=CreateModel, handle=_create),
    Endpoint(method="GET", path=f"{_PATH}/get", request=ModelName, handle=_get),
    Endpoint(method="POST", path=f"{_PATH}/rename", request=RenameModel, handle=_rename),
    Endpoint(method="PATCH", path=f"{_PATH}/update", request=UpdateModel, handle=_update),
    Endpoint(method="DELETE", path=f"{_PATH}/delete", request=ModelName, handle=_delete),
    Endpoint(method="GET", path=f"{_PATH}/search", request=SearchModels, handle=_search),
    Endpoint(method="POST", path=f"{_PATH}/get-latest-versions", request=GetLatest, handle=_latest),
    Endpoint(method="GET", path=f"{_PATH}/get-latest-versions", request=GetLatest, handle=_latest),
    Endpoint(method="POST", path=f"{_PATH}/set-tag", request=SetModelTag, handle=_set_tag),
    Endpoint(
        method="DELETE", path=f"{_PATH}/delete-tag", request=DeleteModelTag, handle=_delete_tag
    ),
    Endpoint(method="POST", path=f"{_PATH}/alias", request=SetAlias, handle=_set_alias),
    Endpoint(method="DELETE", path=f"{_PATH}/alias", request=OfAlias, handle=_delete_alias),
    Endpoint(method="GET", path=f"{_PATH}/alias", request=OfAlias, handle=_get_by_alias),
)
