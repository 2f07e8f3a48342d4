"""Sentences of what concerns people: labels that they give, and data of theirs that are deleted."""

from collections.abc import Mapping

# fact -> in English and in Spanish
PEOPLE_SENTENCES: Mapping[str, tuple[str, str]] = {
    "blob.collected": (
        "{actor} deleted {objects} stored contents that nothing refers to",
        "{actor} borró {objects} contenidos guardados a los que nada se refiere",
    ),
    "dataset.erased": (
        "Rows of {thing} were deleted in {rewritten} versions",
        "Se borraron filas de {thing} en {rewritten} versiones",
    ),
    "dataset.packed": ("{actor} stored files for {thing}", "{actor} guardó ficheros para {thing}"),
    "dataset.retained": (
        "What is older than the retention of {thing} was removed: {rows} rows, versions {dropped}",
        "Se quitó lo más viejo que la retención de {thing}: {rows} filas, versiones {dropped}",
    ),
    "deletion.asked": (
        "{actor} asked for rows of {dataset} to be deleted: {reason}",
        "{actor} pidió borrar filas de {dataset}: {reason}",
    ),
    "deletion.begun": ("{actor} began {thing}", "{actor} empezó {thing}"),
    "deletion.done": ("{thing} was carried out", "{thing} se llevó a cabo"),
    "deletion.repeated": (
        "{thing} goes on: rows came meanwhile",
        "{thing} sigue: entretanto llegaron filas",
    ),
    "deletion.withdrawn": (
        "{actor} withdrew {thing}: {reason}",
        "{actor} retiró {thing}: {reason}",
    ),
    "feature.measured": (
        "The features of {thing} were looked at; moved: {moved}",
        "Se miraron las características de {thing}; se movieron: {moved}",
    ),
    "labelling.adjudicated": (
        "{actor} settled item {item} of {thing}",
        "{actor} zanjó el elemento {item} de {thing}",
    ),
    "labelling.answered": (
        "{actor} answered item {item} of {thing}",
        "{actor} respondió al elemento {item} de {thing}",
    ),
    "labelling.erased": (
        "{items} items of {thing} were deleted",
        "Se borraron {items} elementos de {thing}",
    ),
    "labelling.imported": (
        "{actor} brought {answers} answers to {thing}",
        "{actor} trajo {answers} respuestas a {thing}",
    ),
    "labelling.made": (
        "{actor} made {thing} of {items} rows of {dataset}",
        "{actor} creó {thing} con {items} filas de {dataset}",
    ),
    "labelling.published": (
        "{actor} made {dataset} of the answers of {thing}: {rows} rows",
        "{actor} creó {dataset} con las respuestas de {thing}: {rows} filas",
    ),
    "labelling.skipped": (
        "{actor} passed over item {item} of {thing}",
        "{actor} pasó de largo el elemento {item} de {thing}",
    ),
    "labelling.taken": (
        "{actor} took item {item} of {thing} in hand",
        "{actor} tomó el elemento {item} de {thing}",
    ),
    "labelling.undone": (
        "{actor} took back the answer to item {item} of {thing}",
        "{actor} retiró la respuesta al elemento {item} de {thing}",
    ),
    "labels.erased": (
        "{labels} labels of {thing} were deleted",
        "Se borraron {labels} etiquetas de {thing}",
    ),
    "model.data_erased": (
        "Data that {thing} was trained on were deleted: train it again",
        "Se borraron datos con los que se entrenó {thing}: vuélvalo a entrenar",
    ),
}
