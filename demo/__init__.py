"""The demo: one picture carried through the whole loop, told on one page."""
