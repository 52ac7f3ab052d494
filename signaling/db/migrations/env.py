"""Alembic runs this module. The connection comes from `signaling.db.migrate`; there is no other way to start it."""

from __future__ import annotations

from alembic import context

from signaling.db.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="types.",
)
with context.begin_transaction():
    context.run_migrations()
