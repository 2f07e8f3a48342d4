"""How long does a search in the catalogue take, among 10,000 entries?

    python benchmarks/catalog_search.py [--entries 10000] [--no-postgresql] [--quick]

Entries are datasets with a description in English and Spanish and 8 columns that mean something,
of words drawn as words are: few of them often.  Each query is asked as a person does, by the verb
and its permissions, for a page of 20 with snippets; a figure is the slowest query's median of nine,
after one that is not counted.  The bar is 100 ms.  `cpu_ms` is what this process spent: SQLite is
in it, PostgreSQL is not.

Beside it, in the same database and the same run, stands what people write without an index: a scan
with LIKE over the same texts for the same words, without a rank, snippets or folded accents.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import Figure, arguments, tell
from sqlalchemy import bindparam, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bucle.base.refs import Ref
from bucle.governance.search.find import search
from bucle.governance.search.records import Findable, FoundColumn
from bucle.governance.search.words import fold
from bucle.governance.search.write import put_findable
from bucle.governance.session import House, Session
from bucle.testing.houses import open_test_house
from tests.support import postgresql

BAR_MS = 100.0
_OFTEN = (
    "customer payment amount daily card bank account date city order price cliente pago importe "
    "diario tarjeta banco cuenta fecha ciudad pedido precio transacción facturación región año"
)
COMMON = _OFTEN.split()
QUERIES = {
    "a word that a third has": "payment",
    "the beginning of many words": "ca",
    "two common words": "customer amount",
    "three words, two languages": "pago tarjeta daily",
    "accents left out": "transaccion",
    "a rare word": "zirconium",
    "a name": "dataset 777",
    "a column": "column:amount_3*",
    "a facet and a word": "owner:owner7 payment",
    "words that nothing has": "zzz qqq",
    "everything": "",
    "a sentence": "the daily amount that each customer of the bank paid with a card in a city",
}


def main() -> None:
    """Fill both databases and ask."""
    parser = arguments(__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--no-postgresql", action="store_true")
    asked = parser.parse_args()
    entries = 2_000 if asked.quick else asked.entries
    with tempfile.TemporaryDirectory() as folder:
        _measure("sqlite", open_test_house(Path(folder) / "home"), entries)
        if not asked.no_postgresql:
            with (
                postgresql.server() as server,
                postgresql.throwaway_database(server) as url,
            ):
                house = open_test_house(Path(folder) / "other", database_url=url)
                _measure("postgresql", house, entries)


def _measure(name: str, house: House, entries: int) -> None:
    session = house.session()
    started = time.perf_counter()
    _fill(session, entries)
    filled_s = time.perf_counter() - started
    taken = {said: _median_ms(lambda q=query: _ask(session, q)) for said, query in QUERIES.items()}
    ours = {said: wall for said, (wall, _) in taken.items()}
    scans = {
        said: _median_ms(lambda q=query: _scan(session, q))[0]
        for said, query in QUERIES.items()
        if ":" not in query and query
    }
    slowest = max(ours, key=lambda said: ours[said])
    for said in QUERIES:
        cpu, scan = taken[said][1], scans.get(said, 0)
        line = f"  {name}: {said}: {ours[said]:.1f} ms (CPU {cpu:.1f}), LIKE {scan:.1f}"
        print(line, file=sys.stderr)
    details = {
        "entries": entries, "slowest": slowest, "bar_ms": BAR_MS, "filled_s": round(filled_s, 1),
        "cpu_ms": {said: round(cpu, 1) for said, (_, cpu) in taken.items()},
        "ours_ms": {said: round(value, 1) for said, value in ours.items()},
        "like_ms": {said: round(value, 1) for said, value in scans.items()},
    }  # fmt: skip
    tell(Figure(benchmark=f"catalog_search_{name}_slowest", ours=ours[slowest], beside=BAR_MS,
                against="the bar", unit="ms", details=details))  # fmt: skip
    both = statistics.median(ours[said] for said in scans), statistics.median(scans.values())
    tell(Figure(benchmark=f"catalog_search_{name}_median", ours=both[0], beside=both[1],
                against="a scan with LIKE", unit="ms"))  # fmt: skip
    house.close()


def _fill(session: Session, entries: int) -> None:
    rng = random.Random(7)
    rare = [f"word{place}" for place in range(3_000)] + ["zirconium"]

    def words(count: int) -> str:
        return " ".join(rng.choice(COMMON if rng.random() < 0.6 else rare) for _ in range(count))

    for start in range(0, entries, 500):
        with session.begin() as scope:
            for place in range(start, min(start + 500, entries)):
                columns = tuple(
                    FoundColumn(name=f"{rng.choice(COMMON[:10])}_{number}", meaning=words(4))
                    for number in range(8)
                )
                entry = Findable(
                    ref=Ref("dataset", f"dataset_{place}"),
                    owner=f"owner{place % 50}",
                    description=words(25),
                    tags=(f"tag{place % 20}",),
                    columns=columns,
                )
                put_findable(scope, entry)


def _ask(session: Session, query: str) -> None:
    with session.begin(write=False) as scope:
        search(scope, query, limit=20)


def _scan(session: Session, query: str) -> None:
    words = [fold(word) for word in query.split()]
    body = "CAST(body AS TEXT)"
    wanted = " AND ".join(f"lower({body}) LIKE :w{place}" for place in range(len(words)))
    statement = text(f"SELECT name, body FROM search_entries WHERE {wanted} ORDER BY name LIMIT 20")
    names = [bindparam(f"w{place}", f"%{word}%") for place, word in enumerate(words)]
    with session.begin(write=False) as scope:
        scope.tx.execute(statement.bindparams(*names)).all()


def _median_ms(ask: Callable[[], None]) -> tuple[float, float]:
    """Return the wall time and the CPU time of this process."""
    ask()
    walls, cpus = [], []
    for _ in range(9):
        started, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append(1000 * (time.perf_counter() - started))
        cpus.append(1000 * (time.process_time() - cpu))
    return statistics.median(walls), statistics.median(cpus)


if __name__ == "__main__":
    main()
