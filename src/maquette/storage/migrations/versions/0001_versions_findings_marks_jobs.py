"""Versions and their parents, findings, marks, jobs; the append-only triggers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FACTS = {
    "versions": "id = NEW.id OR seq = NEW.seq",
    "version_parents": "child = NEW.child AND position = NEW.position",
    "findings": "seq = NEW.seq",
    "marks": "seq = NEW.seq",
}
"""Each append-only table, and when a row is one that is there already."""


def upgrade() -> None:
    """Make the tables and the triggers."""
    _make_tables()
    for table, same in _FACTS.items():
        _make_append_only(table, same)


def _make_append_only(table: str, same: str) -> None:
    # The third trigger is for INSERT OR REPLACE, which deletes without asking the second.
    stop = f"SELECT RAISE(ABORT, '{table} are append-only')"
    op.execute(f"CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table} BEGIN {stop}; END")
    op.execute(f"CREATE TRIGGER {table}_never_go BEFORE DELETE ON {table} BEGIN {stop}; END")
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  # constants from above
    op.execute(
        f"CREATE TRIGGER {table}_never_replaced BEFORE INSERT ON {table} "
        f"WHEN {there} BEGIN {stop}; END"
    )


def _make_tables() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sa.CheckConstraint("id = 1", name=op.f("ck_project_one_row")),
    )
    op.create_table(
        "versions",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("recipe_digest", sa.String(64), nullable=False),
        sa.Column("image", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("trace", sa.String(64)),
        sa.Column("build", sa.Text, nullable=False),
        sa.Column("cost", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_versions"),
        sa.UniqueConstraint("id", name="uq_versions_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_versions_recipe_digest_build", "versions", ["recipe_digest", "build"])
    op.create_table(
        "version_parents",
        sa.Column("child", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("child", "position", name="pk_version_parents"),
        sa.ForeignKeyConstraint(["child"], ["versions.id"], name="fk_version_parents_child"),
        sa.ForeignKeyConstraint(["parent"], ["versions.id"], name="fk_version_parents_parent"),
    )
    op.create_index("ix_version_parents_parent", "version_parents", ["parent"])
    op.create_table(
        "findings",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("critic", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_findings"),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_findings_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_findings_version", "findings", ["version"])
    op.create_table(
        "marks",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_marks"),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_marks_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_marks_version", "marks", ["version"])
    op.create_table(
        "jobs",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("parents", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("version", sa.String(64)),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_jobs_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_status", "jobs", ["status"])
