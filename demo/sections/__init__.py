"""The nine sections of the story, each written from what its step found."""

from __future__ import annotations

from collections.abc import Callable

from demo.html import Child
from demo.sections.drafting import drafts, finish, look
from demo.sections.editing import repaint, reweigh
from demo.sections.proving import compare, enlarge, go_back, prove
from demo.story import Story

__all__ = ["SECTIONS"]

SECTIONS: tuple[Callable[[Story, str], Child], ...] = (
    drafts,
    finish,
    look,
    reweigh,
    repaint,
    compare,
    go_back,
    enlarge,
    prove,
)
