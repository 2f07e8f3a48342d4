"""What happened, told as sentences: who did what to which thing.

`{actor}` is who, `{thing}` what it is about, and the rest comes from the event's body.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bucle.base.codec import convert
from bucle.base.refs import KINDS
from bucle.base.verdict import Verdict
from bucle.governance.audit.records import Event
from bucle.interfaces.web.formats import number, short
from bucle.interfaces.web.people_sentences import PEOPLE_SENTENCES
from bucle.interfaces.web.scoring_sentences import SCORING_SENTENCES
from bucle.interfaces.web.served import SERVED
from bucle.interfaces.web.serving_sentences import SERVING_SENTENCES
from bucle.interfaces.web.tracked import QUIET_TRACKED, TRACKED
from bucle.interfaces.web.words import reason, told

SENTENCES: Mapping[str, tuple[str, str]] = {
    "alert.acknowledged": ("{actor} looks after {thing}", "{actor} se ocupa de {thing}"),
    "alert.closed": ("The {cause} alert is over", "Terminó la alerta de {cause}"),
    "alert.raised": (
        "{cause} alert on {deployment}: {summary}",
        "Alerta de {cause} en {deployment}: {summary}",
    ),
    "alert.updated": (
        "{cause} alert on {deployment}, still: {summary}",
        "Alerta de {cause} en {deployment}, aún: {summary}",
    ),
    "charter.set": ("{actor} set the charter", "{actor} fijó la carta"),
    "contract.accepted": (
        "{actor} accepted version {version} of the contract about {thing}",
        "{actor} aceptó la versión {version} del contrato sobre {thing}",
    ),
    "contract.ended": (
        "{actor} ended the contract about {thing}: {reason}",
        "{actor} terminó el contrato sobre {thing}: {reason}",
    ),
    "contract.proposed": (
        "{actor} proposed version {version} of the contract about {thing}",
        "{actor} propuso la versión {version} del contrato sobre {thing}",
    ),
    "contract.rejected": (
        "{actor} turned down the contract about {thing}: {reason}",
        "{actor} rechazó el contrato sobre {thing}: {reason}",
    ),
    "dataset.became_fresh": ("{thing} is fresh again", "{thing} vuelve a estar fresco"),
    "dataset.became_stale": ("{thing} is too old: {note}", "{thing} se ha quedado viejo: {note}"),
    "dataset.branch_committed": (
        "{actor} committed {thing} to the branch {branch}: {rows} rows in all",
        "{actor} confirmó {thing} en la rama {branch}: {rows} filas en total",
    ),
    "dataset.branched": (
        "{actor} started the branch {branch} at {thing}",
        "{actor} abrió la rama {branch} en {thing}",
    ),
    "dataset.columns_confirmed": (
        "{actor} confirmed what {count} columns of {thing} hold",
        "{actor} confirmó lo que contienen {count} columnas de {thing}",
    ),
    "dataset.columns_rejected": (
        "{actor} rejected what was proposed of {count} columns of {thing}",
        "{actor} rechazó lo sugerido de {count} columnas de {thing}",
    ),
    "dataset.columns_proposed": (
        "{count} columns of {thing} seem to hold something to be careful with",
        "{count} columnas de {thing} parecen contener algo delicado",
    ),
    "dataset.committed": (
        "{actor} committed {thing}: {added_rows} new rows, {rows} in all",
        "{actor} confirmó {thing}: {added_rows} filas nuevas, {rows} en total",
    ),
    "dataset.decided": (
        "{actor} decided {decision} on {thing}: {reasons}",
        "{actor} decidió {decision} sobre {thing}: {reasons}",
    ),
    "dataset.declared": ("{actor} declared {thing}", "{actor} declaró {thing}"),
    "dataset.described": ("{actor} described {thing}", "{actor} describió {thing}"),
    "dataset.file_refused": (
        "A file for {thing} is broken and was left out: {file}: {reason}",
        "Un fichero para {thing} está roto y quedó fuera: {file}: {reason}",
    ),
    "dataset.pull_failed": (
        "{thing} could not be drawn from {source}: {error}",
        "No se pudo extraer {thing} de {source}: {error}",
    ),
    "dataset.pulled": (
        "{actor} drew {rows} rows of {thing} from {source}",
        "{actor} extrajo {rows} filas de {thing} de {source}",
    ),
    "dataset.quarantined": (
        "A commit to {thing} set {count} rows apart: {reasons}",
        "Una confirmación de {thing} apartó {count} filas: {reasons}",
    ),
    "dataset.refused": (
        "A commit to {thing} was refused: {verdicts}",
        "Se rechazó una confirmación de {thing}: {verdicts}",
    ),
    "dataset.replayed": (
        "{actor} committed {count} rows that were set apart, as {thing}",
        "{actor} confirmó como {thing} {count} filas que estaban apartadas",
    ),
    "dataset.split": (
        "{actor} split {thing} as {split}: {rows}",
        "{actor} dividió {thing} como {split}: {rows}",
    ),
    "dataset.tagged": ("{actor} tagged {thing} as {tag}", "{actor} etiquetó {thing}: {tag}"),
    "feature.compared": (
        "{actor} compared {thing} offline and online: {different} values differ",
        "{actor} comparó {thing} fuera de línea y en línea: {different} valores difieren",
    ),
    "feature.followed": (
        "{thing} counted {applied} events of {topic}; {dead} were put aside, {late} too late",
        "{thing} contó {applied} eventos de {topic}; {dead} apartados, {late} demasiado tarde",
    ),
    "feature.materialized": (
        "{thing} was brought online: {rows} entities",
        "{thing} se llevó en línea: {rows} entidades",
    ),
    "feature.registered": ("{actor} registered {thing}", "{actor} registró {thing}"),
    "feature.replayed": (
        "{actor} sent {events} dead letters of {thing} again",
        "{actor} reenvió {events} eventos apartados de {thing}",
    ),
    "feature.seeded": (
        "{actor} let the stream of {thing} begin with {rows} rows",
        "{actor} hizo que el flujo de {thing} empezara con {rows} filas",
    ),
    "feedback.declared": (
        "{actor} declared where labels go",
        "{actor} dijo adónde van las etiquetas",
    ),
    "feedback.folded": (
        "{rows} labelled predictions went into {dataset}",
        "{rows} predicciones etiquetadas pasaron a {dataset}",
    ),
    "feedback.removed": (
        "{actor} removed feedback of {thing}",
        "{actor} quitó la realimentación de {thing}",
    ),
    "job.failed": ("{kind} failed: {error}", "{kind} falló: {error}"),
    "job.finished": ("{kind} is done", "{kind} terminó"),
    "job.queued": ("{kind} was queued because of {cause}", "{kind} entró en cola por {cause}"),
    "job.retried": ("{kind} will be tried again: {error}", "{kind} se intentará otra vez: {error}"),
    "labels.received": (
        "{new} labels came for {thing}, {corrected} corrected",
        "Llegaron {new} etiquetas para {thing}, {corrected} corregidas",
    ),
    "model.accepted": ("{thing} passed its gates", "{thing} superó sus controles"),
    "model.gates_declared": (
        "{actor} set the gates of {thing}",
        "{actor} fijó los controles de {thing}",
    ),
    "model.promoted": ("{thing} became {alias}: {reason}", "{thing} pasó a {alias}: {reason}"),
    "model.rebuilt": ("{thing} was rebuilt: {outcome}", "{thing} se reconstruyó: {outcome}"),
    "model.refused": ("{thing} was refused: {verdicts}", "{thing} fue rechazada: {verdicts}"),
    "model.registered": (
        "{actor} registered {thing}: {metrics}",
        "{actor} registró {thing}: {metrics}",
    ),
    "model.rolled_back": (
        "{actor} rolled back to {thing}: {reason}",
        "{actor} volvió a {thing}: {reason}",
    ),
    "model.waiver_asked": (
        "{actor} asked to waive {gate} for {thing}: {reason}",
        "{actor} pidió dispensar a {thing} de {gate}: {reason}",
    ),
    "model.waiver_granted": (
        "{actor} waived {gate} for {thing}, which {asked_by} had asked",
        "{actor} dispensó a {thing} de {gate}, como pidió {asked_by}",
    ),
    "monitor.declared": ("{actor} declared {thing}", "{actor} declaró {thing}"),
    "monitor.evaluated": (
        "{thing} saw {predictions} predictions, {labelled} with labels: {verdicts}",
        "{thing} vio {predictions} predicciones, {labelled} con etiqueta: {verdicts}",
    ),
    "monitor.removed": ("{actor} removed {thing}", "{actor} quitó {thing}"),
    "pipeline.failed": (
        "{pipeline} failed at {step}: {error}",
        "{pipeline} falló en {step}: {error}",
    ),
    "pipeline.finished": ("{pipeline} finished", "{pipeline} terminó"),
    "pipeline.resumed": ("{pipeline} goes on where it stopped", "{pipeline} sigue donde paró"),
    "pipeline.started": ("{actor} started {pipeline}", "{actor} empezó {pipeline}"),
    "plan.published": ("The model servers got a new plan", "Los servidores tienen un plan nuevo"),
    "principal.added": ("{actor} added {thing}", "{actor} añadió {thing}"),
    "project.reindexed": (
        "{actor} wrote anew what can be found",
        "{actor} volvió a anotar lo que se puede buscar",
    ),
    "project.applied": (
        "{actor} applied bucle.yaml: {changes}",
        "{actor} aplicó bucle.yaml: {changes}",
    ),
    "project.diverged": (
        "Somebody changed by hand what bucle.yaml declares: {changes}",
        "Alguien cambió a mano lo que bucle.yaml declara: {changes}",
    ),
    "role.granted": (
        "{actor} gave {thing} the role {role}",
        "{actor} dio a {thing} el papel {role}",
    ),
    "role.withdrawn": (
        "{actor} took the role {role} from {thing}",
        "{actor} quitó a {thing} el papel {role}",
    ),
    "run.artifact_logged": ("{thing} left {path}", "{thing} dejó {path}"),
    "run.failed": ("{thing} failed: {error}", "{thing} falló: {error}"),
    "run.finished": ("{thing} finished", "{thing} terminó"),
    "run.input_added": ("{thing} read {input}", "{thing} leyó {input}"),
    "run.killed": ("{thing} was interrupted", "{thing} se interrumpió"),
    "run.output_added": ("{thing} made {output}", "{thing} hizo {output}"),
    "run.params_logged": ("{thing} has parameters", "{thing} tiene parámetros"),
    "run.points_logged": ("{thing} logged {points} points", "{thing} anotó {points} puntos"),
    "run.resumed": ("{thing} goes on", "{thing} continúa"),
    "run.started": ("{actor} started {name}", "{actor} empezó {name}"),
    "run.tagged": ("{actor} tagged {thing}", "{actor} etiquetó {thing}"),
    "split.looked": (
        "{actor} looked at what confirms in {thing} (look {number}): {purpose}",
        "{actor} miró lo que confirma en {thing} (mirada {number}): {purpose}",
    ),
    "study.failed": ("The search {thing} failed", "La búsqueda {thing} falló"),
    "study.finished": (
        "A search of {trials} trials found {value}",
        "Una búsqueda de {trials} pruebas halló {value}",
    ),
    "study.resumed": ("A search goes on at trial {done}", "Una búsqueda sigue en la prueba {done}"),
    "study.started": (
        "A search of {trials} trials began",
        "Empezó una búsqueda de {trials} pruebas",
    ),
    "task.closed": ("What {about} asked for is done: {reason}", "Hecho lo de {about}: {reason}"),
    "task.opened": (
        "{receiver} has something to do about {about}: {kind}",
        "{receiver} tiene algo que hacer en {about}: {kind}",
    ),
    "task.reopened": (
        "{actor} opened a task about {about} again: {reason}",
        "{actor} volvió a abrir una tarea sobre {about}: {reason}",
    ),
    "token.created": (
        "{actor} made a token for {principal}",
        "{actor} creó una ficha para {principal}",
    ),
    "token.revoked": ("{actor} ended a token", "{actor} anuló una ficha"),
    "trigger.fired": (
        "{thing} fired and runs {pipeline}: {cause}",
        "{thing} se disparó y ejecuta {pipeline}: {cause}",
    ),
    "topic.extended": ("{events} events came to {thing}", "{events} eventos llegaron a {thing}"),
    **TRACKED,
    **PEOPLE_SENTENCES,
    **SERVING_SENTENCES,
    **SERVED,
    **SCORING_SENTENCES,
}

# Which stage of the loop an event belongs to, by the noun of its type.
STAGES: Mapping[str, str] = {
    "alert": "monitoring",
    "blob": "data",
    "charter": "problem",
    "contract": "data",
    "dataset": "data",
    "deletion": "data",
    "deployment": "deployments",
    "experiment": "experiments",
    "feature": "features",
    "feedback": "feedback",
    "fleet": "deployments",
    "file": "experiments",
    "job": "control",
    "labelling": "data",
    "labels": "feedback",
    "logged_model": "experiments",
    "model": "models",
    "monitor": "monitoring",
    "pipeline": "pipelines",
    "plan": "deployments",
    "prediction": "deployments",
    "project": "control",
    "rollout": "deployments",
    "split": "data",
    "run": "experiments",
    "study": "experiments",
    "task": "control",
    "topic": "features",
    "trace": "experiments",
    "trigger": "control",
}
# Of no interest to somebody who watches; the list of all events has them.
QUIET = frozenset(
    {"job.finished", "job.queued", "plan.published", "run.artifact_logged", "run.input_added",
     "run.output_added", "run.params_logged", "run.points_logged", "run.started", "run.finished",
     "run.tagged", "feature.materialized", "feature.registered", "feature.followed",
     "rollout.shadow_compared", "rollout.watched",
     "feature.seeded", "monitor.declared", "feedback.declared", "topic.extended", *QUIET_TRACKED}
)  # fmt: skip
_BAD = frozenset(
    {
        "failed",
        "refused",
        "raised",
        "aborted",
        "killed",
        "rolled_back",
        "diverged",
        "became_stale",
        "rejected",
    }
)
_GOOD = frozenset(
    {
        "promoted",
        "accepted",
        "finished",
        "closed",
        "folded",
        "served",
        "became_fresh",
        "proved",
        "restored",
    }
)
_SHOWN = 3
_NAMED = frozenset({"model", "dataset", "principal"})
_CAUSES = {"volume": "volumen", "data": "datos", "drift": "deriva", "performance": "rendimiento"}


def is_news(event: Event) -> bool:
    """Tell whether somebody who watches wants to see it: a watch that found nothing is no news."""
    if event.type == "monitor.evaluated":
        return any(not one.get("ok") for one in event.body.get("verdicts", ()))
    if event.type == "feature.compared":
        return not event.body.get("ok")
    if event.type == "dataset.committed":
        # The folding that made it is told already.
        return not str(event.body.get("message", "")).startswith("feedback of")
    return event.type not in QUIET


class Told(NamedTuple):
    """An event as the feed shows it."""

    number: int
    at: Any
    actor: str
    sentence: str
    stage: str
    tone: str  # good, bad or plain
    ref: str
    type: str


# What the kinds of things are called in Spanish, where that is another word.
_NOUNS = {
    "alert": "alerta",
    "charter": "carta",
    "code": "código",
    "contract": "contrato",
    "deletion": "petición de borrado",
    "deployment": "despliegue",
    "environment": "entorno",
    "event": "suceso",
    "experiment": "experimento",
    "feature_view": "vista",
    "job": "trabajo",
    "label": "etiqueta",
    "labelling": "cola de etiquetado",
    "logged_model": "modelo anotado",
    "materialization": "materialización",
    "pipeline": "flujo",
    "prediction": "predicción",
    "principal": "titular",
    "project": "proyecto",
    "run": "ejecución",
    "step": "paso",
    "task": "tarea",
    "study": "estudio",
    "token": "ficha",
    "trace": "traza",
    "trigger": "disparador",
}


def tell(language: str, event: Event) -> Told:
    """Tell an event in the reader's language; one that is not known, by its type."""
    noun, _, verb = event.type.partition(".")
    unknown = "{actor}: " + event.type + " {thing}"
    said = SENTENCES.get(event.type, (unknown, unknown))[language == "es"]
    values = _Values(_values(event, language))
    sentence = said.format_map(values).strip(" :,")
    return Told(
        number=event.number,
        at=event.at,
        actor=event.actor,
        sentence=sentence[:1].upper() + sentence[1:],
        stage=STAGES.get(noun, "control"),
        tone="bad" if verb in _BAD else "good" if verb in _GOOD else "plain",
        ref=event.ref,
        type=event.type,
    )


class _Values(dict[str, str]):
    """What a sentence may name; what the event does not say is left out."""

    def __missing__(self, key: str) -> str:
        return ""


def _values(event: Event, language: str) -> dict[str, str]:
    body = event.body | {"thing": event.ref, "actor": event.actor}
    said = {name: _said(name, value, language) for name, value in body.items()}
    if "verdicts" in body:
        said["verdicts"] = _verdicts(language, body["verdicts"])
    if "reason" in body:
        said["reason"] = reason(language, str(body["reason"]))
    if event.type.startswith("alert."):
        cause = str(body.get("cause", ""))
        spanish = language == "es"
        said["cause"] = _CAUSES.get(cause, cause) if spanish else cause
        # The verb writes its summary in English; the alert itself is told in both.
        said["summary"] = "" if spanish else str(body.get("summary", "")).partition(". ")[0]
    return said


def _said(name: str, value: Any, language: str) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    if name in {"weight", "share"}:
        return f"{float(value):.0%}"
    if isinstance(value, Mapping):
        value = [f"{key} {_said('', inner, language)}" for key, inner in value.items()]
    if isinstance(value, list):
        return _some([_said("", inner, language) for inner in value])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(float(value))
    return thing(str(value), language)


def _verdicts(language: str, plain: list[dict[str, Any]]) -> str:
    verdicts = [convert(one, Verdict) for one in plain]
    bad = [told(language, one) for one in verdicts if not one.ok]
    return _some(bad) if bad else f"{len(verdicts)} ✓" if verdicts else ""


def _some(shown: list[str]) -> str:
    rest = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" (+{rest})" if rest > 0 else "")


def thing(text: str, language: str = "en") -> str:
    """Write a ref as a person says it: `demand v3`, `run 01J8ABCDEFGH…`; other text as it is."""
    head, colon, tail = text.partition(":")
    if not colon or head not in KINDS or " " in tail or not tail:
        return text
    noun = _NOUNS.get(head, head.replace("_", " ")) if language == "es" else head.replace("_", " ")
    name, at, version = tail.rpartition("@")
    if at and name:
        return f"{name} v{version}" if head in _NAMED else f"{noun} {name} v{version}"
    return tail if head in _NAMED else f"{noun} {short(tail)}"
