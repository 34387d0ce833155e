"""What a model cannot be taught, told from its card before anything waits. No torch."""

from __future__ import annotations

from maquette.core.capabilities import Capabilities
from maquette.core.recipe import PromptText
from maquette.core.training import Training
from maquette.engines.diffusers.models import ModelCard
from maquette.engines.wording import unknown_words
from maquette.errors import TrainingRefused

__all__ = ["check_training"]

FEW, MANY = 8, 200
"""Fewer examples than this are told of, and so are more."""


def check_training(
    training: Training, card: ModelCard, can: Capabilities, offload: str
) -> tuple[str, ...]:
    """What a person should know of a training of this model.

    Raises:
        TrainingRefused: it is for another model, or this one cannot be taught so.
    """
    if training.model.digest != card.ref.digest:
        raise TrainingRefused(
            f"the training is for the model {training.model.name} ({training.model.digest[:12]}),"
            f" this is {card.ref.name} ({card.ref.digest[:12]})",
            hint="choose that model, or begin a training for this one",
        )
    if offload != "none":
        raise TrainingRefused(
            f"{card.ref.name} does not fit this machine's memory whole, and is brought there in"
            " parts: it can draw so, not learn",
            hint="train on a larger machine",
        )
    if card.channels != card.latents:
        raise TrainingRefused(
            f"{card.ref.name} is made for inpainting and is given masks with every picture",
            hint="train the model that it was made from; the LoRA goes with both",
        )
    method = training.method
    if method.kind == "embedding" and card.family not in {"sd", "sdxl"}:
        raise TrainingRefused(
            f"{card.driver.title} reads no learned words",
            hint="teach it a LoRA; learned words are for Stable Diffusion 1, 2 and XL",
        )
    for side in (training.size.width, training.size.height):
        if side % can.multiple or not can.min_side <= side <= can.max_side:
            raise TrainingRefused(
                f"{card.ref.name} does not draw {training.size}",
                hint=f"sides of {can.min_side} to {can.max_side} pixels, in steps of"
                f" {can.multiple}",
            )
    return tuple(_remarks(training, card, can))


def _remarks(training: Training, card: ModelCard, can: Capabilities) -> list[str]:
    said: list[str] = []
    count = len(training.examples)
    if count < FEW:
        said.append(f"{count} pictures are few: it will learn their backgrounds too")
    if count > MANY:
        said.append(
            f"{count} pictures are many: what they share is learned, what one alone has not"
        )
    if card.few is not None:
        said.append(f"{card.ref.name} was distilled to few steps; learning may undo some of that")
    captions = {example.caption for example in training.examples}
    if len(captions) == 1 and training.method.kind != "embedding":
        said.append("every picture has the same caption: whatever they share goes to the trigger")
    said_all = PromptText(text=" ".join(sorted(captions)), interpreter="plain")
    own = training.trigger.lower()
    if strange := [word for word in unknown_words(said_all, can) if word.lower() not in own]:
        said.append(f"the model has never seen the words {', '.join(strange[:6])}")
    if training.size != can.best_size:
        said.append(f"it learns at {training.size}; the model is best at {can.best_size}")
    return said
