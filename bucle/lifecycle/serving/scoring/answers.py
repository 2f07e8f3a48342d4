"""Rows in, the same rows with what a model says of them out: as tables."""

from collections.abc import Sequence

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.lifecycle.registry import Field, Predictor
from bucle.lifecycle.registry.answers import answers_table
from bucle.lifecycle.registry.columns import columns_of

MODEL = "model_ref"


def scored(predictor: Predictor, model: Ref, rows: pa.Table, kept: Sequence[str]) -> pa.Table:
    """Return the kept columns of rows, the model's outputs, and which version said so.

    Raises:
        Invalid: the rows are not what the model takes.
    """
    answers = answers_table(predictor.predict(columns_of(rows, predictor.signature.inputs)))
    made = rows.select(list(kept))
    for name in answers.column_names:
        made = made.append_column(name, answers[name])
    return made.append_column(MODEL, pa.repeat(str(model), rows.num_rows))


def check_kept(kept: Sequence[str], outputs: Sequence[Field], output: str) -> None:
    """Refuse columns that would be there twice.

    Raises:
        Invalid: a kept column is called as an output is.
    """
    made = {*(field.name for field in outputs), MODEL}
    if twice := [name for name in kept if name in made]:
        others = [name for name in kept if name not in made]
        raise Invalid(
            f"the column {twice[0]!r} would be in dataset:{output} twice: the model gives one "
            "that is called so",
            hint=f"--columns {','.join(others) or '<other columns>'}",
        )
