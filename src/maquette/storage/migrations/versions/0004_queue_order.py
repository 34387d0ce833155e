"""The index that the queue is read by: ten thousand waiting jobs cost no more than ten."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the order of claiming behind the status."""
    op.drop_index("ix_jobs_status", "jobs")
    op.create_index("ix_jobs_status_priority_seq", "jobs", ["status", "priority", "seq"])
