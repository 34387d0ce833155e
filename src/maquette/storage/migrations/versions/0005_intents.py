"""Intents: what was asked of services that send a bill. Append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "intents",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("money", sa.Text, nullable=False),
        sa.Column("image", sa.String(64)),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_intents"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_intents_id", "intents", ["id"])
    op.create_index("ix_intents_recipe", "intents", ["recipe"])
    stop = "SELECT RAISE(ABORT, 'intents are append-only')"
    op.execute(f"CREATE TRIGGER intents_never_change BEFORE UPDATE ON intents BEGIN {stop}; END")
    op.execute(f"CREATE TRIGGER intents_never_go BEFORE DELETE ON intents BEGIN {stop}; END")
    there = "EXISTS (SELECT 1 FROM intents WHERE seq = NEW.seq)"
    op.execute(
        "CREATE TRIGGER intents_never_replaced BEFORE INSERT ON intents "
        f"WHEN {there} BEGIN {stop}; END"
    )
