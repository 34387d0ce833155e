"""Frozen values and pure functions: no I/O, no torch, no clock."""
