"""HTML from nested calls; whatever is not already markup is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

__all__ = ["Child", "Markup", "document", "el", "raw", "text"]

VOID = frozenset({"img", "input", "br", "hr", "meta", "link", "source", "image", "path", "line"})


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Iterable[Child] | None"


def text(child: Child) -> Markup:
    """A child, or many, as markup: strings escaped, None left out."""
    if child is None:
        return Markup()
    if isinstance(child, Markup):
        return child
    if isinstance(child, (str, int, float)):
        return Markup(escape(str(child)))
    return Markup("".join(text(each) for each in child))


def raw(source: str) -> Markup:
    """Style sheets and scripts of our own, as they stand."""
    return Markup(source)


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """One element. ``class_`` is class, ``aria_label`` is aria-label; None and False leave an
    attribute out, True writes it bare."""
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        name = key.rstrip("_").replace("_", "-")
        written += f" {name}" if value is True else f' {name}="{escape(str(value))}"'
    if tag in VOID:
        return Markup(
            f"<{tag}{written}>" if tag not in {"image", "path", "line"} else f"<{tag}{written}/>"
        )
    return Markup(f"<{tag}{written}>{text(children)}</{tag}>")


def document(title: str, body: Child, *, style: str, script: str) -> str:
    """A whole page that asks nothing of the network."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="dark light"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("link", rel="icon", href="data:,"),
        el("style", raw(style)),
    )
    page = el("html", head, el("body", body, el("script", raw(script))), lang="en")
    return f"<!doctype html>\n{page}\n"
