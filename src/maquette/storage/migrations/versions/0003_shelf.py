"""The shelf: what is searched of each version, and its newest marks. Derived from facts."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and fill it."""
    shelf = op.create_table(
        "shelf",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("star", sa.Boolean, nullable=False),
        sa.Column("rating", sa.String(1), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_shelf"),
        sa.ForeignKeyConstraint(["seq"], ["versions.seq"], name="fk_shelf_seq"),
    )
    bind = op.get_bind()
    marks: dict[str, dict[str, str]] = {}
    for version, kind, value in bind.execute(
        sa.text("SELECT version, kind, value FROM marks ORDER BY seq")
    ):
        marks.setdefault(version, {})[kind] = value
    rows = bind.execute(sa.text("SELECT seq, id, recipe FROM versions ORDER BY seq"))
    filled = [_row(seq, recipe, marks.get(version, {})) for seq, version, recipe in rows]
    if filled:
        op.bulk_insert(shelf, filled)


def _row(seq: int, recipe: str, marks: dict[str, str]) -> dict[str, Any]:
    rating, name = marks.get("rating", ""), marks.get("name", "")
    return {
        "seq": seq,
        "words": _words(recipe, name),
        "star": marks.get("star") == "1",
        "rating": rating if rating in {"1", "2", "3", "4", "5", "x"} else "",
        "name": name,
    }


def _words(recipe: str, name: str) -> str:
    # As storage/shelf.py did it when this revision was written.
    prompt = json.loads(recipe).get("prompt") or {}
    said = f"{prompt.get('text', '')}\n{name}"
    return said.encode("utf-8", "replace").decode().replace("\0", " ").casefold()
