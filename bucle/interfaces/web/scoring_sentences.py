"""Sentences of predictions that no request asked for, and of the prediction log."""

from collections.abc import Mapping

# fact -> in English and in Spanish
SCORING_SENTENCES: Mapping[str, tuple[str, str]] = {
    "dataset.scored": (
        "{model} scored {rows} rows of {dataset} into {thing}",
        "{model} evaluó {rows} filas de {dataset} en {thing}",
    ),
    "deployment.log_collected": (
        "{rows} predictions of {thing} were collected into {dataset}",
        "Se recogieron {rows} predicciones de {thing} en {dataset}",
    ),
    "deployment.log_retained": (
        "{rows} predictions of {thing} older than its retention were removed",
        "Se quitaron {rows} predicciones de {thing} más viejas que su retención",
    ),
}
