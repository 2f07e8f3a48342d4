"""Join predictions with the labels that came, and hand them to the registry's metrics."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.governance.session import Session
from bucle.lifecycle import registry, serving

_OUTPUT = "out_"


def joined_labels(
    session: Session, deployment: str, since: datetime, until: datetime, labels: pa.Table | None
) -> pa.Table:
    """Return the predictions of a window that were answered well and have a label.

    Columns: `id`, `model_ref`, `prediction`, `probability` where there is one, `label`.
    """
    asked = ["id", "model_ref", "error", f"{_OUTPUT}prediction", f"{_OUTPUT}probability"]
    rows = serving.read_predictions(session, deployment, since, until, columns=asked)
    rows = rows.filter(pc.is_valid(rows[f"{_OUTPUT}prediction"])).drop_columns(["error"])
    rows = rows.rename_columns([name.removeprefix(_OUTPUT) for name in rows.column_names])
    if rows["probability"].null_count == rows.num_rows:
        rows = rows.drop_columns(["probability"])
    if labels is None:
        return rows.slice(0, 0).append_column("label", pa.array([], pa.float64()))
    known = labels.select(["prediction_id", "label"])
    return rows.join(known, "id", "prediction_id", join_type="inner")


def answered(
    session: Session, joined: pa.Table, champion: registry.ModelVersion
) -> registry.Answered:
    """Return joined rows as the registry's metrics take them."""
    manifest = registry.manifest_of(session.drivers, champion.manifest)
    answers = {"prediction": _array(joined["prediction"])}
    if "probability" in joined.column_names:
        answers["probability"] = _array(joined["probability"])
    return registry.Answered(
        task=champion.task,
        classes=manifest.classes,
        actual=_as_classes(_array(joined["label"]), manifest.classes),
        answers=answers,
    )


def _array(column: pa.ChunkedArray) -> registry.Array:
    if pa.types.is_list(column.type):
        return np.array(column.to_pylist(), dtype=np.float64)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _as_classes(actual: registry.Array, classes: tuple[str | int | bool, ...]) -> registry.Array:
    """Return labels in the type of the model's classes; labels are kept as numbers or texts."""
    if not classes or isinstance(classes[0], str) or actual.dtype.kind not in "fiu":
        return actual
    return actual.astype(np.bool_ if isinstance(classes[0], bool) else np.int64)
