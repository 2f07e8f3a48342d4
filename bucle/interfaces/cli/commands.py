"""The commands that are not rows of the operation table, and short names for rows that are.

Everything here is text: a command's module is imported when the command is run.
"""

from typing import NamedTuple


class Listed(NamedTuple):
    """A command: where it is, and what it is for in English and in Spanish."""

    target: str  # module:attribute of a click command; or the name of an operation
    summary: str
    summary_es: str


# name -> command
COMMANDS: dict[str, Listed] = {
    "demo": Listed(
        "bucle.interfaces.cli.demo.command:demo",
        "Watch one whole loop turn by itself, in about a minute",
        "Mira cómo un bucle entero gira solo, en un minuto más o menos",
    ),
    "init": Listed(
        "bucle.interfaces.cli.init:init",
        "Write a small working project to start from",
        "Escribe un pequeño proyecto que funciona, para empezar",
    ),
    "up": Listed(
        "bucle.interfaces.cli.up:up",
        "Start API, pages, jobs, reconciler and model server",
        "Arranca API, páginas, trabajos, reconciliador y servidor de modelos",
    ),
    "plan": Listed(
        "bucle.interfaces.cli.declare:plan",
        "Show what applying bucle.yaml would change",
        "Muestra qué cambiaría al aplicar bucle.yaml",
    ),
    "apply": Listed(
        "bucle.interfaces.cli.declare:apply",
        "Make everything as bucle.yaml declares it",
        "Deja todo como lo declara bucle.yaml",
    ),
    "schema": Listed(
        "bucle.interfaces.cli.declare:schema",
        "Print the JSON Schema of bucle.yaml",
        "Escribe el esquema JSON de bucle.yaml",
    ),
    "rebuild": Listed(
        "registry.rebuild",
        "Train a model version again from what was recorded, and compare",
        "Entrena de nuevo una versión con lo registrado y compara",
    ),
    "sql": Listed(
        "bucle.interfaces.cli.sql:sql",
        "Ask dataset versions in SQL: SELECT ... FROM trips@3",
        "Pregunta en SQL a versiones de datos: SELECT ... FROM viajes@3",
    ),
    "import": Listed(
        "bucle.interfaces.cli.importing:bring",
        "Bring over what another tool keeps: MLflow's runs, models, files",
        "Trae lo que guarda otra herramienta: ejecuciones, modelos y ficheros de MLflow",
    ),
    "serve": Listed(
        "bucle.interfaces.cli.serve:serve",
        "Serve a version, a folder or a model's file, with no server and no home",
        "Sirve una versión, una carpeta o el fichero de un modelo, sin servidor ni instalación",
    ),
    "server": Listed(
        "bucle.interfaces.cli.server:server",
        "Serve the API and the pages",
        "Sirve la API y las páginas",
    ),
    "settings": Listed(
        "bucle.interfaces.cli.about:settings",
        "Show every setting in force",
        "Muestra los ajustes en vigor",
    ),
    "db": Listed(
        "bucle.interfaces.cli.db:database",
        "Upgrade the database's schema",
        "Actualiza el esquema de la base de datos",
    ),
    "version": Listed(
        "bucle.interfaces.cli.about:version", "Show the version", "Muestra la versión"
    ),
}

# room -> verbs of the client's own machine, which are no rows: they read or write files here
LOCAL_VERBS: dict[str, dict[str, Listed]] = {
    "data": {
        "explore": Listed(
            "bucle.interfaces.cli.explore:explore",
            "Look at a version: what stops a project first; --html FILE writes a report",
            "Mira una versión: primero lo que detiene un proyecto; --html FICHERO da un informe",
        ),
        "checkout": Listed(
            "bucle.interfaces.cli.checkout:checkout",
            "Write the files of a version into a folder: only what differs",
            "Escribe en una carpeta los ficheros de una versión: solo lo que cambia",
        ),
        "cat": Listed(
            "bucle.interfaces.cli.checkout:cat",
            "Write one file of a version to standard output",
            "Escribe un fichero de una versión en la salida estándar",
        ),
    },
    "serving": {
        "bundle": Listed(
            "bucle.interfaces.cli.bundle:bundle",
            "Write what a deployment serves, and what serves it, as one file or folder",
            "Escribe en un fichero o carpeta lo que sirve un despliegue y lo que lo sirve",
        ),
        "collect": Listed(
            "bucle.interfaces.cli.bundle:collect",
            "Bring the predictions that a model server kept in a folder into the log",
            "Trae al registro las predicciones que guardó un servidor en una carpeta",
        ),
        "alerts": Listed(
            "bucle.interfaces.cli.watching:alerts",
            "Print alert rules of the model servers, for Prometheus",
            "Muestra reglas de alerta de los servidores de modelos, para Prometheus",
        ),
        "dashboard": Listed(
            "bucle.interfaces.cli.watching:dashboard",
            "Print a dashboard of the model servers, for Grafana",
            "Muestra un panel de los servidores de modelos, para Grafana",
        ),
    },
    "registry": {
        "export": Listed(
            "bucle.interfaces.cli.export_model:export_model",
            "Write a version's package into a folder: files, manifest, signature and key",
            "Escribe en una carpeta el paquete de una versión: ficheros, manifiesto, firma y clave",
        ),
    },
    "tracking": {
        "sync": Listed(
            "bucle.interfaces.cli.spool:sync",
            "Deliver what runs of this machine said while no server answered",
            "Entrega lo que dijeron las ejecuciones de esta máquina sin servidor",
        ),
        "export": Listed(
            "bucle.interfaces.cli.export:export",
            "Write everything of an experiment's runs as Parquet or CSV into a folder",
            "Escribe en una carpeta todo lo de las ejecuciones de un experimento",
        ),
    },
}

# room -> the verb that is meant when none is said: `bucle lineage model:churn@3`
DEFAULT_VERBS = {"lineage": "trace"}

# operation -> module:function that shows its answer to a person; the rest are shown as tables
RENDERERS = {
    "data.drift": "bucle.interfaces.cli.explore:show_drift",
    "data.decisions": "bucle.interfaces.cli.explore:show_decisions",
    "data.readiness": "bucle.interfaces.cli.explore:show_readiness",
    "data.search": "bucle.interfaces.cli.found:show_found",
    "lineage.trace": "bucle.interfaces.cli.lineage:show_lineage",
    "access.create_token": "bucle.interfaces.cli.token:show_token",
}
