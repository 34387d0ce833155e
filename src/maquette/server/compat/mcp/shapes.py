"""What the tools answer as data, beside their words and pictures. Ids are the short ones."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Card",
    "Cards",
    "Changed",
    "Covered",
    "Exported",
    "Heated",
    "HotWord",
    "Listed",
    "Made",
    "Model",
    "Models",
    "Noticed",
    "Project",
    "Projects",
    "Read",
    "Shown",
    "Stood",
    "Told",
    "Tool",
    "Tools",
]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Noticed(_Answer):
    """A finding: one remark about a version."""

    name: str = Field(description="What `apply` takes.")
    severity: str = Field(description="note, warning or fault")
    message: str
    remedy: str = Field(description="What `apply` would do; empty when there is none.")


class Told(_Answer):
    """A version."""

    id: str
    operation: str
    parents: list[str]
    width: int
    height: int
    prompt: str
    negative: str = ""
    seed: int | None = None
    quality: str = ""
    seconds: float
    bill: str = Field(default="", description="What a service billed, with its currency.")
    name: str = ""
    star: bool = False
    rating: str = ""
    findings: list[Noticed]


class Made(_Answer):
    """Versions that were made, and what is still being drawn."""

    project: str
    versions: list[Told]
    waiting: str = Field(default="", description="What `wait` takes while some are still drawn.")
    failed: list[str] = Field(default_factory=list[str])
    result: str = Field(default="", description="How a loop or a replay ended.")


class Listed(_Answer):
    """Versions, newest first; by what they show, best first."""

    project: str
    versions: list[Told]
    more: bool = Field(description="Whether there are others after these.")
    unseen: int = Field(default=0, description="Pictures that nobody has looked at yet.")
    unknown: list[str] = Field(
        default_factory=list[str], description="Words that the model never saw."
    )


class Shown(_Answer):
    """A version with all that is known of it."""

    project: str
    version: Told
    model: str
    sampler: str
    steps: int | None
    guidance: float | None
    children: list[str]
    words: dict[str, float] = Field(description="Each word's share of the attention, 0 to 1.")
    locked: list[str] = Field(description="Words that no change may remove or weaken.")


class HotWord(_Answer):
    """What a word holds of the picture."""

    word: str
    share: float
    peak: tuple[int, int] = Field(description="Its hottest place, x and y in pixels.")


class Heated(_Answer):
    """Where words looked."""

    project: str
    version: str
    words: list[HotWord]


class Covered(_Answer):
    """A mask: white = edit."""

    project: str
    version: str
    mask: str = Field(description="What `inpaint` takes.")
    share: float = Field(description="The part of the picture that it covers, 0 to 1.")
    box: list[int] = Field(description="What holds all of it: x, y, width, height.")


class Changed(_Answer):
    """What changed from one version to another."""

    project: str
    before: str
    after: str
    pixels: float = Field(description="The part of all pixels that changed, 0 to 1.")
    psnr: float | None = Field(description="dB; null when the pictures are alike.")
    ssim: float
    words_added: list[str]
    words_removed: list[str]
    weights: dict[str, list[float]] = Field(description="Words with another weight: before, after.")
    parameters: dict[str, list[str]]
    attention: dict[str, list[float]] = Field(description="Shares of words: before, after.")


class Project(_Answer):
    """A room for pictures."""

    id: str
    versions: int
    newest: str


class Projects(_Answer):
    """Every project."""

    projects: list[Project]
    here: str = Field(description="The one that is meant when none is named.")


class Model(_Answer):
    """A model and what it can do."""

    name: str
    engine: str
    default: bool
    tasks: list[str]
    best_size: tuple[int, int]
    sides: tuple[int, int] = Field(description="The shortest and the longest side.")
    multiple: int
    qualities: dict[str, str] = Field(description="Each preset's steps and sampler.")
    weights: bool
    token_maps: bool
    negatives: bool
    billed: bool
    vocabulary: list[str] | None = Field(
        description="The only words that it knows; null when it reads any."
    )
    notes: list[str]


class Models(_Answer):
    """The models at hand."""

    models: list[Model]


class Read(_Answer):
    """How a prompt is read."""

    words: list[str]
    unknown: list[str] = Field(description="Words that the model never saw.")
    problems: list[str]


class Exported(_Answer):
    """A released file."""

    project: str
    version: str
    name: str
    format: str
    bytes: int
    sha256: str
    signed: bool
    path: str = Field(default="", description="Where it lies, when this machine wrote it.")


class Tool(_Answer):
    """An adapter."""

    name: str
    kind: str = Field(description="lora, embedding, control, t2i-adapter or ip-adapter")
    reads: list[str] = Field(description="Conditions or roles that it is for.")
    trigger: str = Field(description="The words that it answers to.")
    misfit: str = Field(description="Why it cannot be used with the model; empty = it can.")


class Tools(_Answer):
    """The adapters of a model."""

    adapters: list[Tool]


class Card(_Answer):
    """A template of a playbook."""

    playbook: str
    template: str
    purpose: str
    text: str
    needs: list[str] = Field(description="Holes that need a value.")
    locked: list[str] = Field(description="Words that no picture may lose.")
    problem: str = Field(description="Why it cannot be used; empty = it can.")


class Cards(_Answer):
    """The templates of a project."""

    project: str
    templates: list[Card]


class Stood(_Answer):
    """Where a campaign stands."""

    project: str
    campaign: str
    stage: str = Field(description="The stage that is next, or 'done'.")
    waiting: str = Field(description="What it waits for a person to do; empty = nothing.")
    suggested: list[str]
    drafts: int
    finals: list[str]
    versions: list[Told] = Field(description="Those to choose from, else finals or drafts.")
