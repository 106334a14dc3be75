"""Memories, and projects with their documents and conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = {"memories": "memory_index", "passages": "passage_index"}


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "memory_owners",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_memory_owners"),
    )
    op.create_table(
        "memories",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_memories"),
        sa.UniqueConstraint("id", name="uq_memories_id"),
    )
    op.create_index("ix_memories_owner_memories_created_at", "memories", ["owner", "created_at"])
    op.create_table(
        "projects",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("instructions", sa.Text, nullable=False),
        sa.Column("retention_days", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
    )
    op.create_index("ix_projects_owner_projects_created_at", "projects", ["owner", "created_at"])
    op.create_table(
        "documents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("paged", sa.Boolean, nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_documents_project_id_projects", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_documents_project_id_documents_created_at", "documents", ["project_id", "created_at"])
    op.create_table(
        "passages",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer, nullable=False),
        sa.Column("last_page", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_passages"),
        sa.UniqueConstraint("document_id", "place", name="uq_passages_document_id_place"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_passages_document_id_documents", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "document_pages",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("page", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "page", name="pk_document_pages"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_document_pages_document_id_documents", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "document_terms",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("term", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "term", name="pk_document_terms"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_document_terms_document_id_documents", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_conversations_project_id_projects", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_conversations_project_id_conversations_changed_at", "conversations", ["project_id", "changed_at"]
    )
    op.create_table(
        "conversation_turns",
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "key", name="pk_conversation_turns"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_conversation_turns_conversation_id_conversations",
            ondelete="CASCADE",
        ),
    )
    for rows, index in INDEXES.items():
        for statement in _index(rows, index):
            op.execute(statement)


def downgrade() -> None:
    """Drop the tables."""
    for index in INDEXES.values():
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {index}_follows")
        op.execute(f"DROP TABLE {index}")
    for table in (
        "conversation_turns",
        "conversations",
        "document_terms",
        "document_pages",
        "passages",
        "documents",
        "projects",
        "memories",
        "memory_owners",
    ):
        op.drop_table(table)


def _index(rows: str, index: str) -> tuple[str, ...]:
    """The full-text index of a table whose key is `number`."""
    if op.get_bind().dialect.name == "postgresql":
        return (
            f"CREATE TABLE {index} (number INTEGER PRIMARY KEY REFERENCES {rows} (number) ON DELETE CASCADE, "
            "scope TEXT NOT NULL, terms TSVECTOR NOT NULL)",
            f"CREATE INDEX ix_{index}_terms ON {index} USING gin (terms)",
            f"CREATE INDEX ix_{index}_scope ON {index} (scope)",
        )
    return (
        f"CREATE VIRTUAL TABLE {index} USING fts5(scope, terms, "
        """tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'")""",
        f"CREATE TRIGGER {index}_follows AFTER DELETE ON {rows} "
        f"BEGIN DELETE FROM {index} WHERE rowid = old.number; END",
    )
