"""Sentences of what clients log and name: experiments, runs, files, traces, and names of models."""

from collections.abc import Mapping

TRACKED: Mapping[str, tuple[str, str]] = {
    "experiment.adopted": (
        "{actor} brought {name} over from {source}",
        "{actor} trajo {name} de {source}",
    ),
    "experiment.created": (
        "{actor} made the experiment {name}",
        "{actor} creó el experimento {name}",
    ),
    "experiment.deleted": (
        "{actor} deleted the experiment {name} and {runs} runs",
        "{actor} borró el experimento {name} y {runs} ejecuciones",
    ),
    "experiment.purged": (
        "{actor} purged {thing} for good",
        "{actor} eliminó {thing} para siempre",
    ),
    "experiment.renamed": (
        "{actor} renamed the experiment {was} to {name}",
        "{actor} cambió el nombre del experimento {was} a {name}",
    ),
    "experiment.restored": (
        "{actor} restored the experiment {name} and {runs} runs",
        "{actor} recuperó el experimento {name} y {runs} ejecuciones",
    ),
    "experiment.tagged": ("{actor} tagged {thing}", "{actor} etiquetó {thing}"),
    "experiment.untagged": (
        "{actor} removed the tag {name} of {thing}",
        "{actor} quitó la etiqueta {name} de {thing}",
    ),
    "file.kept": ("{thing} left {path}", "{thing} dejó {path}"),
    "file.removed": (
        "{actor} removed {files} files of {thing}: {path}",
        "{actor} quitó {files} ficheros de {thing}: {path}",
    ),
    "logged_model.adopted": (
        "{actor} brought {thing} over from {source}",
        "{actor} trajo {thing} de {source}",
    ),
    "logged_model.created": ("{actor} logs the model {name}", "{actor} anota el modelo {name}"),
    "logged_model.deleted": ("{actor} deleted {thing}", "{actor} borró {thing}"),
    "logged_model.finalized": ("{thing} is {status}", "{thing} está {status}"),
    "logged_model.measured": (
        "{thing} was measured by {metrics}",
        "{thing} se midió con {metrics}",
    ),
    "logged_model.purged": (
        "{actor} purged {thing} for good",
        "{actor} eliminó {thing} para siempre",
    ),
    "logged_model.params_logged": ("{thing} has parameters", "{thing} tiene parámetros"),
    "logged_model.tagged": ("{actor} tagged {thing}", "{actor} etiquetó {thing}"),
    "logged_model.untagged": (
        "{actor} removed the tag {key} of {thing}",
        "{actor} quitó la etiqueta {key} de {thing}",
    ),
    "model.adopted": (
        "{actor} brought {thing} over from {source}",
        "{actor} trajo {thing} de {source}",
    ),
    "model.alias_withdrawn": (
        "{actor} took {alias} away from {thing}: {reason}",
        "{actor} retiró {alias} de {thing}: {reason}",
    ),
    "model.aliases_adopted": (
        "{actor} brought the aliases of {thing} over: {aliases}",
        "{actor} trajo los alias de {thing}: {aliases}",
    ),
    "model.created": ("{actor} made the model {thing}", "{actor} creó el modelo {thing}"),
    "model.deleted": (
        "{actor} deleted {thing} and its {versions} versions",
        "{actor} borró {thing} y sus {versions} versiones",
    ),
    "model.described": ("{actor} described {thing}", "{actor} describió {thing}"),
    "model.renamed": ("{actor} renamed {before} to {thing}", "{actor} cambió {before} a {thing}"),
    "model.staged": (
        "{actor} put {thing} from {before} to {stage}",
        "{actor} pasó {thing} de {before} a {stage}",
    ),
    "model.tagged": ("{actor} tagged {thing}", "{actor} etiquetó {thing}"),
    "model.untagged": (
        "{actor} removed the tag {key} of {thing}",
        "{actor} quitó la etiqueta {key} de {thing}",
    ),
    "model.version_adopted": (
        "{actor} brought {thing} over from {source}",
        "{actor} trajo {thing} de {source}",
    ),
    "model.version_deleted": ("{actor} deleted {thing}", "{actor} borró {thing}"),
    "run.adopted": (
        "{actor} brought {name} over from {source}",
        "{actor} trajo {name} de {source}",
    ),
    "run.deleted": ("{actor} deleted {name}", "{actor} borró {name}"),
    "run.inputs_logged": ("{thing} read {datasets}", "{thing} leyó {datasets}"),
    "run.outputs_logged": ("{thing} made {models}", "{thing} hizo {models}"),
    "run.purged": ("{actor} purged {thing} for good", "{actor} eliminó {thing} para siempre"),
    "run.renamed": ("{actor} renamed {thing} to {name}", "{actor} cambió {thing} a {name}"),
    "run.restored": ("{actor} restored {name}", "{actor} recuperó {name}"),
    "run.untagged": (
        "{actor} removed the tag {name} of {thing}",
        "{actor} quitó la etiqueta {name} de {thing}",
    ),
    "trace.adopted": (
        "{actor} brought {thing} over from {source}",
        "{actor} trajo {thing} de {source}",
    ),
    "trace.assessed": ("{actor} assessed {thing}", "{actor} valoró {thing}"),
    "trace.assessment_changed": (
        "{actor} changed what was said of {thing}",
        "{actor} cambió una valoración de {thing}",
    ),
    "trace.assessment_removed": (
        "{actor} took back what was said of {thing}",
        "{actor} retiró una valoración de {thing}",
    ),
    "trace.linked": ("{thing} goes with {traces}", "{thing} va con {traces}"),
    "trace.removed": (
        "{actor} removed {traces} traces of {thing}",
        "{actor} quitó {traces} trazas de {thing}",
    ),
    "trace.spans_kept": ("{thing} has {spans} more spans", "{thing} tiene {spans} tramos más"),
    "trace.tagged": ("{actor} tagged {thing}", "{actor} etiquetó {thing}"),
    "trace.untagged": (
        "{actor} removed the tag {name} of {thing}",
        "{actor} quitó la etiqueta {name} de {thing}",
    ),
    "trace.written": ("{thing} is {state}", "{thing} está {state}"),
}
# What a client says many times a minute is no news to somebody who watches.
QUIET_TRACKED = frozenset(
    name
    for name in TRACKED
    if name.partition(".")[0] in {"file", "logged_model", "trace"}
    or name.endswith(("adopted", "tagged"))
    or name in {"experiment.created", "run.inputs_logged", "run.outputs_logged", "run.renamed"}
)
