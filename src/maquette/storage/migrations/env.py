"""Alembic runs this file. The caller hands over a connection with a transaction open."""

from __future__ import annotations

from alembic import context

from maquette.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transactional_ddl=True,  # which SQLite can do, though Alembic does not count on it
)
with context.begin_transaction():
    context.run_migrations()
