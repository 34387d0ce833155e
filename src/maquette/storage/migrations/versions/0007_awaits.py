"""Jobs that wait for the jobs of a group: a campaign for its pictures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a job awaits; nothing, of those that are there."""
    op.add_column("jobs", sa.Column("awaits", sa.Text, nullable=False, server_default=""))
