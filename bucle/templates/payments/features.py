"""What is known of a customer and of a terminal: defined once, for training and for serving.

Each view's rows count from the midnight after they were made.  What is read at any moment of a
day is therefore what was known when the day began, and the online store, which control refreshes
when the night's rows are committed, says the same as a training set.
"""

import bucle

CUSTOMER = bucle.Entity(name="customer", keys=("customer",), description="Who pays")
TERMINAL = bucle.Entity(name="terminal", keys=("terminal",), description="Where it is paid")
_FROM_MIDNIGHT = "date_trunc('day', \"at\") + INTERVAL 1 DAY AS known_at FROM source"

CUSTOMER_SPENDING = bucle.feature_view(
    name="customer_spending",
    entity=CUSTOMER,
    source="activity",
    sql=f"SELECT customer, amount, {_FROM_MIDNIGHT}",
    time="known_at",
    aggregations=(
        bucle.Aggregation(function="mean", column="amount", window="7d", name="customer_mean_7d"),
        bucle.Aggregation(function="mean", column="amount", window="28d", name="customer_mean_28d"),
        bucle.Aggregation(function="count", window="1d", name="customer_count_1d"),
    ),
    owner="card risk",
    description="How much a customer usually pays, and how often lately",
)
TERMINAL_USE = bucle.feature_view(
    name="terminal_use",
    entity=TERMINAL,
    source="activity",
    sql=f"SELECT terminal, {_FROM_MIDNIGHT}",
    time="known_at",
    aggregations=(bucle.Aggregation(function="count", window="7d", name="terminal_count_7d"),),
    owner="card risk",
    description="How often a terminal was used lately",
)
# A fraud is known seven days late: that long nobody counts a payment, neither as good nor as bad.
TERMINAL_RISK = bucle.feature_view(
    name="terminal_risk",
    entity=TERMINAL,
    source="payments",
    sql=f"SELECT terminal, nullif(fraud, 0) AS bad, {_FROM_MIDNIGHT}",
    time="known_at",
    delay="7d",
    aggregations=(
        bucle.Aggregation(function="count", window="28d", name="terminal_known_28d"),
        bucle.Aggregation(function="count", column="bad", window="28d", name="terminal_frauds_28d"),
    ),
    owner="card risk",
    description="How much of what was paid at a terminal turned out to be fraud",
)
VIEWS = (CUSTOMER_SPENDING, TERMINAL_USE, TERMINAL_RISK)
