"""Evaluate a model on a table: its predictions once, its metrics overall and on slices."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid
from bucle.drivers.engine import Engine
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry.columns import Array, columns_of
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.score import Answered, amount_columns, score

_ROW = "__bucle_row"


def evaluate(
    predictor: Predictor,
    table: pa.Table,
    target: str,
    task: str = "",
    costs: ErrorCosts | None = None,
) -> dict[str, float]:
    """Return the metrics of a model on the rows of a table that have a target.

    Regression: mae, rmse, r2.  Classification: accuracy, precision, recall, f1, log_loss, and
    for two classes auc, average_precision and brier, of the second class.  With the charter's
    costs, cost_per_case.  What these rows can not give is left out.

    Raises:
        Invalid: the table lacks an input or the target, or holds a class that the model lacks.
    """
    return score(answer(predictor, table, target, task, costs), costs)


def answer(
    predictor: Predictor,
    table: pa.Table,
    target: str,
    task: str = "",
    costs: ErrorCosts | None = None,
) -> Answered:
    """Predict every row that has a target."""
    if target not in table.column_names:
        raise Invalid(
            f"the evaluation table lacks the target {target!r}",
            hint=f"it has {', '.join(table.column_names)}",
        )
    table = table.filter(pc.is_valid(table.column(target)))
    if not table.num_rows:
        raise Invalid(f"no row of the evaluation table has a value of the target {target!r}")
    columns = columns_of(table, predictor.signature.inputs)
    named = [name for name in amount_columns(costs) if name in table.column_names]
    return Answered(
        task=task or predictor.manifest.task,
        classes=predictor.manifest.classes,
        actual=np.asarray(table.column(target).to_numpy()),
        answers=predictor.predict(columns),
        amounts={name: np.asarray(table.column(name).to_numpy()) for name in named},
    )


def slice_rows(
    engine: Engine, table: pa.Table, target: str, conditions: Sequence[str]
) -> dict[str, Array | str]:
    """Return, for each SQL condition, which of the rows that have a target it holds for.

    A condition that the engine does not understand gets its message instead.
    """
    kept = table.filter(pc.is_valid(table.column(target)))
    numbered = kept.append_column(_ROW, pa.array(np.arange(kept.num_rows)))
    found: dict[str, Array | str] = {}
    for condition in conditions:
        try:
            rows = engine.query(
                f"SELECT {_ROW} FROM evaluation WHERE ({condition})",
                tables={"evaluation": numbered},
            )
        except Invalid as error:
            found[condition] = error.message
            continue
        found[condition] = np.sort(rows.column(0).to_numpy())
    return found
