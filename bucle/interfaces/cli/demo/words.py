"""What the demo and `bucle init` say, in English and in Spanish."""

_TEXTS: dict[str, tuple[str, str]] = {
    "init.next": (
        "next:  bucle demo --dir {folder}     (what is in it: {folder}/README.md)",
        "ahora:  bucle demo --dir {folder}     (qué contiene: {folder}/README.md)",
    ),
    "init.choose": (
        "next:  bucle init --template {name} my-project",
        "ahora:  bucle init --template {name} mi-proyecto",
    ),
    "project": ("project: {folder}", "proyecto: {folder}"),
    "page": ("page:    {url}", "página:   {url}"),
    "history": (
        "{rows} payments of the first {days} days committed and checked as {ref}",
        "{rows} pagos de los primeros {days} días registrados y comprobados como {ref}",
    ),
    "by_hand": (
        "bucle.yaml declares no trigger: the first model is asked for by hand, the rest never",
        "bucle.yaml no declara disparadores: el primer modelo se pide a mano; después, ninguno",
    ),
    "stage.starting": ("starting the processes", "arrancando los procesos"),
    "stage.first": ("training the first model", "entrenando el primer modelo"),
    "stage.stream": ("the stream runs", "el flujo corre"),
    "stage.settling": ("the loop is at work", "el bucle trabaja"),
    "stage.scoring": ("counting", "contando"),
    "day": (
        "{date}  payments {payments:4}  caught {caught:>7}  saved {saved:>6} EUR  {served}{alerts}",
        "{date}  pagos {payments:4}  cazados {caught:>7}  ahorro {saved:>6} EUR  {served}{alerts}",
    ),
    "alerts": ("  alerts: {causes}", "  alertas: {causes}"),
    "trigger.fired": ("trigger {name}: {cause}", "disparador {name}: {cause}"),
    "pipeline.finished": (
        "nothing new was known: every step came from the cache",
        "no se sabía nada nuevo: cada paso salió de la caché",
    ),
    "model.registered": ("{model} is trained", "{model} entrenado"),
    "model.refused": ("{model} REFUSED: {why}", "{model} RECHAZADO: {why}"),
    "model.accepted": ("{model} passed its gates{why}", "{model} pasó sus pruebas{why}"),
    "model.promoted": ("{model} PROMOTED: {why}", "{model} PROMOVIDO: {why}"),
    "rollout.started": (
        "{model} is a canary with {share} of the traffic",
        "{model} es canario con el {share} del tráfico",
    ),
    "rollout.advanced": ("{model} now has {share}", "{model} pasa al {share}"),
    "rollout.aborted": ("canary {model} stopped: {why}", "canario {model} detenido: {why}"),
    "alert.raised": ("ALERT {cause}: {why}", "ALERTA {cause}: {why}"),
    "alert.closed": ("alert {cause} is over", "alerta {cause} terminada"),
    "failed": ("{ref} FAILED: {why}", "{ref} FALLÓ: {why}"),
    "summary.title": ("What came of it", "Qué resultó"),
    "summary.frauds": ("frauds caught", "fraudes cazados"),
    "summary.alarms": ("honest payments held", "pagos honrados retenidos"),
    "summary.saved": ("money saved", "dinero ahorrado"),
    "summary.loop": ("with the loop", "con el bucle"),
    "summary.alone": ("first model left alone", "primer modelo, solo"),
    "summary.versions": ("Every version, and why", "Cada versión, y por qué"),
    "summary.gain": (
        "the loop saved {gain:,.0f} EUR more than the same first model left alone",
        "el bucle ahorró {gain:,.0f} EUR más que el mismo primer modelo solo",
    ),
    "summary.took": (
        "{days} days, {predictions} predictions over HTTP, {seconds:.0f} s",
        "{days} días, {predictions} predicciones por HTTP, {seconds:.0f} s",
    ),
    "go_on": (
        "go on:  cd {folder} && bucle up --home home",
        "seguir:  cd {folder} && bucle up --home home",
    ),
    "trace": (
        "ask:     cd {folder} && BUCLE_HOME=home bucle --project {project} lineage {ref}",
        "origen:  cd {folder} && BUCLE_HOME=home bucle --project {project} lineage {ref}",
    ),
    "serving": (
        "the page stays up: {url}   Ctrl-C stops it",
        "la página sigue: {url}   Ctrl-C la detiene",
    ),
    "unjudged": ("not judged", "sin juzgar"),
}


def text(key: str, language: str, **values: object) -> str:
    """Return a sentence in a language, with its values."""
    return _TEXTS[key][1 if language == "es" else 0].format(**values)
