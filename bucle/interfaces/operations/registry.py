"""The verbs of registry."""

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import registry
from bucle.lifecycle.registry import catalog


class ListModels(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of the models."""

    limit: Limit = 50
    token: str | None = None


class ListVersions(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of the versions of which model."""

    name: str
    limit: Limit = 50
    token: str | None = None


class VersionOf(msgspec.Struct, frozen=True, kw_only=True):
    """A version, as `churn@3`, `churn@champion` or `churn` (the newest)."""

    ref: str


class DeclareGates(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of a model must show before it may bear an alias."""

    name: str
    gates: registry.GateSpec


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose manifest and files were uploaded, each under its digest."""

    name: str
    manifest: str
    registration: registry.Registration = registry.Registration()
    allow_pickle: bool = False


class Promote(msgspec.Struct, frozen=True, kw_only=True):
    """Which version is to bear the alias, and why."""

    ref: str
    alias: str = registry.CHAMPION
    reason: str = ""


class RollBack(msgspec.Struct, frozen=True, kw_only=True):
    """Which alias of which model, and why."""

    name: str
    alias: str = registry.CHAMPION
    reason: str = ""


class Waive(msgspec.Struct, frozen=True, kw_only=True):
    """Which gate, by its verdict's name, is to be waived for which version, and why."""

    ref: str
    gate: str
    reason: str


class GrantWaiver(msgspec.Struct, frozen=True, kw_only=True):
    """Which waiver, that somebody else asked for, is granted."""

    ref: str
    gate: str
    reason: str = ""


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    """Which alias of which model nobody is to bear, and why."""

    name: str
    alias: str = registry.CHAMPION
    reason: str = ""


class Rename(msgspec.Struct, frozen=True, kw_only=True):
    """Another name for a model."""

    name: str
    new: str


class ModelNamed(msgspec.Struct, frozen=True, kw_only=True):
    """A model, by its name."""

    name: str


class NotesOf(msgspec.Struct, frozen=True, kw_only=True):
    """A model, as `churn`, or one of its versions, as `churn@3` or `churn@champion`."""

    ref: str


class Describe(msgspec.Struct, frozen=True, kw_only=True):
    """What a model (`churn`) or one of its versions (`churn@3`) is, in words."""

    ref: str
    text: str


class SetModelTags(msgspec.Struct, frozen=True, kw_only=True):
    """Tags of a model (`churn`) or of one of its versions (`churn@3`)."""

    ref: str
    tags: dict[str, str]


class Untag(msgspec.Struct, frozen=True, kw_only=True):
    """Which tag of a model (`churn`) or of one of its versions (`churn@3`) goes."""

    ref: str
    key: str


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """Which version to train again from what was recorded, and where.

    `clean` installs the recorded packages, `this` runs with those that are installed.
    `repository` is a folder with the commit, if the project's own is gone.
    """

    ref: str
    environment: Literal["clean", "this"] = "clean"
    repository: str = ""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Which model and alias, at which moment; without one, now."""

    name: str
    at: datetime | None = None
    alias: str = registry.CHAMPION


def _ref(text: str) -> Ref:
    return Ref.parse(text, kind="model")


def _name(text: str) -> str:
    return Ref.parse(text, kind="model").name


def _register(session: Session, q: Register) -> registry.ModelVersion:
    package = registry.read_package(session, q.manifest, allow_pickle=q.allow_pickle)
    return registry.register(session, _name(q.name), package, q.registration)


_READING: tuple[AnyOperation, ...] = (
    Operation(
        name="registry.models",
        permission=Permission.MODEL_READ,
        method="GET",
        path="/models",
        request=ListModels,
        response=Page[registry.Model],
        run=lambda scope, q: registry.list_models(scope, limit=q.limit, token=q.token),
        summary="List the models, with their gates and aliases.",
        summary_es="Lista los modelos, con sus controles y alias.",
    ),
    Operation(
        name="registry.versions",
        permission=Permission.MODEL_READ,
        method="GET",
        path="/models/{name}/versions",
        request=ListVersions,
        response=Page[registry.ModelVersion],
        run=lambda scope, q: registry.list_versions(
            scope, _name(q.name), limit=q.limit, token=q.token
        ),
        summary="List the versions of a model, newest first.",
        summary_es="Lista las versiones de un modelo, la más nueva primero.",
        positional=("name",),
    ),
    Operation(
        name="registry.get",
        permission=Permission.MODEL_READ,
        method="GET",
        path="/models/{ref}",
        request=VersionOf,
        response=registry.ModelVersion,
        run=lambda scope, q: registry.get_version(scope, _ref(q.ref)),
        summary="Show one version of a model.",
        summary_es="Muestra una versión de un modelo.",
        positional=("ref",),
    ),
    Operation(
        name="registry.package",
        permission=Permission.MODEL_READ,
        method="GET",
        path="/models/{ref}/package",
        request=VersionOf,
        response=registry.PackageFiles,
        run=lambda scope, q: registry.get_package(scope, _ref(q.ref)),
        summary="List the files of a version's package with their digests.",
        summary_es="Lista los ficheros del paquete de una versión con sus huellas.",
        positional=("ref",),
    ),
    Operation(
        name="registry.history",
        permission=Permission.MODEL_READ,
        method="GET",
        path="/models/{name}/history",
        request=History,
        response=registry.ModelHistory,
        run=lambda scope, q: registry.history(scope, _name(q.name), at=q.at, alias=q.alias),
        summary="Say which version was champion at a moment, who decided it, and why.",
        summary_es="Dice qué versión era la campeona en un momento, quién lo decidió y por qué.",
        positional=("name",),
    ),
    Operation(
        name="registry.notes",
        permission=Permission.MODEL_READ,
        method="GET",
        path="/models/{ref}/notes",
        request=NotesOf,
        response=catalog.Notes,
        run=lambda scope, q: catalog.get_notes(scope, _ref(q.ref)),
        summary="Show the description and the tags of a model, or of one of its versions.",
        summary_es="Muestra la descripción y las etiquetas de un modelo, o de una versión.",
        positional=("ref",),
    ),
)

_WRITING: tuple[AnyOperation, ...] = (
    Operation(
        name="registry.register",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/models/{name}/versions",
        request=Register,
        response=registry.ModelVersion,
        work=_register,
        events=("model.registered", "run.output_added"),
        summary="Register an uploaded package as the next version of a model.",
        summary_es="Registra un paquete subido como la siguiente versión de un modelo.",
        positional=("name", "manifest"),
    ),
    Operation(
        name="registry.declare_gates",
        permission=Permission.MODEL_PROMOTE,
        method="PUT",
        path="/models/{name}/gates",
        request=DeclareGates,
        response=registry.Model,
        run=lambda scope, q: registry.declare_gates(scope, _name(q.name), q.gates),
        events=("model.gates_declared",),
        summary="Set what a version must show before it may be promoted.",
        summary_es="Fija lo que una versión debe demostrar antes de ser promovida.",
        positional=("name",),
    ),
    Operation(
        name="registry.judge",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/models/{ref}/judge",
        request=VersionOf,
        response=registry.Decision,
        work=lambda session, q: registry.judge(session, _ref(q.ref)),
        events=("model.accepted", "model.refused"),
        is_good=lambda decision: decision.action == "accepted",
        summary="Measure a version against its gates and the champion.",
        summary_es="Mide una versión frente a sus controles y a la campeona.",
        positional=("ref",),
    ),
    Operation(
        name="registry.promote",
        permission=Permission.MODEL_PROMOTE,
        method="POST",
        path="/models/{ref}/promote",
        request=Promote,
        response=registry.Decision,
        run=lambda scope, q: registry.promote(scope, _ref(q.ref), alias=q.alias, reason=q.reason),
        events=("model.promoted",),
        summary="Point an alias at a version that its gates accepted.",
        summary_es="Apunta un alias a una versión que sus controles aceptaron.",
        positional=("ref",),
    ),
    Operation(
        name="registry.roll_back",
        permission=Permission.MODEL_PROMOTE,
        method="POST",
        path="/models/{name}/roll_back",
        request=RollBack,
        response=registry.Decision,
        run=lambda scope, q: registry.roll_back(
            scope, _name(q.name), alias=q.alias, reason=q.reason
        ),
        events=("model.rolled_back",),
        summary="Give an alias back to the version that bore it before.",
        summary_es="Devuelve un alias a la versión que lo llevaba antes.",
        positional=("name",),
    ),
    Operation(
        name="registry.waive",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/models/{ref}/waivers",
        request=Waive,
        response=registry.Decision,
        run=lambda scope, q: registry.ask_waiver(scope, _ref(q.ref), gate=q.gate, reason=q.reason),
        events=("model.waiver_asked",),
        summary="Ask that a gate be waived for a version that failed it; somebody else grants it.",
        summary_es="Pide dispensar a una versión de un control no superado; otro lo concede.",
        positional=("ref",),
    ),
    Operation(
        name="registry.grant_waiver",
        permission=Permission.MODEL_PROMOTE,
        method="POST",
        path="/models/{ref}/waivers/grant",
        request=GrantWaiver,
        response=registry.Decision,
        run=lambda scope, q: registry.grant_waiver(
            scope, _ref(q.ref), gate=q.gate, reason=q.reason
        ),
        events=("model.waiver_granted", "model.accepted"),
        summary="Grant a waiver that somebody else asked for.",
        summary_es="Concede una dispensa que pidió otra persona.",
        positional=("ref",),
    ),
    Operation(
        name="registry.withdraw",
        permission=Permission.MODEL_PROMOTE,
        method="POST",
        path="/models/{name}/withdraw",
        request=Withdraw,
        response=registry.Decision | None,
        run=lambda scope, q: registry.withdraw(
            scope, _name(q.name), alias=q.alias, reason=q.reason
        ),
        events=("model.alias_withdrawn",),
        summary="Take an alias away, so that no version bears it.",
        summary_es="Quita un alias, de modo que ninguna versión lo lleve.",
        positional=("name",),
    ),
    Operation(
        name="registry.rename",
        permission=Permission.MODEL_PROMOTE,
        method="POST",
        path="/models/{name}/rename",
        request=Rename,
        response=catalog.ModelSheet,
        run=lambda scope, q: catalog.rename_model(scope, _name(q.name), q.new),
        events=("model.renamed",),
        summary="Give a model another name, with its versions, aliases and decisions.",
        summary_es="Da otro nombre a un modelo, con sus versiones, alias y decisiones.",
        positional=("name", "new"),
    ),
    Operation(
        name="registry.delete",
        permission=Permission.MODEL_PROMOTE,
        method="DELETE",
        path="/models/{name}",
        request=ModelNamed,
        response=None,
        run=lambda scope, q: catalog.delete_model(scope, _name(q.name)),
        events=("model.deleted", "model.alias_withdrawn"),
        summary="Delete a model with its versions; its numbers are not given again.",
        summary_es="Borra un modelo con sus versiones; sus números no se dan otra vez.",
        positional=("name",),
    ),
    Operation(
        name="registry.delete_version",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/models/{ref}/delete_version",
        request=VersionOf,
        response=None,
        run=lambda scope, q: catalog.delete_version(scope, _ref(q.ref)),
        events=("model.version_deleted", "model.alias_withdrawn"),
        summary="Delete a version of a model; its number is not given again.",
        summary_es="Borra una versión de un modelo; su número no se da otra vez.",
        positional=("ref",),
    ),
    Operation(
        name="registry.rebuild",
        permission=Permission.PIPELINE_RUN,
        method="POST",
        path="/models/{ref}/rebuild",
        request=Rebuild,
        response=registry.RebuildReport,
        work=lambda session, q: registry.rebuild(
            session,
            _ref(q.ref),
            environment=q.environment,
            repository=Path(q.repository) if q.repository else None,
        ),
        events=("model.rebuilt",),
        is_good=lambda report: report.outcome in {"identical", "equal"},
        summary="Train a version again from what was recorded, and compare.",
        summary_es="Entrena otra vez una versión con lo registrado, y compara.",
        positional=("ref",),
    ),
)

_NOTING: tuple[AnyOperation, ...] = (
    Operation(
        name="registry.describe",
        permission=Permission.MODEL_WRITE,
        method="PUT",
        path="/models/{ref}/description",
        request=Describe,
        response=catalog.Notes,
        run=lambda scope, q: catalog.describe(scope, _ref(q.ref), q.text),
        events=("model.described",),
        summary="Describe a model, or one of its versions, in words.",
        summary_es="Describe con palabras un modelo, o una de sus versiones.",
        positional=("ref", "text"),
    ),
    Operation(
        name="registry.set_tags",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/models/{ref}/tags",
        request=SetModelTags,
        response=catalog.Notes,
        run=lambda scope, q: catalog.tag(scope, _ref(q.ref), q.tags),
        events=("model.tagged",),
        summary="Set tags of a model, or of one of its versions; others stay.",
        summary_es="Pone etiquetas a un modelo, o a una de sus versiones; las demás quedan.",
        positional=("ref",),
    ),
    Operation(
        name="registry.untag",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/models/{ref}/untag",
        request=Untag,
        response=catalog.Notes,
        run=lambda scope, q: catalog.untag(scope, _ref(q.ref), q.key),
        events=("model.untagged",),
        summary="Remove a tag of a model, or of one of its versions.",
        summary_es="Quita una etiqueta de un modelo, o de una de sus versiones.",
        positional=("ref", "key"),
    ),
)

ROWS: tuple[AnyOperation, ...] = (*_READING, *_WRITING, *_NOTING)
