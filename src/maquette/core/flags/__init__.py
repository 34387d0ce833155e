"""Midjourney's flags: read from a prompt's end, checked, written back, translated.

Pure functions over frozen values. ``read_flags`` takes any text and never raises.
"""

from .checking import flag_problems
from .multi import WeighedPart, read_parts, write_parts
from .reading import Flag, Flagged, read_flags, without_flags, write_flags
from .table import FLAGS, NEWEST, VERSIONS, Spec, Values, spec_of, values_in
from .translating import TABLE, Outcome, Translation, Wanted, size_of_ratio, translate

__all__ = [
    "FLAGS",
    "NEWEST",
    "TABLE",
    "VERSIONS",
    "Flag",
    "Flagged",
    "Outcome",
    "Spec",
    "Translation",
    "Values",
    "Wanted",
    "WeighedPart",
    "flag_problems",
    "read_flags",
    "read_parts",
    "size_of_ratio",
    "spec_of",
    "translate",
    "values_in",
    "without_flags",
    "write_flags",
    "write_parts",
]
