"""The metadata database: SQLite for one machine, PostgreSQL for many."""
