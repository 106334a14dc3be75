"""Run by Alembic, in the transaction that `Database.upgrade` has begun."""

from __future__ import annotations

from alembic import context

from voxtral_service.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite has it too, once the driver leaves transactions alone
    render_as_batch=True,
)
context.run_migrations()
