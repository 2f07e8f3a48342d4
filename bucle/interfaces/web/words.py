"""Every word and sentence of the pages, in English and in Spanish.

What people wrote (names, reasons, problems) is shown as they wrote it; what a check found is
told here from its figures, so that it is told in the reader's language.
"""

from collections.abc import Mapping
from typing import Literal

from bucle.base.verdict import Verdict
from bucle.interfaces.web.explored_words import EXPLORED
from bucle.interfaces.web.formats import number

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")
NAMES = {"en": "English", "es": "Español"}

WORDS: Mapping[str, tuple[str, str]] = {
    **EXPLORED,
    # the frame of every page
    "skip": ("Skip to the content", "Saltar al contenido"),
    "projects": ("Projects", "Proyectos"),
    "project": ("Project", "Proyecto"),
    "sign_in": ("Sign in", "Entrar"),
    "sign_out": ("Sign out", "Salir"),
    "signed_in_as": ("Signed in as {name}", "Sesión de {name}"),
    "language": ("Language", "Idioma"),
    "clock": ("The house's clock", "El reloj de la casa"),
    "live": ("live", "en directo"),
    "paused": ("connection lost, trying again", "sin conexión, reintentando"),
    "sections": ("Sections", "Secciones"),
    "overview": ("The loop", "El bucle"),
    "all": ("All", "Todo"),
    "more": ("Older", "Más antiguos"),
    "newest": ("Newest", "Los últimos"),
    "nothing_yet": ("Nothing yet", "Nada todavía"),
    "none": ("none", "nada"),
    "back": ("Back", "Volver"),
    "details": ("Details", "Detalles"),
    "yes": ("yes", "sí"),
    "no": ("no", "no"),
    # signing in
    "token": ("Access token", "Ficha de acceso"),
    "token_help": (
        "bucle up prints a link with one; bucle access token create makes another.",
        "bucle up escribe un enlace con una; bucle access token create crea otra.",
    ),
    "token_given": (
        "The link brought a token. Confirm to sign in with it on this browser.",
        "El enlace trae una ficha. Confirme para entrar con ella en este navegador.",
    ),
    "token_failed": (
        "That token is not valid here (any more).",
        "Esa ficha no vale aquí (o ya no vale).",
    ),
    "tagline": ("The loop that keeps models true", "El bucle que mantiene veraces los modelos"),
    # errors
    "error_404": ("There is nothing here", "Aquí no hay nada"),
    "error_403": ("You may not see this", "No puede ver esto"),
    "error_500": ("This is a bug in Bucle", "Esto es un error de Bucle"),
    "error_other": ("That did not work", "No se pudo"),
    "error_id": ("The server's log says more under {id}.", "El registro dice más bajo {id}."),
    # projects
    "no_projects": ("No project yet", "Ningún proyecto todavía"),
    "first_project": (
        "Start one in an empty folder, then apply it:",
        "Empiece uno en una carpeta vacía y aplíquelo:",
    ),
    "last_event": ("Last event", "Último suceso"),
    "events_count": ("{count} events", "{count} sucesos"),
    # stages of the loop
    "stage.problem": ("Problem", "Problema"),
    "stage.data": ("Data", "Datos"),
    "stage.features": ("Features", "Características"),
    "stage.experiments": ("Experiments", "Experimentos"),
    "stage.pipelines": ("Pipelines", "Flujos"),
    "stage.models": ("Models", "Modelos"),
    "stage.deployments": ("Deployments", "Despliegues"),
    "stage.monitoring": ("Monitoring", "Vigilancia"),
    "stage.feedback": ("Feedback", "Realimentación"),
    "stage.control": ("Triggers", "Disparadores"),
    "state.empty": ("not started", "sin empezar"),
    "state.ok": ("fine", "bien"),
    "state.active": ("working", "trabajando"),
    "state.warn": ("needs a look", "requiere atención"),
    "state.bad": ("failed", "falló"),
    "loop_label": ("The loop of {project}, stage by stage", "El bucle de {project}, por etapas"),
    "loop_turns": ("turns of the loop", "vueltas del bucle"),
    "loop_turn": ("turn of the loop", "vuelta del bucle"),
    "loop_idle": ("Waiting for something to happen", "A la espera de que algo ocurra"),
    "loop_busy": ("Working", "Trabajando"),
    "loop_undeclared": ("Nothing is declared: bucle apply", "Nada declarado: bucle apply"),
    "no_charter": ("no charter yet", "sin carta todavía"),
    "versions": ("{count} versions", "{count} versiones"),
    "version_one": ("1 version", "1 versión"),
    "rows": ("{count} rows", "{count} filas"),
    "views": ("{count} views", "{count} vistas"),
    "view_one": ("1 view", "1 vista"),
    "raw_columns": ("raw columns", "columnas sin tratar"),
    "runs_count": ("{count} runs", "{count} ejecuciones"),
    "run_one": ("1 run", "1 ejecución"),
    "trials_count": ("{count} trials", "{count} pruebas"),
    "pipelines_count": ("{done} done, {failed} failed", "{done} hechos, {failed} fallidos"),
    "champion_is": ("champion v{version}", "campeona v{version}"),
    "no_champion": ("no champion yet", "sin campeona todavía"),
    "canary_at": ("canary v{version} at {share}", "canaria v{version} al {share}"),
    "serving_is": ("serving v{version}", "sirve v{version}"),
    "serving_nothing": ("nothing is served", "no se sirve nada"),
    "alerts_open": ("{count} open alerts", "{count} alertas abiertas"),
    "alert_one": ("1 open alert", "1 alerta abierta"),
    "no_alerts": ("no open alerts", "ninguna alerta abierta"),
    "labels_count": ("{count} labels", "{count} etiquetas"),
    "labels_waiting": ("{count} wait to be folded", "{count} por incorporar"),
    "triggers_count": ("{count} declared", "{count} declarados"),
    "fired_count": ("fired {count} times", "disparados {count} veces"),
    # figures at the top
    "kpi": ("Target", "Objetivo"),
    "result": ("Result", "Resultado"),
    "kpi_baseline": ("from {baseline}", "desde {baseline}"),
    "kpi_owner": ("owner: {owner}", "responsable: {owner}"),
    "champion": ("Champion", "Campeona"),
    "challenger": ("Challenger", "Aspirante"),
    "canary": ("Canary", "Canaria"),
    "since": ("since {at}", "desde {at}"),
    "served_error": ("{metric} as served", "{metric} en servicio"),
    "first_error": ("first reported: {value}", "primero: {value}"),
    "predictions": ("Predictions", "Predicciones"),
    "in_window": ("in the last {window}", "en los últimos {window}"),
    "labels": ("Labels", "Etiquetas"),
    "spent": ("Spent", "Gastado"),
    "of_budget": ("of {budget} a month", "de {budget} al mes"),
    "no_budget": ("no budget is declared", "sin presupuesto declarado"),
    "alerts": ("Alerts", "Alertas"),
    # the charter
    "charter": ("Charter", "Carta"),
    "problem": ("Problem", "Problema"),
    "costs": ("What an error costs", "Lo que cuesta un error"),
    "cost.false_positive": ("a false alarm", "una falsa alarma"),
    "cost.false_negative": ("a miss", "una omisión"),
    "cost.true_positive": ("a hit", "un acierto"),
    "cost.true_negative": ("a rightful silence", "un silencio debido"),
    "cost.over": ("one too many", "uno de más"),
    "cost.under": ("one too few", "uno de menos"),
    "stop_rule": ("Stop when", "Parar cuando"),
    "sponsor": ("Sponsor", "Promotor"),
    # models
    "models": ("Champion and challenger", "Campeona y aspirante"),
    "model": ("Model", "Modelo"),
    "model_versions": ("Versions", "Versiones"),
    "version": ("Version", "Versión"),
    "metric": ("Metric", "Métrica"),
    "metrics": ("Metrics", "Métricas"),
    "status": ("Status", "Estado"),
    "registered": ("Registered", "Registrada"),
    "gates": ("Gates", "Controles"),
    "gate": ("Gate", "Control"),
    "measured": ("Measured", "Medido"),
    "asked": ("Asked", "Pedido"),
    "why": ("Why", "Por qué"),
    "decisions": ("Decisions", "Decisiones"),
    "decided_by": ("Decided by", "Decidió"),
    "no_challenger": (
        "No challenger since the champion.",
        "Ninguna aspirante desde la campeona.",
    ),
    "no_gates": ("It has not been judged.", "No ha sido juzgada."),
    "passed": ("passed", "superado"),
    "refused_by": ("refused by", "rechazada por"),
    "action.promoted": ("promoted", "promovida"),
    "action.refused": ("refused", "rechazada"),
    "action.accepted": ("accepted", "aceptada"),
    "action.rolled_back": ("rolled back", "devuelta"),
    "action.waiver_asked": ("waiver asked", "dispensa pedida"),
    "action.waiver_granted": ("waiver granted", "dispensa concedida"),
    "action.registered": ("registered", "registrada"),
    "action.champion": ("champion", "campeona"),
    "roll_back": ("Roll back", "Volver a la anterior"),
    "promote": ("Promote", "Promover"),
    "files": ("Package files", "Ficheros del paquete"),
    "file": ("File", "Fichero"),
    "size": ("Size", "Tamaño"),
    "digest": ("Digest", "Huella"),
    "signature": ("Signature", "Firma"),
    "flavor": ("Flavor", "Formato"),
    "task": ("Task", "Tarea"),
    "lineage": ("Where it came from", "De dónde viene"),
    "lineage_down": ("What came from it", "Qué salió de aquí"),
    "datasets": ("Datasets", "Conjuntos de datos"),
    "trained_on": ("Trained on", "Entrenada con"),
    "made_by": ("Made by", "Hecha por"),
    "deeper": ("more", "más"),
    "described": ("Description", "Descripción"),
    "tags": ("Tags", "Etiquetas"),
    "trial": ("Clean-environment trial", "Prueba en entorno limpio"),
    "trial.passed": ("passed", "superada"),
    "trial.not_made": ("not made", "no hecha"),
    "trial.before": (
        "it was registered before packages were tried",
        "se registró antes de que se probaran los paquetes",
    ),
    "confirming": ("Confirming rows", "Filas de confirmación"),
    "looks": ("{count} looks", "{count} miradas"),
    "look_one": ("1 look", "1 mirada"),
    "looks_none": ("nobody has looked yet", "nadie ha mirado aún"),
    # traffic
    "traffic": ("Traffic", "Tráfico"),
    "planned_split": ("Planned", "Previsto"),
    "actual_split": ("Answered", "Respondido"),
    "requests": ("{count} requests", "{count} peticiones"),
    "errors_count": ("{count} errors", "{count} errores"),
    "volume": ("Predictions over time", "Predicciones en el tiempo"),
    "volume_per": ("predictions per {span}", "predicciones por {span}"),
    "no_requests": (
        "Nobody has asked for a prediction yet.",
        "Nadie ha pedido aún una predicción.",
    ),
    "no_requests_since": ("none since the last change", "ninguna desde el último cambio"),
    "revision": ("Revision", "Revisión"),
    "revisions": ("What was served, and why", "Qué se sirvió, y por qué"),
    "variants": ("Variants", "Variantes"),
    "rollout": ("Rollout", "Despliegue gradual"),
    "rollout_steps": ("Canary steps", "Pasos de la canaria"),
    "step_since": ("at this step for {span}", "en este paso desde hace {span}"),
    "abort_canary": ("Abort the canary", "Abortar la canaria"),
    "shadow": ("Shadow", "Sombra"),
    "fallback": ("Fallback", "Alternativa"),
    "shadow_gets": (
        "gets copies of {share} of the requests; nobody gets its answers",
        "recibe copias del {share} de las peticiones; nadie recibe sus respuestas",
    ),
    "trial_ab": ("A/B test by {metric}", "Prueba A/B por {metric}"),
    "trial_bandit": ("Bandit by {metric}", "Bandido por {metric}"),
    "stop_trial": ("End the trial", "Terminar la prueba"),
    "stop_shadow": ("End the shadow", "Quitar la sombra"),
    "watched_until": ("watched until", "vigilada hasta"),
    "kill_switch": ("Kill switch", "Interruptor de emergencia"),
    "kill_told": (
        "Takes the model out of service at once. Then answers: {what}.",
        "Retira el modelo de inmediato. Luego responde: {what}.",
    ),
    "kill_previous": ("the champion before", "la campeona anterior"),
    "kill_reason": ("What is wrong?", "¿Qué pasa?"),
    "kill": ("Kill", "Retirar"),
    "restore": ("Restore", "Restaurar"),
    "killed_told": (
        "{who} took it out of service. Now answers: {what}.",
        "{who} lo retiró. Ahora responde: {what}.",
    ),
    "also_on_error": ("also where a model fails", "también si un modelo falla"),
    "only_killed": ("only when killed", "solo tras retirarlo"),
    "deployments": ("Deployments", "Despliegues"),
    "deployment": ("Deployment", "Despliegue"),
    # monitoring
    "performance": ("{metric} as served", "{metric} en servicio"),
    "performance_help": (
        "Measured when the true values come; a line marks each new champion.",
        "Medido al llegar los valores verdaderos; una raya marca cada campeona nueva.",
    ),
    "no_labels": ("No labels have come yet.", "Aún no han llegado etiquetas."),
    "drift": ("Drift by column", "Deriva por columna"),
    "drift_help": (
        "How far each column is from what the champion was trained on; the limit is {limit}.",
        "Cuánto dista cada columna de lo que la campeona aprendió; el límite es {limit}.",
    ),
    "no_drift": ("No window was compared yet.", "Aún no se comparó ninguna ventana."),
    "monitor": ("Monitor", "Vigilante"),
    "last_look": ("last look", "última mirada"),
    "checks": ("Last checks", "Últimos controles"),
    "cause.volume": ("Volume", "Volumen"),
    "cause.data": ("Missing values", "Valores ausentes"),
    "cause.drift": ("Drift", "Deriva"),
    "cause.performance": ("Performance", "Rendimiento"),
    "advice.volume": (
        "Requests are lost or the caller stopped: ask the caller before anything else.",
        "Se pierden peticiones o quien llama paró: pregúntele antes que nada.",
    ),
    "advice.data": (
        "A source stopped filling these columns: ask its owner; the model guesses meanwhile.",
        "Una fuente dejó de llenar estas columnas: pregunte a su responsable.",
    ),
    "advice.drift": (
        "The world or a source moved: see whether performance follows; retrain if it does.",
        "El mundo o una fuente cambió: mire si el rendimiento lo sigue; si es así, reentrene.",
    ),
    "advice.performance": (
        "The model is worse than it was: retrain on recent data, or roll back.",
        "El modelo es peor que antes: reentrene con datos recientes, o vuelva al anterior.",
    ),
    "to_do": ("What to do", "Qué hacer"),
    "all_quiet": ("All quiet: no alert is open.", "Todo en calma: ninguna alerta abierta."),
    "open_since": ("open since {at}", "abierta desde {at}"),
    "acknowledge": ("I look after it", "Me ocupo yo"),
    "acknowledged": ("{name} looks after it", "Se ocupa {name}"),
    # data
    "data": ("Data", "Datos"),
    "dataset": ("Dataset", "Conjunto de datos"),
    "columns": ("Columns", "Columnas"),
    "column": ("Column", "Columna"),
    "type": ("Type", "Tipo"),
    "distribution": ("Distribution", "Distribución"),
    "range": ("Range", "Rango"),
    "missing": ("Missing", "Ausentes"),
    "distinct": ("Distinct", "Distintos"),
    "mean": ("Mean", "Media"),
    "committed": ("Committed", "Confirmado"),
    "by": ("By", "Por"),
    "message": ("Message", "Mensaje"),
    # the catalogue
    "catalog": ("Catalogue", "Catálogo"),
    "search": ("Search", "Buscar"),
    "search_for": ("a name, a column, what it means…", "un nombre, una columna, qué significa…"),
    "search_help": (
        "Narrow it with kind: owner: tag: sensitivity: column: (column:amount* begins so).",
        "Acote con tipo: responsable: etiqueta: sensibilidad: columna: (columna:importe* empieza).",
    ),
    "found_nothing": ("Nothing was found", "No se encontró nada"),
    "more_found": ("More", "Más"),
    "noun.dataset": ("dataset", "conjunto de datos"),
    "noun.feature_view": ("feature view", "vista de características"),
    "noun.model": ("model", "modelo"),
    "noun.deployment": ("deployment", "despliegue"),
    "owner": ("Owner", "Responsable"),
    "licence": ("Licence", "Licencia"),
    "freshness": ("Freshness", "Frescura"),
    "is_fresh": ("fresh", "fresco"),
    "is_stale": ("too old", "demasiado viejo"),
    "within": ("within {limit}", "en {limit}"),
    "proposals": ("Proposals", "Propuestas"),
    "proposals_wait": (
        "{count} about columns wait for a decision",
        "{count} sobre columnas esperan decisión",
    ),
    "not_described": ("Nobody described it yet", "Nadie lo ha descrito aún"),
    "sensitivity.none": ("not sensitive", "no sensible"),
    "sensitivity.personal": ("personal", "personal"),
    "sensitivity.sensitive": ("sensitive", "sensible"),
    "sensitivity.secret": ("secret", "secreta"),
    "contract": ("Contract", "Contrato"),
    "no_contract": ("There is no contract", "No hay contrato"),
    "contract.in_force": ("in force", "en vigor"),
    "contract.coming": ("coming", "por venir"),
    "contract.proposed": ("proposed", "propuesto"),
    "tasks": ("To do", "Por hacer"),
    "no_tasks": ("Nothing to do", "Nada por hacer"),
    "for_whom": ("for {name}", "para {name}"),
    "usage": ("Used by", "Lo usan"),
    "no_usage": ("Nothing uses it yet", "Nada lo usa aún"),
    "and_more": ("and {count} more", "y {count} más"),
    "expectations": ("Expectations", "Lo que se espera"),
    "all_hold": ("all {count} hold", "las {count} se cumplen"),
    "some_break": ("{count} broken", "{count} incumplidas"),
    "not_declared": ("none declared", "ninguna declarada"),
    "number_rows": ("Rows", "Filas"),
    "no_data": ("No dataset yet: bucle data commit", "Ningún dato aún: bucle data commit"),
    # runs
    "runs": ("Last runs", "Últimas ejecuciones"),
    "run": ("Run", "Ejecución"),
    "runs_nav": ("Runs", "Ejecuciones"),
    "all_runs": ("All runs", "Todas"),
    "kind": ("Kind", "Clase"),
    "took": ("Took", "Duró"),
    "cost": ("Cost", "Coste"),
    "started": ("Started", "Empezó"),
    "when": ("When", "Cuándo"),
    "name": ("Name", "Nombre"),
    "parameters": ("Parameters", "Parámetros"),
    "inputs": ("Inputs", "Entradas"),
    "outputs": ("Outputs", "Salidas"),
    "code": ("Code", "Código"),
    "environment": ("Environment", "Entorno"),
    "seeds": ("Seeds", "Semillas"),
    "artifacts": ("Artifacts", "Artefactos"),
    "part_of": ("Part of", "Parte de"),
    "parts": ("Parts", "Partes"),
    "cpu": ("CPU time", "Tiempo de CPU"),
    "memory": ("Peak memory", "Memoria máxima"),
    "run.running": ("running", "en marcha"),
    "run.finished": ("finished", "terminada"),
    "run.failed": ("failed", "fallida"),
    "run.killed": ("killed", "interrumpida"),
    "dirty": ("with changes", "con cambios"),
    # events
    "events": ("What happened", "Qué pasó"),
    "all_events": ("All events", "Todos"),
    "chain": ("Event {number} of a chain that shows tampering", "Suceso {number} de la cadena"),
    # control
    "control": ("Control", "Control"),
    "jobs_running": ("running", "en marcha"),
    "jobs_due": ("waiting", "en espera"),
    "jobs_behind": ("events to react to", "sucesos por atender"),
    "next_due": ("next", "próximo"),
    "settled": ("It has caught up.", "Está al día."),
    "job": ("Job", "Trabajo"),
    "jobs": ("Last jobs", "Últimos trabajos"),
    "because": ("Because", "Porque"),
    "job.queued": ("queued", "en cola"),
    "job.running": ("running", "en marcha"),
    "job.done": ("done", "hecho"),
    "job.failed": ("failed", "falló"),
    "triggers": ("Triggers", "Disparadores"),
    "trigger.manual": ("by hand", "a mano"),
    "trigger.schedule": ("by the calendar: {detail}", "por calendario: {detail}"),
    "trigger.new_data": ("new rows in {detail}", "filas nuevas en {detail}"),
    "trigger.drift": ("drift seen by {detail}", "deriva vista por {detail}"),
    "trigger.performance": ("{detail} got worse", "{detail} empeoró"),
    "run_now": ("Run now", "Ejecutar"),
    # predictions
    "prediction": ("Prediction", "Predicción"),
    "find_prediction": ("Where did a prediction come from?", "¿De dónde salió una predicción?"),
    "prediction_id": ("Prediction id", "Identificador de la predicción"),
    "find": ("Find", "Buscar"),
    "features": ("Features", "Datos de entrada"),
    "answer": ("Answer", "Respuesta"),
    "answered_by": ("Answered by", "Respondió"),
    "latency": ("Latency", "Latencia"),
    "at": ("At", "Cuándo"),
    "last_predictions": ("The last predictions", "Las últimas predicciones"),
}


def word(language: str, key: str, **values: object) -> str:
    """Return a word or a sentence of the pages, its values filled in.

    Raises:
        KeyError: the catalogue has no such key (a bug, which a test finds).
    """
    said = WORDS[key][language == "es"]
    return said.format(**values) if values else said


# What control gives as its reasons; what people gave is shown as they wrote it.
REASONS: Mapping[str, str] = {
    "as good as the champion": "tan buena como la campeona",
    "it became champion": "pasó a ser la campeona",
    "it passed every step": "superó todos los pasos",
    "it passed every step of its canary": "superó todos los pasos de su canaria",
    "its gates": "sus controles",
    "the gates of its model": "los controles de su modelo",
    "no canary is declared": "no se declaró canaria",
    "the first accepted version": "la primera versión aceptada",
}


def reason(language: str, text: str) -> str:
    """Return a reason in the reader's language, if it is one of control's own."""
    return REASONS.get(text, text) if language == "es" else text


_VERDICTS = {
    "volume": ("{value} requests", "{value} peticiones"),
    "missing": ("{about} is missing in {value}", "{about} falta en {value}"),
    "drift": ("{about} moved by {value}", "{about} se movió {value}"),
    "prediction_drift": (
        "the answers ({about}) moved by {value}",
        "las respuestas ({about}) se movieron {value}",
    ),
    "performance": ("{about} is {value}", "{about} es {value}"),
    "types": ("{value} values of another type", "{value} valores de otro tipo"),
    "labels": ("{value} labels of a strange kind", "{value} etiquetas de clase extraña"),
    "performance:finite": ("{value} values are no numbers", "{value} valores no son números"),
}
_LIMIT = (", the limit is {limit}", ", el límite es {limit}")
_GATE = "{value}; se pide {limit}"


def told(language: str, verdict: Verdict) -> str:
    """Tell what a check found, from its figures; a check that is not known, by its own note."""
    signal, _, about = verdict.name.partition(":")
    spanish = language == "es"
    limit = number(verdict.limit) if verdict.limit else ""
    if verdict.value is None:
        return verdict.note or verdict.name
    if verdict.name in _VERDICTS:
        signal = verdict.name
    if signal not in _VERDICTS:
        # The note says more, and says it in English.
        said = _GATE.format(value=number(verdict.value), limit=limit) if limit else ""
        return (said if spanish else "") or verdict.note or verdict.name
    said = _VERDICTS[signal][spanish].format(about=about, value=number(verdict.value))
    return said + (_LIMIT[spanish].format(limit=limit) if limit else "")
