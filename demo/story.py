"""What the demo saw, step by step; the page is written from this and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from maquette.core.finding import Finding
from maquette.core.geometry import Box
from maquette.core.version import Version
from maquette.stages.compare import Comparison

__all__ = ["Change", "Draft", "Edit", "Look", "Plate", "Played", "Proof", "Signed", "Step", "Story"]


@dataclass(frozen=True)
class Look:
    """A word of the prompt: its share of the attention, its hottest place, its map's file."""

    word: str
    share: float
    peak: tuple[int, int]
    file: str


@dataclass(frozen=True)
class Plate:
    """A version as the page shows it."""

    version: Version
    file: str
    looks: tuple[Look, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def anchor(self) -> str:
        """The id of its place on the page."""
        return f"v-{self.version.short}"

    def look(self, word: str) -> Look | None:
        """The map of a word, if it has one."""
        return next((each for each in self.looks if each.word.lower() == word.lower()), None)


@dataclass(frozen=True)
class Draft:
    """A draft with what the choice goes by: ``focus`` is how concentrated the key words' maps are
    (0 to 1), ``faults`` the sum of the scores of its findings, ``score`` focus less faults."""

    plate: Plate
    focus: float
    faults: float

    @property
    def score(self) -> float:
        """What the choice goes by."""
        return self.focus - self.faults


@dataclass(frozen=True)
class Change:
    """Two versions side by side, and the file of their difference picture."""

    before: Plate
    after: Plate
    measured: Comparison
    file: str


@dataclass(frozen=True)
class Edit:
    """The local edit: ``inside`` and ``outside`` count the mask's pixels, ``changed`` and
    ``strayed`` those among them whose bytes changed."""

    mask: str
    overlay: str
    how: str
    region: Box | None
    inside: int
    outside: int
    changed: int
    strayed: int
    seam: float


@dataclass(frozen=True)
class Signed:
    """A released file, what it says of itself, and what it says after one byte was flipped."""

    file: str
    format: str
    bytes: int
    digest: str
    state: str
    ok: bool
    facts: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]
    flipped_at: int
    flipped_state: str
    caught: bool


@dataclass(frozen=True)
class Played:
    """A version drawn again from its recipe: the verdict, dB when it was not exact, and why."""

    version: Version
    verdict: str
    psnr: float | None
    reasons: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Proof:
    """What the last step found."""

    signed: tuple[Signed, ...]
    played: Played


@dataclass(frozen=True)
class Step:
    """A finished step: its number, title, one line of what came out, and seconds."""

    number: int
    title: str
    outcome: str
    seconds: float


@dataclass
class Story:
    """All of one run. A step that was not reached leaves its part empty."""

    prompt: str
    replacement: str
    subject: str
    raised_to: float
    started: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict[str, str])
    steps: list[Step] = field(default_factory=list[Step])
    drafts: list[Draft] = field(default_factory=list[Draft])
    picked: int | None = None
    finished: Plate | None = None
    raised: Plate | None = None
    inpainted: Plate | None = None
    edit: Edit | None = None
    back: Plate | None = None
    back_same: bool = False
    upscaled: Plate | None = None
    changes: list[Change] = field(default_factory=list[Change])
    proof: Proof | None = None
    doing: str = "opening the studio"
    stopped: str = ""

    @property
    def plates(self) -> list[Plate]:
        """Every version that was made, oldest first."""
        made = [draft.plate for draft in self.drafts]
        later = (self.finished, self.raised, self.inpainted, self.back, self.upscaled)
        return made + [plate for plate in later if plate is not None]

    @property
    def seconds(self) -> float:
        """How long the finished steps took."""
        return sum(step.seconds for step in self.steps)

    def change(self, before: Plate | None, after: Plate | None) -> Change | None:
        """The comparison of two plates, if it was made."""
        if before is None or after is None:
            return None
        pair = before.version.id, after.version.id
        for change in self.changes:
            if (change.before.version.id, change.after.version.id) == pair:
                return change
        return None
