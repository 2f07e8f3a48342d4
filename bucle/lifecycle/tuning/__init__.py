"""Room tuning: a budgeted search, whose trials are runs."""
