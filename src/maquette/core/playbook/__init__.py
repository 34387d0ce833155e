"""Playbooks: a brand's documented, versioned templates; filled, checked, compared, written out.

Pure functions over frozen values; files are read in ``exchange/playbooks.py``.
"""

from .chaining import Picked, replace_phrase, step_says
from .checking import Checked, Remark, lint, run_tests
from .comparing import Difference, differences
from .document import as_html, as_markdown
from .filling import Filled, bind, fill, locked_by, needs
from .model import (
    Card,
    Chain,
    Example,
    FromStep,
    Playbook,
    ReferenceNote,
    Step,
    VariableCard,
    load_playbook,
)

__all__ = [
    "Card",
    "Chain",
    "Checked",
    "Difference",
    "Example",
    "Filled",
    "FromStep",
    "Picked",
    "Playbook",
    "ReferenceNote",
    "Remark",
    "Step",
    "VariableCard",
    "as_html",
    "as_markdown",
    "bind",
    "differences",
    "fill",
    "lint",
    "load_playbook",
    "locked_by",
    "needs",
    "replace_phrase",
    "run_tests",
    "step_says",
]
