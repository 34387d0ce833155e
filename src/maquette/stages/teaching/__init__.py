"""Teaching a model something new: curate pictures, learn from them, say how to use it."""

from maquette.stages.teaching.curate import crop_for, curate, glance_at
from maquette.stages.teaching.report import Identity, Report
from maquette.stages.teaching.state import Progressed, state_of
from maquette.stages.teaching.teach import Teacher, next_name, place_for, study, taken

__all__ = [
    "Identity",
    "Progressed",
    "Report",
    "Teacher",
    "crop_for",
    "curate",
    "glance_at",
    "next_name",
    "place_for",
    "state_of",
    "study",
    "taken",
]
