"""Judge whether the parts of a split know of each other: rows, groups and times in two parts.

Only counts leave this file, so that it is no look at the confirming part.
"""

from collections.abc import Callable, Sequence

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.session import Session
from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import SplitLeaks
from bucle.lifecycle.data.seal import require_unsealed
from bucle.lifecycle.data.split import PART, parted, split_ref

_Ask = Callable[[str], int]


def check_split(
    session: Session, ref: Ref | str, *, groups: Sequence[str] = (), moment: str = ""
) -> SplitLeaks:
    """Judge a split: no row, key or group in two parts, none that fits after one that confirms.

    Args:
        session: who asks.
        ref: the split.
        groups: columns each value of which belongs into one part, such as a customer.
        moment: the column that says when a row was; "": the time is not judged.

    Raises:
        Invalid: there is no such column.
        NotFound: there is no such split.
        Refused: something is being tuned here.
    """
    require_unsealed(split_ref(ref))
    found, key, table = parted(session, ref)
    names = [name for name in table.column_names if name != PART]
    for name in (*groups, *filter(None, (moment,))):
        if name not in names:
            raise Invalid(
                f"{found.dataset} has no column {name!r}", hint=f"it has {', '.join(names)}"
            )

    def ask(sql: str) -> int:
        answer = session.drivers.engine.query(sql, tables={"dataset": table})
        return int(answer.column(0)[0].as_py() or 0)

    verdicts = [_together(ask, f"key {', '.join(key)}", key)] if key else []
    verdicts.append(_together(ask, "equal rows", [name for name in names if name not in key]))
    verdicts += [_together(ask, f"group {name}", (name,)) for name in groups]
    verdicts += [_in_time(ask, moment)] if moment else []
    return SplitLeaks(
        split=found.ref, ok=all(each.ok for each in verdicts), verdicts=tuple(verdicts)
    )


def _together(ask: _Ask, name: str, columns: Sequence[str]) -> Verdict:
    """Judge whether equal values of columns are in one part only."""
    chosen = ", ".join(quoted(column) for column in columns)
    shared = f"SELECT {chosen} FROM dataset GROUP BY {chosen} HAVING count(DISTINCT {PART}) > 1"
    count = ask(f"SELECT count(*) FROM ({shared})")
    note = f"{count} of them are in two parts or three" if count else ""
    return Verdict(name=name, ok=not count, value=float(count), note=note)


def _in_time(ask: _Ask, column: str) -> Verdict:
    """Judge whether all that fits was before all that confirms."""
    name = quoted(column)
    first = f"SELECT min({name}) FROM dataset WHERE {PART} = 2"
    late = ask(f"SELECT count(*) FROM dataset WHERE {PART} = 0 AND {name} > ({first})")
    note = f"{late} rows that fit are later than the first that confirms" if late else ""
    return Verdict(name=f"time {column}", ok=not late, value=float(late), note=note)
