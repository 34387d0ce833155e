"""Writes the table of docs/engines.md from the engines: ``python -m maquette.cli.engine_page``.

With ``--check`` nothing is written; the exit code is 1 when the table is not what it should be.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from maquette.cli.services import sizes_in_words
from maquette.engines.services.offers import Offered, offered
from maquette.engines.services.prices import book

__all__ = ["PAGE", "write_page"]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "engines.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def write_page(page: str) -> str:
    """The page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_table()}{END}{after}"


def _table() -> str:
    lines = [
        "| engine | model | draws | sizes | seeds | weights | negative | references | bill |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(each) for each in offered()),
        "",
        f"Prices in the book are of {book()['date']}.",
        "",
    ]
    return "\n".join(lines)


def _row(each: Offered) -> str:
    able = each.capabilities
    model = f"{each.model} (retired {each.retired})" if each.retired else each.model
    if able is None:
        bill = "no" if each.engine == "remote" else "yes"
        cells = [each.engine, model, *["as it says itself"] * 5, "none", bill]
    else:
        cells = [
            each.engine,
            model,
            ", ".join(sorted(able.tasks)),
            sizes_in_words(each),
            "yes" if able.seeds else "no",
            "yes" if able.weights else "no, said",
            "yes" if able.negatives else "as a sentence, said",
            str(able.references) if able.references else "none",
            "yes" if able.billed else "no",
        ]
    return f"| {' | '.join(cells)} |"


def _main(arguments: Sequence[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    made = write_page(page)
    if "--check" in arguments:
        if page != made:
            print("docs/engines.md is stale; run 'make docs'", file=sys.stderr)
        return int(page != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
