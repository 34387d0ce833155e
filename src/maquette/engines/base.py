"""The contract of every engine: what it can do, an early refusal, and a stream of events.

An engine never reads storage: the pictures and masks that a recipe names by digest come as
``Inputs``. It takes many recipes at a time, so that a worker can batch. It never silently ignores
a part of a recipe: ``check`` refuses it, or names the substitute.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from PIL import Image

from maquette.core.adapter import Adapter, AdapterKind
from maquette.core.capabilities import Capabilities
from maquette.core.cost import Money
from maquette.core.intent import Intent, Outcome
from maquette.core.recipe import ModelRef, PromptText, Recipe
from maquette.core.trace import Trace
from maquette.core.training import Course, Layers, Training

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Adapting",
    "Batching",
    "Billed",
    "Cancel",
    "Diary",
    "Engine",
    "Event",
    "Explainer",
    "Inputs",
    "Learned",
    "Lesson",
    "Picture",
    "Pinging",
    "Pong",
    "Preview",
    "Progress",
    "Sheet",
    "Study",
    "Substitution",
    "Teachable",
    "Usual",
]

Inputs = Mapping[str, Image.Image]
"""The pictures and masks that the recipes name, by digest, decoded and upright (RGB, RGBA or L)."""


@dataclass(frozen=True)
class Substitution:
    """A part of a recipe that the engine will answer with something else, said beforehand."""

    asked: str
    given: str
    reason: str


class Cancel:
    """A flag that one thread raises and the engine looks at between steps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the engine to stop after the step it is in."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()


@dataclass(frozen=True)
class Progress:
    """``step`` of ``steps`` is done for the recipe at ``index`` (of those given to ``run``)."""

    index: int
    step: int
    steps: int


@dataclass(frozen=True)
class Preview:
    """A small, rough look at the unfinished picture of the recipe at ``index``."""

    index: int
    step: int
    image: Image.Image


@dataclass(frozen=True)
class Picture:
    """The finished picture of the recipe at ``index``.

    ``trace`` holds its token maps when they were asked for and the engine can record them;
    ``seconds`` is the time that it took (a batch's time is shared evenly); ``notes`` are measured
    facts such as ``{"seam": 0.02}``; ``money`` is what it was billed at.
    """

    index: int
    image: Image.Image
    seconds: float
    trace: Trace | None = None
    notes: Mapping[str, float] = field(default_factory=dict[str, float])
    money: Money = field(default_factory=Money)


Event = Progress | Preview | Picture


@runtime_checkable
class Engine(Protocol):
    """Turns recipes into pictures."""

    @property
    def name(self) -> str:
        """The engine's name: that of its file."""
        ...

    @property
    def build(self) -> str:
        """What really runs: engine, libraries with versions, device. Same recipe and same build
        promise the same picture."""
        ...

    def capabilities(self) -> Capabilities:
        """What this engine with its model can do. Cheap: loads no weights."""
        ...

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """Look at a recipe before it is queued. Cheap: loads no weights.

        Raises:
            RecipeRefused: when the engine cannot honour it; says the nearest thing that it can.
            SettingRefused: for a number out of the engine's range.
        """
        ...

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,
        previews: bool = False,
        cancel: Cancel | None = None,
    ) -> Iterator[Event]:
        """Draw. Each recipe yields one ``Picture``, as soon as it is finished.

        Raises:
            Cancelled: between steps, once ``cancel`` is set. Pictures already yielded stand.
            EngineFailed, ModelMissing, ModelRefused: as their names say.
        """
        ...


@runtime_checkable
class Batching(Protocol):
    """An engine that draws several pictures together where that pays."""

    @property
    def at_once(self) -> int:
        """How many, at most; 1: each alone. A picture of a batch may differ by a rounding from the
        same drawn alone, so more than one is for machines where it is the custom, or asked for."""
        ...


@runtime_checkable
class Adapting(Protocol):
    """An engine that takes adapters beside its model: LoRAs, embeddings, control and reference
    networks. None of this loads weights."""

    def adapters(self) -> tuple[Adapter, ...]:
        """Every adapter at hand, each with why it does not go with the model, if so."""
        ...

    def find_adapter(self, name: str, *kinds: AdapterKind) -> Adapter:
        """The adapter of a name or a path.

        Raises:
            ModelMissing, ModelRefused: there is none, or it is damaged, pickled or of another kind.
        """
        ...

    def name_adapter(self, adapter: Adapter) -> ModelRef:
        """How a recipe names it: by name and digest."""
        ...

    def written(self, adapter: Adapter, layout: str) -> bytes:
        """Its file: as it is (``own``), or, of a LoRA, as Kohya's scripts write it (``kohya``).

        Raises:
            ExportRefused: another layout or kind, or a LoRA of another model.
            ModelMissing, ModelRefused.
        """
        ...


@runtime_checkable
class Explainer(Protocol):
    """An engine that can say which words of a caption a given picture's places answer to."""

    def explain(self, image: Image.Image, prompt: PromptText) -> Trace:
        """Token maps of any picture and a caption, by noising it at a few timesteps."""
        ...


@dataclass(frozen=True)
class Lesson:
    """A step of a training is learned; ``loss`` is its own."""

    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class Sheet:
    """The sample prompts of a training as they are drawn after ``step`` steps, side by side."""

    step: int
    image: Image.Image


@dataclass(frozen=True)
class Learned:
    """A training is done: the adapter's ``file`` in the training's folder, how many numbers it
    has, and the seconds that its steps took (those of earlier, interrupted runs too)."""

    file: Path
    parameters: int
    seconds: float


Study = Lesson | Sheet | Learned


@dataclass(frozen=True)
class Usual:
    """What usually goes well when this model is taught: how it is learned, and how much of the
    network changes (``attention`` or ``all``)."""

    course: Course
    layers: Layers = "attention"


@runtime_checkable
class Teachable(Engine, Protocol):
    """An engine whose model can be taught."""

    def usual(self, kind: Literal["lora", "dreambooth", "embedding"], examples: int) -> Usual:
        """What goes well for a method and so many examples."""
        ...

    def check_training(self, training: Training) -> tuple[str, ...]:
        """Look at a training before it is queued; what a person should know of it. Cheap: loads no
        weights.

        Raises:
            TrainingRefused: this model cannot be taught so; says what can be done.
        """
        ...

    def teach(
        self, training: Training, inputs: Inputs, folder: Path, *, cancel: Cancel | None = None
    ) -> Iterator[Study]:
        """Carry a training out. What ``folder`` holds of it from an earlier run is gone on with;
        the model is left as it was.

        Raises:
            Cancelled: between steps, once ``cancel`` is set; everything learned so far is kept.
            EngineFailed, ModelMissing, ModelRefused, StorageFull.
        """
        ...

    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """What this engine sees in pictures, (pictures, places, numbers), each place of unit
        length: pictures that show the same things have places that point the same way."""
        ...


class Diary(Protocol):
    """Where an engine that bills writes down what it asks for. Each call is durable when it
    returns. ``index`` counts the recipes given to ``run``."""

    def earlier(self, index: int) -> Intent | None:
        """What was asked for this recipe before and is not over: to be looked up, never to be
        asked again as long as it may have been carried out."""
        ...

    def intend(self, index: int, money: Money, handle: Mapping[str, str]) -> Intent:
        """Before a request: what it may cost, and how it will be found again.

        Raises:
            BudgetSpent: nothing may be sent.
        """
        ...

    def note(
        self,
        intent: Intent,
        outcome: Outcome,
        *,
        handle: Mapping[str, str] | None = None,
        message: str = "",
    ) -> Intent:
        """What has become of it; ``handle`` adds to what is known."""
        ...

    def keep(
        self, intent: Intent, image: Image.Image, money: Money, *, message: str = ""
    ) -> Intent:
        """The picture is here, and this is its price; ``message`` says where that is not the
        bill itself."""
        ...

    def picture(self, intent: Intent) -> Image.Image:
        """The picture of an intent that was kept."""
        ...


@dataclass(frozen=True)
class Pong:
    """A service is there: after how many seconds it answered, and what it says of itself."""

    seconds: float
    says: str


@runtime_checkable
class Pinging(Protocol):
    """An engine on the other side of a network."""

    def ping(self) -> Pong:
        """Ask it once, without drawing anything, whether it is there and knows the key.

        Raises:
            ServiceUnreachable, ServiceKeyRefused, ServiceBusy, ServiceFailed, ServiceRefused.
        """
        ...


@runtime_checkable
class Billed(Engine, Protocol):
    """An engine behind a service: it keeps a diary, whether or not it sends a bill."""

    def price(self, recipe: Recipe) -> Money:
        """What drawing it may cost at most, by the price book; zero where nobody sends a bill."""
        ...

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,
        previews: bool = False,
        cancel: Cancel | None = None,
        diary: Diary | None = None,
    ) -> Iterator[Event]:
        """See ``Engine.run``.

        Raises:
            BudgetSpent, ServiceKeyRefused, ServiceUnreachable, ServiceRefused, ServiceBusy,
            Moderated: nothing is billed.
            SubmittedUnknown: it was sent, and what became of it cannot be found out.
            ServiceFailed: it broke off; running it again goes on with what was asked.
        """
        ...
