"""Alembic's environment: it runs on the connection that `migrate.upgrade` hands over."""

from alembic import context

from bucle.drivers.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
