"""Prompts for property tests: any text, and text thick with syntax."""

from __future__ import annotations

from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)

_SCRAPS = (
    *"()[]:|\\ ,.\n",
    *("moon", "sun", "a", "1.3", "0", "é", "x"),
    *(":1.2)", ":0)", ":3]", ":.5]", "[a:b:3]", "[p|q]", "(red:1.4)", "((sky))", "[dim]"),
    *("BREAK", " BREAK ", "AND", " AND ", ":0.5 AND ", "<lora:n:0.5>", "<lora:", "<hyper:n:1>"),
    *("\\(", "\\]", "\\\\", "\x00", "\ud800"),
)
SYNTAX = st.lists(st.sampled_from(_SCRAPS), max_size=16).map("".join)
PROMPTS = SYNTAX | ANY_TEXT

_WEIGHING = (*"()[]:\\ a1|", "moon", ":1.3)", ":0.5)", ":.)", "\\(", "\\]", "\\\\")
WEIGHING = st.lists(st.sampled_from(_WEIGHING), max_size=20).map("".join)
"""Only what weighs: no swap can be read in it, no tag and no keyword."""
