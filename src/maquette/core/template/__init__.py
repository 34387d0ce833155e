"""Templates: prompts with holes, in the language of Dynamic Prompts, with locked words.

Pure functions over frozen values: ``parse_template``, ``compile_template`` (values and wildcards
bound, the number of ways known), ``samples`` and ``every`` (the texts), ``check_locked``.
"""

from .compiling import MOST_WAYS, Plan, compile_template, is_name, unset
from .expanding import MAX_EXPANSIONS, every, samples
from .locks import check_locked, missing_locks
from .nodes import MAX_NESTING, MAX_TEMPLATE, Template
from .parser import parse_template

__all__ = [
    "MAX_EXPANSIONS",
    "MAX_NESTING",
    "MAX_TEMPLATE",
    "MOST_WAYS",
    "Plan",
    "Template",
    "check_locked",
    "compile_template",
    "every",
    "is_name",
    "missing_locks",
    "parse_template",
    "samples",
    "unset",
]
