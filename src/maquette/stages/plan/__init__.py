"""The five stages as one resumable plan."""

from __future__ import annotations

from maquette.stages.plan.brief import Brief, make_brief, read_brief
from maquette.stages.plan.campaign import Campaign, Waiting
from maquette.stages.plan.choice import choose
from maquette.stages.plan.delivery import folder_of, ledger_facts
from maquette.stages.plan.ledger import Ledger, Line
from maquette.stages.plan.plan import STAGES, State, look, run

__all__ = [
    "STAGES",
    "Brief",
    "Campaign",
    "Ledger",
    "Line",
    "State",
    "Waiting",
    "choose",
    "folder_of",
    "ledger_facts",
    "look",
    "make_brief",
    "read_brief",
    "run",
]
