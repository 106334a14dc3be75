"""Jobs, their segments, and the webhooks that tell of their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("run_at", sa.Double, nullable=False),
        sa.Column("lease", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("deaths", sa.Integer, nullable=False),
        sa.Column("audio_seconds", sa.Double),
        sa.Column("done_seconds", sa.Double, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("error_field", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_idempotency_key"),
    )
    op.create_index("ix_jobs_status_jobs_priority_jobs_created_at", "jobs", ["status", "priority", "created_at"])
    op.create_index("ix_jobs_owner_jobs_created_at", "jobs", ["owner", "created_at"])
    op.create_table(
        "job_segments",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_job_segments"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_segments_job_id_jobs", ondelete="CASCADE"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("run_at", sa.Double, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    for columns in (["status", "run_at"], ["owner", "created_at"], ["job_id"]):
        name = "ix_" + "_".join(f"webhook_deliveries_{column}" for column in columns)
        op.create_index(name, "webhook_deliveries", columns)


def downgrade() -> None:
    """Drop the tables."""
    for table in ("webhook_deliveries", "job_segments", "jobs"):
        op.drop_table(table)
