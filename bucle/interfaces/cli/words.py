"""The command line's own words in Spanish; what a verb does is said by its row."""

_SPANISH = {
    "Usage": "Uso",
    "Options": "Opciones",
    "Commands": "Órdenes",
    "Rooms": "Salas",
    "Verbs": "Verbos",
    "VERB ...": "VERBO ...",
    "ROOM VERB ...": "SALA VERBO ...",
    "TEXT": "TEXTO",
    "NUMBER": "NÚMERO",
    "FILE": "FICHERO",
    "NAME=VALUE": "NOMBRE=VALOR",
    "Show this message and exit.": "Muestra este mensaje y termina.",
    "Show the version and exit.": "Muestra la versión y termina.",
    "The whole MLOps loop in one package.": "El ciclo MLOps entero en un paquete.",
    "required": "obligatorio",
    "may be given several times": "puede repetirse",
    "nothing": "nada",
    "more": "hay más",
    "working": "trabajando",
    # fields, as headings and labels
    "actor": "actor",
    "at": "cuándo",
    "alias": "alias",
    "baseline": "partida",
    "body": "contenido",
    "cost": "coste",
    "costs": "costes",
    "count": "número",
    "created at": "creado",
    "digest": "huella",
    "direction": "sentido",
    "error": "error",
    "expires at": "caduca",
    "grants": "papeles",
    "head": "cabeza",
    "kind": "clase",
    "limit": "límite",
    "message": "mensaje",
    "model": "modelo",
    "name": "nombre",
    "note": "nota",
    "number": "número",
    "ok": "bien",
    "owner": "responsable",
    "parent": "anterior",
    "principal": "quién",
    "problem": "problema",
    "project": "proyecto",
    "reason": "motivo",
    "revoked at": "anulado",
    "role": "papel",
    "rows": "filas",
    "set at": "fijado",
    "set by": "fijado por",
    "size bytes": "octetos",
    "sponsor": "promotor",
    "status": "estado",
    "stop rule": "regla de parada",
    "target": "objetivo",
    "type": "tipo",
    "unit": "unidad",
    "value": "valor",
    "verdicts": "veredictos",
    "version": "versión",
}


def word(english: str, language: str) -> str:
    """Return a word or a sentence in the language; the English one where there is no other."""
    return _SPANISH.get(english, english) if language == "es" else english


def label(field: str, language: str) -> str:
    """Return a field's name as a person reads it."""
    *parents, last = field.split(".")
    said = word(last.replace("_", " "), language)
    return ".".join((*(word(parent.replace("_", " "), language) for parent in parents), said))
