"""Are the features of half a year of card payments the same offline, online and streamed?

    python benchmarks/card_parity.py [--customers 5000] [--moments 3] [--batch 5000] [--redis URL]

All payments of `card_transactions.parquet` (beside the repository, in `shared/data`, or `--data`)
are committed, materialized and sent as events, and at some moments every customer and every
terminal is compared: count, mean and deviation over 1, 7 and 30 days, and the frauds of a terminal,
which are known seven days late.  The figure is the worst relative difference of any value; whole
numbers must be equal.  The processor time of each way stands beside it.
"""

import sys
import tempfile
from pathlib import Path

from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.governance.session import House
from tests.story.cards import TOLERANCE, VIEWS, Replay, moments_of, payments, replayed

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "card_transactions.parquet"


def main() -> None:
    """Replay the payments, compare, and leave with 1 where something differs."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--customers", type=int, default=5_000, help="the first so many")
    parser.add_argument("--moments", type=int, default=3, help="before the end of the payments")
    parser.add_argument("--batch", type=int, default=5_000, help="events counted at once")
    parser.add_argument("--redis", default="", help="an EMPTY database of a Redis, not LMDB")
    given = parser.parse_args()
    if not given.data.exists():
        raise SystemExit(f"{given.data} is not there: give --data")
    table = payments(given.data, 50 if given.quick else given.customers)
    told, features, rows, different, worst = Replay(), {}, 0, 0, 0.0
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
        online = {"BUCLE_ONLINE_URL": given.redis} if given.redis else {}
        house = House(load_settings({"BUCLE_HOME": folder} | online))
        moments = moments_of(table, 1 if given.quick else given.moments)
        for one in replayed(house.session(), table, moments, given.batch, told):
            rows += one.entities
            different += one.different
            worst = max(worst, one.worst)
            for each in one.features:
                name = f"{one.view} {one.way} {each.feature}"
                features[name] = max(features.get(name, 0.0), each.worst or 0.0)
                if each.different:
                    print(f"{name} at {one.moment}: {each.different} differ; {each.example}",
                          file=sys.stderr)  # fmt: skip
        house.close()
    tell(Figure(
        benchmark="card parity", ours=worst, beside=TOLERANCE, against="what is tolerated",
        unit="of relative difference",
        details={
            "events": told.events, "streamed": told.streamed, "views": len(VIEWS),
            "moments": [moment.isoformat() for moment in moments], "entity_rows": rows,
            "different": different, "cpu_s": told.cpu_s,
            "streamed_per_cpu_s": round(told.streamed / told.cpu_s["stream"]), "worst": features,
        },
    ))  # fmt: skip
    if different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
