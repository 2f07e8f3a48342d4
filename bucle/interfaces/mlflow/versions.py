"""The calls about versions of registered models."""

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.experiments import Tag
from bucle.interfaces.mlflow.registered import (
    ModelVersion,
    OneVersion,
    known_name,
    shown_version,
    told_tags,
    version_ref,
)
from bucle.lifecycle.registry import catalog
from bucle.lifecycle.registry.catalog import VersionSheet
from bucle.lifecycle.tracking.logged import find_logged_model, tag_logged_model

_MOST_VERSIONS = 200_000
_DEFAULT_VERSIONS = 10_000
_REGISTERED_AS = "mlflow.modelVersions"


class CreateVersion(msgspec.Struct, kw_only=True):
    """A new version of a model."""

    name: str = ""
    source: str = ""
    run_id: str = ""
    tags: list[Tag] = []
    run_link: str = ""
    description: str = ""
    model_id: str = ""


class OfVersion(msgspec.Struct, kw_only=True):
    """Which version of which model."""

    name: str = ""
    version: str | int = ""


class UpdateVersion(OfVersion, kw_only=True):
    """Another description for a version."""

    description: str = ""


class SetStage(OfVersion, kw_only=True):
    """Another stage for a version."""

    stage: str = ""
    archive_existing_versions: bool = False


class SearchVersions(msgspec.Struct, kw_only=True):
    """Which versions to list."""

    filter: str = ""
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str = ""


class FoundVersions(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Some versions, and where the next begin."""

    model_versions: list[ModelVersion] = []
    next_page_token: str = ""


class DownloadUri(msgspec.Struct, kw_only=True):
    """Where the files of a version are."""

    artifact_uri: str


class SetVersionTag(OfVersion, kw_only=True):
    """A tag for a version."""

    key: str = ""
    value: str = ""


class DeleteVersionTag(OfVersion, kw_only=True):
    """Which tag of which version goes."""

    key: str = ""


def _create(session: Session, q: CreateVersion) -> OneVersion:
    new = catalog.ForeignVersion(
        source=q.source,
        run=q.run_id,
        logged_model=q.model_id,
        run_link=q.run_link,
        description=q.description,
        tags=told_tags(q.tags),
    )
    with session.begin() as scope:
        sheet = catalog.create_version(scope, known_name(q.name), new)
        if q.model_id:
            _tell_logged_model(scope, q.model_id, sheet)
    return OneVersion(model_version=shown_version(sheet))


def _tell_logged_model(scope: Scope, model_id: str, sheet: VersionSheet) -> None:
    """Say on the logged model which version it became; the client shows it from there."""
    logged = find_logged_model(scope, model_id)
    if logged is None:
        return
    ref = sheet.version.ref
    try:
        before = msgspec.json.decode(logged.tags.get(_REGISTERED_AS, "[]"), type=list)
    except msgspec.MsgspecError:  # somebody else's words under that name
        before = []
    now = [*before, {"name": ref.name, "version": sheet.version.number}]
    tag_logged_model(scope, model_id, {_REGISTERED_AS: canonical_json(now).decode()})


def _get(session: Session, q: OfVersion) -> OneVersion:
    ref = version_ref(q.name, q.version)
    with session.begin(write=False) as scope:
        return OneVersion(model_version=shown_version(catalog.get_version_sheet(scope, ref)))


def _update(session: Session, q: UpdateVersion) -> OneVersion:
    ref = version_ref(q.name, q.version)
    with session.begin() as scope:
        sheet = catalog.describe_version(scope, ref, q.description)
    return OneVersion(model_version=shown_version(sheet))


def _set_stage(session: Session, q: SetStage) -> OneVersion:
    ref = version_ref(q.name, q.version)
    with session.begin() as scope:
        sheet = catalog.set_stage(scope, ref, q.stage, archive_others=q.archive_existing_versions)
    return OneVersion(model_version=shown_version(sheet))


def _delete(session: Session, q: OfVersion) -> None:
    with session.begin() as scope:
        catalog.delete_version(scope, version_ref(q.name, q.version))


def _search(session: Session, q: SearchVersions) -> FoundVersions:
    limit = _DEFAULT_VERSIONS if q.max_results is None else q.max_results
    if not 1 <= limit <= _MOST_VERSIONS:
        raise Invalid(
            f"Invalid value {limit} for parameter 'max_results' supplied: "
            f"from 1 to {_MOST_VERSIONS}"
        )
    query = catalog.CatalogQuery(
        filter=q.filter, order_by=tuple(q.order_by), limit=limit, token=q.page_token or None
    )
    with session.begin(write=False) as scope:
        page = catalog.search_versions(scope, query)
    return FoundVersions(
        model_versions=[shown_version(sheet) for sheet in page.items],
        next_page_token=page.next_token or "",
    )


def _download(session: Session, q: OfVersion) -> DownloadUri:
    ref = version_ref(q.name, q.version)
    with session.begin(write=False) as scope:
        return DownloadUri(artifact_uri=catalog.download_place(scope, ref))


def _set_tag(session: Session, q: SetVersionTag) -> None:
    with session.begin() as scope:
        catalog.tag_version(scope, version_ref(q.name, q.version), {q.key: q.value})


def _delete_tag(session: Session, q: DeleteVersionTag) -> None:
    with session.begin() as scope:
        catalog.untag_version(scope, version_ref(q.name, q.version), q.key)


_PATH = "mlflow/model-versions"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path=f"{_PATH}/create", request=CreateVersion, handle=_create),
    Endpoint(method="GET", path=f"{_PATH}/get", request=OfVersion, handle=_get),
    Endpoint(method="PATCH", path=f"{_PATH}/update", request=UpdateVersion, handle=_update),
    Endpoint(method="POST", path=f"{_PATH}/transition-stage", request=SetStage, handle=_set_stage),
    Endpoint(method="DELETE", path=f"{_PATH}/delete", request=OfVersion, handle=_delete),
    Endpoint(method="GET", path=f"{_PATH}/search", request=SearchVersions, handle=_search),
    Endpoint(method="GET", path=f"{_PATH}/get-download-uri", request=OfVersion, handle=_download),
    Endpoint(method="POST", path=f"{_PATH}/set-tag", request=SetVersionTag, handle=_set_tag),
    Endpoint(
        method="DELETE", path=f"{_PATH}/delete-tag", request=DeleteVersionTag, handle=_delete_tag
    ),
)
