"""What is declared of where the rows of a dataset are drawn from."""

from typing import Literal

import msgspec

Mode = Literal["", "append", "upsert", "replace"]


class SourceSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A database, a document, a folder or a topic that a dataset is drawn from.

    `${NAME}` in `url` and `headers` stands for what the environment of whoever pulls says.
    """

    url: str  # postgresql://..., https://..., s3://bucket/in/*.csv, file:///in/*.csv, topic:name
    query: str = ""  # SQL: one SELECT; "": a table
    table: str = ""  # SQL: a table, or schema.table; "": a query
    watermark: str = ""  # SQL: a column that grows with each change; "": all rows at each pull
    lag: str = ""  # SQL: so far behind the watermark rows may come up late: 10m, or a whole number
    mode: Mode = ""  # "": upsert or append with a watermark, append files and events, else replace
    schedule: str = ""  # five fields of cron (UTC), or a duration; "": when somebody asks
    format: str = ""  # of files and documents; "": what their name or content type says
    headers: dict[str, str] = {}  # HTTP
    most_bytes: str = "1 GB"  # of a file or document; more is refused
    timeout: str = "60s"  # HTTP and SQL: how long to wait for a connection and for an answer
    settle: str = "5s"  # files of a folder: how long one must have stayed as it is
    marker: str = ""  # files: an ending, such as .done: a file counts when this one lies beside it
    evolve: bool = False  # whether columns may come and go
    lines: Literal["fail", "quarantine"] = "fail"  # what becomes of lines that are no rows
    quote: Literal["", "yes", "no"] = ""  # CSV: whether " quotes texts
    columns: tuple[str, ...] = ()  # CSV without a header: the names of its columns
    sheet: str = ""  # Excel: which sheet; "": the only one
    header_row: int = 1  # Excel: the row that names the columns
