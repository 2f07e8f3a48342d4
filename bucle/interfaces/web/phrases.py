"""What the house writes into its records in English, told in the reader's language.

Relations of lineage, kinds of runs and the note of a package's trial; what is not known here is
shown as it was written.
"""

import re
from collections.abc import Mapping

from bucle.base.verdict import Verdict
from bucle.interfaces.web.words import word

# How a thing is related to the one above it; another relation is shown as it is named.
RELATIONS: Mapping[str, tuple[str, str]] = {
    "code": ("code", "código"),
    "defines": ("defined by", "la define"),
    "environment": ("environment", "entorno"),
    "folded": ("labels from", "etiquetas de"),
    "made": ("made", "hizo"),
    "materialized": ("brought online", "puso en línea"),
    "parent": ("after", "tras"),
    "part": ("part", "parte"),
    "queried": ("asked", "consultó"),
    "read": ("read", "leyó"),
    "registered": ("registered", "registrado"),
    "renamed": ("renamed", "renombrado"),
    "reused": ("reused", "reutilizó"),
    "runs": ("ran", "ejecutó"),
    "served_by": ("served by", "servida por"),
    "split": ("split", "dividió"),
    "trained": ("trained", "entrenó"),
    "member": ("is a member of", "es parte de"),
    "triggered": ("triggered", "disparó"),
    "value": ("result", "resultado"),
}


def relation(language: str, name: str) -> str:
    """Return how two things are related, in the reader's language."""
    return RELATIONS.get(name, (name, name))[language == "es"]


# What kinds of runs the house makes; another kind is shown as it is named.
KINDS: Mapping[str, tuple[str, str]] = {
    "evaluation": ("evaluation", "evaluación"),
    "materialization": ("materialization", "materialización"),
    "notebook": ("notebook", "cuaderno"),
    "pipeline": ("pipeline", "flujo"),
    "step": ("step", "paso"),
    "training": ("training", "entrenamiento"),
    "trial": ("trial", "prueba"),
}


def kind(language: str, name: str) -> str:
    """Return of what kind a run is, in the reader's language."""
    return KINDS.get(name, (name, name))[language == "es"]


# The clauses of a trial's note, which is kept in English.
_TRIAL: tuple[tuple[str, str], ...] = (
    (r"^it says of its example what it said there, ", "dice de su ejemplo lo mismo que allí, "),
    (r"^it loads, ", "carga, "),
    (r"^not verified: BUCLE_VERIFY is off$", "sin verificar: BUCLE_VERIFY está apagado"),
    (r"^not verified: without (.*)$", r"sin verificar: falta \1"),
    (r"in a fresh process of Python (\S+) with", r"en un proceso nuevo de Python \1 con"),
    (r"con all that is installed", "con todo lo instalado"),
    (r"in a virtual environment of Python (\S+) installed from",
     r"en un entorno virtual de Python \1 instalado con"),
    (r"the (\d+) packages of its lock", r"los \1 paquetes de su cerrojo"),
    (r" and all else hidden$", " y lo demás oculto"),
    (r", where there is ", ", donde hay "),
    (r" and not ", " y no "),
    (r" not at all ", " ausente "),
    (r" and (\d+) more$", r" y \1 más"),
)  # fmt: skip


def tried(language: str, verdict: Verdict | None) -> str:
    """Tell what the trial of a package in a clean environment came to."""
    if verdict is None:
        return word(language, "trial.before")
    said = verdict.note
    for english, spanish in _TRIAL if language == "es" else ():
        said = re.sub(english, spanish, said)
    return said
