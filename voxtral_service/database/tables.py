"""Every table, as the newest migration leaves it.

Times are seconds since 1970, UTC. Columns named `body` hold JSON as text, so that both databases store the same bytes.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    # Alembic needs names to change constraints later, also where the database would make up its own.
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("fingerprint", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("run_at", Double, nullable=False),
    Column("lease", Text),
    Column("lease_until", Double),
    Column("failures", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("audio_seconds", Double),
    Column("done_seconds", Double, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("error_field", Text),
    UniqueConstraint("owner", "idempotency_key"),
)
Index(None, jobs.c.status, jobs.c.priority, jobs.c.created_at)
Index(None, jobs.c.owner, jobs.c.created_at)

job_segments = Table(
    "job_segments",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("job_id", "number"),
)

# No foreign key to the job: that it was cancelled and removed must still be told.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("run_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("last_error", Text),
)
Index(None, webhook_deliveries.c.status, webhook_deliveries.c.run_at)
Index(None, webhook_deliveries.c.owner, webhook_deliveries.c.created_at)
Index(None, webhook_deliveries.c.job_id)
