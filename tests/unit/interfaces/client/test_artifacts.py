"""What people have at hand is kept as it is: a figure, a data frame."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.interfaces.client.artifacts import as_content

ROWS = {"x": [1, 2], "y": ["a", "b"]}


class Matplotlib:
    """A figure as matplotlib has it."""

    def savefig(self, file, **_):
        file.write(b"\x89PNG")


class Plotly:
    """A figure as Plotly has it."""

    def to_plotly_json(self):
        return {}

    def to_html(self, include_plotlyjs):
        return f"<html>{include_plotlyjs}</html>"


class Polars:
    """A data frame as Polars has it."""

    def to_arrow(self):
        return pa.table(ROWS)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(ROWS), pa.table(ROWS), pa.RecordBatch.from_pydict(ROWS), Polars()]
)
def test_a_data_frame_is_kept_as_parquet(frame):
    content, path = as_content(frame, "rows")
    assert path == "rows.parquet"
    assert pq.read_table(io.BytesIO(content)).to_pydict() == ROWS


def test_a_figure_is_kept_as_a_picture_or_a_page():
    assert as_content(Matplotlib(), "roc") == (b"\x89PNG", "roc.png")
    assert as_content(Plotly(), "roc") == (b"<html>cdn</html>", "roc.html")
