"""The SQL of finding a page's runs from indexes alone, on SQLite.

To ask a run whether it fulfils a condition costs SQLite some microseconds, since its rows lie
anywhere; to read all runs that fulfil it, one after the other from an index, a tenth of that
for each.  So the order is walked along its index and the first runs are asked one by one, which is
all that a condition needs that many fulfil.  If the page is not full by then, the runs of each
condition are fetched as a set, the rarest first, and the walk goes on among those in all of them;
or it ends, since few are left, which a database sorts at once.

PostgreSQL has joins for this, and is left to choose.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    func,
    literal,
    select,
    type_coerce,
)

from bucle.base.filters import Condition, OrderTerm
from bucle.drivers.db.filters import Beside, compare, compile_filter, owners
from bucle.lifecycle.tracking.search.places import (
    WITH_EXPERIMENT,
    column,
    in_experiments,
    places_of,
    rows_named,
)
from bucle.lifecycle.tracking.search.records import Wanted
from bucle.lifecycle.tracking.store import SHORT, params, runs, summaries, tags

_FEW = 500  # runs that the database may sort, and ask whatever is left to ask
_LOOKS = 1_000  # runs of the order that are asked one by one, if that fills the page
_MOST_LOOKS = 2_000  # of them in any case: of equals, all are asked before one is on the page
_OWN_LOOKS = 2_000  # runs whose own fields are asked one by one
_OFTEN = 0.25  # of the runs asked: to ask more of them as the walk comes to them is enough
_MANY = 20_000  # runs that a condition excludes: the order is not walked past so many
_MOST = 1_000_000  # ids that are held in memory
_MOST_PAGE = 5_001  # a page, and one that tells whether there are more
_LIKELY = 30_000  # runs that a pattern with a beginning is taken to find; to count them costs more
_SHORT_READ = 256  # rows of an order that are read at a time while each run is asked
_LONG_READ = 4_096
_LOOK = 12  # to ask one run costs as much as to fetch so many
_BETWEEN = "\n"  # ids: none holds it
_SIZED = frozenset({"=", "<", "<=", ">", ">="})  # an index leads to the rows, and counts them
_RANKS = {"IN": 0, "LIKE": 1, "ILIKE": 2, "RLIKE": 2, "NOT IN": 3, "!=": 3, "IS NOT NULL": 4,
          "IS NULL": 5}  # fmt: skip
_TEXTS = frozenset({"param", "tag"})
_BESIDE = {"metric": (summaries, "last"), "param": (params, "short"), "tag": (tags, "short")}


class Piece(NamedTuple):
    """Runs of a search, in no order, of which so many make a page after the first `offset`."""

    ids: list[str]
    offset: int
    limit: int


def find_pieces(tx: Connection, wanted: Wanted, offset: int, limit: int) -> list[Piece] | None:
    """Return the pieces that make a page in turn; None: SQL finds it as quickly by itself."""
    is_plain = not wanted.conditions and wanted.order[0].group == "attribute"
    if is_plain or limit > _MOST_PAGE or tx.dialect.name != "sqlite":
        return None
    sieve = _Sieve(tx, wanted)
    walk = _Walk(sieve, offset, limit)
    try:
        sieve.look_for_few()
        if sieve.few is None:
            walk.go(wanted.order)
            walk.flush()
    except _TooManyError:
        return None
    if sieve.few is not None:
        return [Piece(sieve.few, offset, limit)] if sieve.few else []
    return walk.pieces


class _TooManyError(Exception):
    """More runs than are held in memory."""


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """Which runs count on a walk."""

    among: set[str] | None = None  # known to fulfil what is asked beside them; None: all
    barred: frozenset[str] | set[str] = frozenset()
    are_mine: bool = False  # whether those among are known to fulfil all else, too


_ALL = _Counted()


class _Sieve:
    """The conditions of a search, of which each run is asked, or the set of runs is fetched."""

    def __init__(self, tx: Connection, wanted: Wanted) -> None:
        self.tx = tx
        self.wanted = wanted
        self.few: list[str] | None = None  # all that are left, once it is known that few are
        self._places = places_of(wanted.project)
        self._beside: list[tuple[Condition, Beside]] = []
        self._own: list[Condition] = []
        for condition in wanted.conditions:
            place = self._places[condition.group](condition.key)
            if isinstance(place, Beside):
                self._beside.append((condition, place))
            else:
                self._own.append(condition)
        self._settled = not self._beside
        self._seen_to: list[tuple[Condition, Beside]] = []  # by the walk
        self._frequent: set[Condition] = set()  # those that many of the runs asked fulfilled
        self._lasting: list[tuple[Condition, Beside]] = []  # still asked one by one when settled
        self._allowed: set[str] | None = None  # None: all but the barred
        self._barred: set[str] = set()
        self._mine: set[str] | None = None  # in the experiments, of the stages; None: not fetched
        self._looks = 0  # runs that were asked one by one, and those of them that fulfilled all
        self._seen = 0
        self._own_looks = 0

    def drop(self, condition: Condition) -> None:
        """Forget a condition that the walk itself sees to."""
        self._seen_to += [each for each in self._beside if each[0] is condition]
        self._beside = [each for each in self._beside if each[0] is not condition]
        self._settled = self._settled or not self._beside

    def look_for_few(self) -> None:
        """Find a condition that few runs fulfil, where an index tells so at once."""
        for condition, place in self._beside:
            if condition.operator in _SIZED or condition.group == "dataset":
                self._note(self._rows(condition, place).limit(_FEW + 1))
        for condition in self._own:
            if (condition.key, condition.operator) in {("run_name", "="), ("mlflow.runName", "=")}:
                named = select(runs.c.id).where(
                    runs.c.project == self.wanted.project, runs.c.name == condition.value
                )
                self._note(named.limit(_FEW + 1))
        if self._allowed is not None:
            self.settle()

    def passing(self, ids: list[str], wanted: int) -> list[str]:
        """Return those of some runs that fulfil what is asked beside them, in their order.

        Args:
            ids: the runs.
            wanted: how many are wanted of them, and of those that come after them.
        """
        is_far = self._looks > _MOST_LOOKS or self._looks * wanted > _LOOKS * self._seen
        if not self._settled and is_far:
            self.settle()
        if self.few is not None:
            return []
        if self._allowed is not None:
            ids = [id_ for id_ in ids if id_ in self._allowed]
        elif self._barred:
            ids = [id_ for id_ in ids if id_ not in self._barred]
        if not self._settled:
            self._looks += len(ids)
            for condition, place in self._beside:
                held = self._holding(condition, place, ids)
                if len(held) > _OFTEN * len(ids):
                    self._frequent.add(condition)
                ids = held
            self._seen += len(ids)
        for condition, place in self._lasting:
            ids = self._holding(condition, place, ids)
        return ids

    def passing_own(self, ids: list[str], *, listed: bool = False) -> list[str]:
        """Return those of some runs that lie in the experiments and fulfil what is asked of them.

        Args:
            ids: the runs.
            listed: whether they are known to lie in the experiments and stages.
        """
        if not ids or (listed and not self._own):
            return ids
        self._own_looks += len(ids)
        if self._mine is None and self._own_looks > _OWN_LOOKS:
            self._all_mine()
        if self._mine is not None:
            return [id_ for id_ in ids if id_ in self._mine]
        one = _told(ids)
        it = (runs.c.project == self.wanted.project, runs.c.id == one.c.value)
        rows = self._mine_query(by_id=True).where(*it).correlate(one).exists()
        return self._asked(one, [rows], ids)

    def settle(self) -> None:
        """Fetch the runs of each condition, the rarest first; few are asked one by one."""
        self._settled = True
        few = self._allowed is not None and len(self._allowed) <= _FEW
        left, self._beside = self._beside, []
        sized = [(0, 0, *one) if few else (*self._rank(*one), *one) for one in left]
        for _, size, condition, place in sorted(sized, key=itemgetter(0, 1)):
            if self._allowed is not None and len(self._allowed) <= max(3 * _FEW, size // _LOOK):
                if condition in self._frequent and len(self._allowed) > _FEW:
                    self._lasting.append((condition, place))
                else:
                    self._allowed = set(self._holding(condition, place, list(self._allowed)))
            elif condition.operator == "IS NULL":
                self._barred |= self.ids(self._rows(condition, place))
            elif self._allowed is None:
                self._allowed = self.ids(self._rows(condition, place))
            else:
                self._allowed &= self.ids(self._rows(condition, place))
        if self._allowed is None and len(self._barred) > _MANY:
            self._allowed = self._all_mine()
        if self._allowed is not None:
            self._allowed = self._allowed - self._barred
            self._finish_few(self._allowed)

    def ids(self, query: Select[Any]) -> set[str]:
        """Return the ids that a query finds: as one text, which is a third of the cost of rows."""
        found = query.limit(_MOST + 1).subquery()
        text = self.tx.execute(select(func.group_concat(found.c[0], literal(_BETWEEN)))).scalar()
        ids = set(text.split(_BETWEEN)) if text else set()
        if len(ids) > _MOST:
            raise _TooManyError
        return ids

    def read(self, query: Select[Any]) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query by chunks; what is not asked for is not read."""
        result = self.tx.execute(query)
        cursor = result.cursor  # its rows as they are: SQLAlchemy's own would cost twice as much
        assert cursor is not None, "a query has rows"
        try:
            yield cursor.fetchmany(_SHORT_READ)
            while steps := cursor.fetchmany(_LONG_READ if self._settled else _SHORT_READ):
                yield steps
        finally:
            result.close()

    def _finish_few(self, ids: set[str]) -> None:
        """Ask few runs all that is left to ask."""
        if len(ids) > _FEW:
            return
        left = list(ids)
        for condition, place in [*self._beside, *self._lasting, *self._seen_to]:
            left = self._holding(condition, place, left)
        self.few = left if self._mine is not None else self.passing_own(left)

    def _note(self, query: Select[Any]) -> None:
        if self._allowed is None:
            found = self.tx.execute(query).scalars().all()
            self._allowed = set(found) if len(found) <= _FEW else None

    def _rank(self, condition: Condition, place: Beside) -> tuple[int, int]:
        """Return when a condition has its turn, and about how many runs fulfil it."""
        if condition.operator == "LIKE" and not str(condition.value).startswith(("%", "_")):
            return 0, _LIKELY
        if condition.operator not in _SIZED:
            return _RANKS[condition.operator], 2 * _LIKELY
        rows = self._rows(condition, place).subquery()
        return 0, self.tx.execute(select(func.count()).select_from(rows)).scalar() or 0

    def _rows(self, condition: Condition, place: Beside) -> Select[Any]:
        """Return the runs of a condition; of one that asks for absence, those that it excludes."""
        return owners(condition, place, "sqlite")

    def _holding(self, condition: Condition, place: Beside, ids: list[str]) -> list[str]:
        one = _told(ids)
        rows = owners(condition, place, "sqlite").where(place.of == one.c.value).exists()
        asked = ~rows if condition.operator == "IS NULL" else rows
        return self._asked(one, [asked], ids)

    def _all_mine(self) -> set[str]:
        if self._mine is None:
            self._mine = self.ids(self._mine_query())
            if self._allowed is not None:
                self._mine &= self._allowed
            self._finish_few(self._mine - self._barred)
        return self._mine

    def _mine_query(self, *, by_id: bool = False) -> Select[Any]:
        has_location = any(condition.key == "artifact_uri" for condition in self._own)
        return (
            select(runs.c.id)
            .select_from(WITH_EXPERIMENT if has_location else runs)
            .where(
                *in_experiments(self.wanted, "sqlite", by_id=by_id),
                *compile_filter(self._own, self._places, "sqlite"),
            )
        )

    def _asked(
        self,
        one: Any,  # noqa: ANN401 - a table
        asked: Sequence[ColumnElement[bool]],
        ids: list[str],
    ) -> list[str]:
        if not ids:
            return []
        found = set(self.tx.execute(select(one.c.value).where(*asked)).scalars().all())
        return [id_ for id_ in ids if id_ in found]


class _Walk:
    """A way along an order, by groups of runs that the order has as equals."""

    def __init__(self, sieve: _Sieve, offset: int, limit: int) -> None:
        self.pieces: list[Piece] = []
        self._sieve = sieve
        self._wanted = sieve.wanted
        self._offset = offset  # runs that are still to be passed over
        self._limit = limit  # runs that the page still lacks
        self._window: list[str] = []  # whole groups, which the database sorts

    def go(self, order: Sequence[OrderTerm], counted: _Counted = _ALL) -> None:
        """Walk until the page is full.

        Args:
            order: what is left of it.
            counted: which runs count.
        """
        first, rest = order[0], order[1:]
        # Of many equals the first will do: only those are asked where they lie.  Not where some
        # are passed over, which have to be counted.
        later = first.group in _TEXTS and not counted.are_mine and self._offset == 0
        bounds = self._bounds(first) if counted.among is None else []
        for query in self._queries(first, bounds):
            group: list[str] = []
            last: Any = None
            for steps in self._sieve.read(query):
                passed = self._passed([step[0] for step in steps], counted, first, later=later)
                if self._sieve.few is not None:
                    return
                kept = [(id_, value) for id_, value in steps if id_ in passed]
                if not self._window and len(group) + len(kept) < self._offset:
                    group, last = self._pass_over(group, last, kept)
                    continue
                for id_, value in kept:
                    if value != last:
                        self._close(
                            group, rest if _are_equals(first, last) else (), are_mine=not later
                        )
                        if self._full:
                            return
                        group, last = [], value
                    group.append(id_)
            self._close(group, rest if _are_equals(first, last) else (), are_mine=not later)
            if self._full or self._sieve.few is not None:
                return
        if first.group != "attribute" and not bounds:
            table, _ = _BESIDE[first.group]
            named = rows_named(table, self._wanted.project, first.key)
            having = self._sieve.ids(select(table.c.run).where(*named))
            self.go(rest, replace(counted, barred=counted.barred | having))

    def flush(self) -> None:
        """Make a piece of what is in the window."""
        if self._window and self._limit > 0:
            self.pieces.append(Piece(self._window, self._offset, self._limit))
            self._limit -= min(self._limit, len(self._window) - self._offset)
            self._offset = 0
        self._window = []

    @property
    def _full(self) -> bool:
        return len(self._window) - self._offset >= self._limit

    def _passed(
        self, ids: list[str], counted: _Counted, term: OrderTerm, *, later: bool
    ) -> set[str]:
        if counted.barred:
            ids = [id_ for id_ in ids if id_ not in counted.barred]
        if counted.among is None:
            ids = self._sieve.passing(ids, self._offset + self._limit - len(self._window))
        else:
            ids = [id_ for id_ in ids if id_ in counted.among]
        if later or counted.are_mine or self._sieve.few is not None:
            return set(ids)
        return set(self._sieve.passing_own(ids, listed=term.group == "attribute"))

    def _pass_over(
        self,
        group: list[str],
        last: Any,  # noqa: ANN401 - a value
        kept: list[tuple[str, Any]],
    ) -> tuple[list[str], Any]:
        """Pass over runs of which none is on the page; return the group that is not complete."""
        if not kept:
            return group, last
        newest = kept[-1][1]
        open_ = [id_ for id_, value in kept if value == newest]
        if newest == last:
            return group + open_, last
        self._offset -= len(group) + len(kept) - len(open_)
        return open_, newest

    def _close(self, group: list[str], rest: Sequence[OrderTerm], *, are_mine: bool) -> None:
        """Take a group that is complete: pass over it, or keep it, or walk among it.

        Args:
            group: its runs.
            rest: what orders it; (): only the database knows.
            are_mine: whether each is known to fulfil the search.
        """
        if not self._window and self._offset >= len(group):
            self._offset -= len(group)
        elif len(group) <= _FEW or not rest:
            self._window += group if are_mine else self._sieve.passing_own(group)
        else:
            self.flush()
            self.go(rest, _Counted(among=set(group), are_mine=are_mine))

    def _bounds(self, term: OrderTerm) -> list[ColumnElement[bool]]:
        """Take over what is asked of the very metric by which the walk goes: it bounds it."""
        bounds = []
        for one in self._wanted.conditions:
            is_it = term.group == "metric" and (one.group, one.key) == ("metric", term.key)
            if is_it and one.operator in _SIZED:
                self._sieve.drop(one)
                bounds.append(compare(summaries.c.last, one.operator, one.value, "sqlite"))
        return bounds

    def _queries(self, term: OrderTerm, bounds: list[ColumnElement[bool]]) -> list[Select[Any]]:
        if term.group == "attribute":
            own = column(term.key)
            steps = (
                select(runs.c.id, type_coerce(own, String))
                .select_from(WITH_EXPERIMENT if term.key == "artifact_uri" else runs)
                .where(*in_experiments(self._wanted, "sqlite"))
            )
            # What has no value comes last.
            last = [own.is_(None)] if term.key == "end_time" else []
            return [steps.order_by(*last, own.desc() if term.descending else own)]
        table, name = _BESIDE[term.group]
        value = table.c[name]
        steps = select(table.c.run, value).where(*rows_named(table, self._wanted.project, term.key))
        turned = steps.order_by(value.desc() if term.descending else value)
        if term.group != "metric":
            return [turned]
        numbers = turned.where(value.is_not(None), *bounds)
        return [numbers] if bounds else [numbers, steps.where(value.is_(None))]


def _are_equals(term: OrderTerm, value: object) -> bool:
    """Tell whether runs of a value are equals: long texts lie in an index by their start."""
    return term.group not in _TEXTS or len(str(value)) < SHORT


def _told(ids: list[str]) -> Any:  # noqa: ANN401 - a table
    """Return ids as a table of one value: as parameters, each would be a piece of SQL."""
    return func.json_each(json.dumps(ids)).table_valued("value").alias("one")
