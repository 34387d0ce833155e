"""Jobs wait, are held on leases and belong to groups; the journal of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYED = sa.text("key <> '' AND place = 0")


def upgrade() -> None:
    """Widen the jobs and make the journal."""
    # Columns are added, the table is not made anew: that would forget the last number given.
    for column in (
        sa.Column("maps", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("arguments", sa.Text, nullable=False, server_default="{}"),
        sa.Column("group", sa.Text, nullable=False, server_default=""),
        sa.Column("place", sa.Integer, nullable=False, server_default="0"),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("key", sa.Text, nullable=False, server_default=""),
        sa.Column("lease_until", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("cancel", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("hint", sa.Text, nullable=False, server_default=""),
        sa.Column("result", sa.Text),
    ):
        op.add_column("jobs", column)
    jobs = sa.table("jobs", sa.column("id"), sa.column("group"))
    op.execute(jobs.update().values(group=jobs.c.id))  # each was an order of its own
    op.create_index("ix_jobs_group", "jobs", ["group"])
    op.create_index(
        "uq_jobs_key",
        "jobs",
        ["key"],
        unique=True,
        sqlite_where=_KEYED,
        postgresql_where=_KEYED,
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_kind", "events", ["kind"])
