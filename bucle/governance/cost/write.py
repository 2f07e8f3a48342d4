"""Price and write the usages that a scope left."""

from collections.abc import Sequence
from datetime import datetime

from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.drivers.db import Tx
from bucle.governance.cost import store
from bucle.governance.cost.records import Prices, Spending


def write_usages(
    tx: Tx, project: str, spent: Sequence[tuple[Ref, Usage]], prices: Prices, now: datetime
) -> None:
    """Write what each thing used, with its price of today."""
    spendings = [
        Spending(ref=str(ref), usage=usage, cost=prices.cost(usage)) for ref, usage in spent
    ]
    store.add_spendings(tx, project, spendings, now)
