"""Carry logged models, and the registry: models, then versions by age, then aliases."""

from collections.abc import Iterator
from pathlib import Path

from bucle.interfaces.client.importing import translate
from bucle.interfaces.client.importing.carrier import NOT_CARRIED, Carrier, why
from bucle.interfaces.client.importing.records import (
    FoundExperiment,
    FoundModel,
    FoundOther,
    FoundVersion,
)

_STATES = ("None", "Staging", "Production", "Archived")


def carry_logged_models(
    carrier: Carrier, experiment: FoundExperiment, ours: str, folder: Path
) -> None:
    """Carry an experiment's logged models with their files."""
    found = list(carrier.source.logged_models(experiment))
    before = carrier.looked([f"logged_model:{model.id}" for model in found])
    for model in found:
        what = f"logged model {model.id}"
        files = carrier.source.files_of_logged_model(model)
        listed = carrier.files(what, files)
        mark = carrier.mark(model, listed)
        carrier.report.of("artifacts").found += len(listed or ())
        if not carrier.is_new("logged_models", before.get(f"logged_model:{model.id}"), mark):
            carrier.report.of("artifacts").unchanged += len(listed or ())
            continue
        digests, whole = carrier.stored(what, files, listed or (), folder)
        fields = translate.logged_model(model, carrier.name, ours)
        carrier.carried(
            "logged_models", what, "imports.logged_model",
            fields | {"files": digests, "mark": mark if whole else ""},
        )  # fmt: skip


def carry_registry(carrier: Carrier) -> None:
    """Carry the registered models, their versions and aliases."""
    models = [model for model in _without_prompts(carrier) if _carry_model(carrier, model)]
    versions = [version for model in models for version in carrier.source.versions(model)]
    before = carrier.looked([_theirs(version) for version in versions])
    # A version may be a copy of an older one of another model.
    for version in sorted(versions, key=lambda one: (one.created_ms, int(one.version))):
        _carry_version(carrier, version, before.get(_theirs(version)))
    aliases = carrier.looked([f"aliases:{model.name}" for model in models])
    for model in models:
        _carry_aliases(carrier, model, aliases.get(f"aliases:{model.name}"))


def _without_prompts(carrier: Carrier) -> Iterator[FoundModel]:
    """Yield the models; tell the prompts, which are no models, as left behind."""
    for model in carrier.source.models():
        if not model.is_prompt:
            yield model
            continue
        count = sum(1 for _ in carrier.source.versions(model))
        carrier.leave(FoundOther(kind="prompts", name=model.name, detail=f"versions: {count}"))


def _carry_model(carrier: Carrier, model: FoundModel) -> bool:
    """Carry a model; tell whether it is here."""
    theirs, mark = f"model:{model.name}", carrier.mark(model)
    if not carrier.is_new("models", carrier.looked([theirs]).get(theirs), mark):
        return True
    fields = translate.model(model, carrier.name, mark)
    what = f"registered model {model.name!r}, its versions and aliases"
    return carrier.carried("models", what, "imports.model", fields)


def _carry_version(carrier: Carrier, version: FoundVersion, before: str | None) -> None:
    what = f"version {version.version} of {version.model!r}"
    mark = carrier.mark(version)
    if not carrier.is_new("versions", before, mark):
        return
    if version.state not in _STATES:
        carrier.report.note(f"{what} is in no stage here: {version.state!r} is none")
    if version.status != "READY":
        carrier.report.note(
            f"{what} is ready here: its state there, {version.status}, has no place"
        )
    source = translate.source_of(version, carrier.roots.get(version.run, ""))
    fields = translate.version(version, carrier.name, source, _STATES) | {"mark": mark}
    if not carrier.carried("versions", what, "imports.version", fields):
        return
    if source != version.source:
        carrier.report.note("sources of versions are named by their runs: the files moved here")
    if not source.startswith(("runs:/", "models:/", "mlflow-artifacts:/")):
        carrier.report.miss(f"the files of {what}", f"they are at {source}: only that is kept")


def _carry_aliases(carrier: Carrier, model: FoundModel, before: str | None) -> None:
    if not model.aliases:
        return
    mark = carrier.mark(model)
    tally = carrier.report.of("aliases")
    tally.found += len(model.aliases)
    if before == mark:
        tally.unchanged += len(model.aliases)
        return
    aliases = {alias: int(version) for alias, version in model.aliases.items()}
    try:
        refused = carrier.client.call(
            "imports.aliases", source=carrier.name, model=model.name, aliases=aliases, mark=mark
        )
    except NOT_CARRIED as error:
        tally.left += len(aliases)
        carrier.report.miss(f"the aliases of {model.name!r}", why(error))
        return
    tally.brought += len(aliases) - len(refused)
    tally.left += len(refused)
    for said in refused:
        carrier.report.miss("alias", said)


def _theirs(version: FoundVersion) -> str:
    return f"version:{version.model}@{version.version}"
