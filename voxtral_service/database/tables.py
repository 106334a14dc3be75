"""Every table, as the newest migration leaves it, but for the indexes of full-text search (`fulltext`).

Times are seconds since 1970, UTC. Columns named `body` hold JSON as text, so that both databases store the same bytes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

memory_owners = Table(
    "memory_owners",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("changed_at", Double, nullable=False),
)

memories = Table(
    "memories",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
)
Index(None, memories.c.owner, memories.c.created_at)

projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("instructions", Text, nullable=False),
    Column("retention_days", Double),
    Column("created_at", Double, nullable=False),
)
Index(None, projects.c.owner, projects.c.created_at)

documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("paged", Boolean, nullable=False),
    Column("passages", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
)
Index(None, documents.c.project_id, documents.c.created_at)

passages = Table(
    "passages",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("document_id", Text, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("page", Integer, nullable=False),
    Column("last_page", Integer, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("document_id", "place"),
)

document_pages = Table(
    "document_pages",
    metadata,
    Column("document_id", Text, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("page", Integer, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("document_id", "page"),
)

# Which words a document has, for questions that spell them another way.
document_terms = Table(
    "document_terms",
    metadata,
    Column("document_id", Text, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("term", Text, nullable=False),
    PrimaryKeyConstraint("document_id", "term"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
)
Index(None, conversations.c.project_id, conversations.c.changed_at)

conversation_turns = Table(
    "conversation_turns",
    metadata,
    Column("conversation_id", Text, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("conversation_id", "key"),
)
