"""The loop: step after step the model is shown some examples, and what is on it learns.

Every step's chance (which examples, which way round, which noise, which timestep) comes from the
training's seed and the step's number, so a training that was interrupted ends in the same file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.picture import decode_picture, encode_png
from maquette.core.raster import side_by_side
from maquette.core.recipe import PromptText, Recipe, Sampling, TextToImage
from maquette.core.training import DreamBooth, Training, without_trigger
from maquette.engines.base import Cancel, Inputs, Learned, Lesson, Picture, Sheet, Study
from maquette.engines.diffusers.tasks import draw_all
from maquette.engines.diffusers.teaching.checkpoints import Keeper, write_tensors
from maquette.engines.diffusers.teaching.material import Reader, fitted, latents_of
from maquette.engines.diffusers.teaching.objective import Objective
from maquette.engines.diffusers.teaching.student import Student, put_on
from maquette.engines.diffusers.weights import Parts
from maquette.errors import Cancelled, EngineFailed

__all__ = ["FILES", "teach"]

FILES = {"lora": "pytorch_lora_weights.safetensors", "embedding": "learned_embeds.safetensors"}
"""What an adapter's file is called in its folder, as diffusers looks for it."""

CLIP = 1.0
"""The longest gradient."""

SHEET_SEED = 20
SHEET_QUALITY = "preview"


@dataclass(frozen=True, eq=False)
class _Pupil:
    """An example, or a prior picture: (2, channels, rows, columns) as it is and mirrored."""

    latents: torch.Tensor
    caption: str


def teach(
    parts: Parts,
    can: Capabilities,
    training: Training,
    inputs: Inputs,
    folder: Path,
    *,
    cancel: Cancel | None = None,
) -> Iterator[Study]:
    """See ``Teachable.teach``."""
    if (done := _finished(training, folder)) is not None:
        yield done
        return
    examples: list[_Pupil] = []
    for each in training.examples:
        _stop(cancel)
        image = fitted(inputs[each.image], each.box, training.size)
        examples.append(_Pupil(latents_of(parts, image), each.caption))
    prior = list(_prior(parts, can, training, folder, cancel))
    with put_on(parts, training) as student:
        yield from _Lessons(student, can, training, examples, prior, folder, cancel).go_on()


@dataclass(frozen=True, eq=False)
class _Lessons:
    """A training under way."""

    student: Student
    can: Capabilities
    training: Training
    examples: Sequence[_Pupil]
    prior: Sequence[_Pupil]
    folder: Path
    cancel: Cancel | None

    def go_on(self) -> Iterator[Study]:
        """From the first step, or from where an earlier run came to."""
        training, student, course = self.training, self.student, self.training.course
        learned = list(student.learned.values())
        objective = Objective(student.parts, self.examples[0].latents.shape)
        captions = [pupil.caption for pupil in (*self.examples, *self.prior)]
        read = Reader(student.parts, captions, fresh=student.speaks)
        decay = 0.0 if student.speaks else 1e-2
        optimizer = torch.optim.AdamW(learned, lr=course.rate, weight_decay=decay)
        keeper = Keeper(self.folder, training.digest, student.learned, optimizer)
        done = keeper.resume()
        weight = getattr(training.method, "prior_weight", 0.0)
        every = training.sheet_every
        try:
            for step in range(done, course.steps):
                _stop(self.cancel)
                chance = torch.Generator().manual_seed((course.seed * 1_000_003 + step) % 2**63)
                loss = self._shown(objective, read, self.examples, chance)
                if self.prior:
                    loss = loss + weight * self._shown(objective, read, self.prior, chance)
                value = float(loss.detach())
                if math.isnan(value):
                    raise EngineFailed(
                        f"the training of '{training.name}' has lost its way at step {step + 1}:"
                        " its numbers are none any more",
                        hint="learn more slowly: a lower rate",
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(learned, CLIP)
                for group in optimizer.param_groups:
                    group["lr"] = course.rate_at(step)
                optimizer.step()
                done = step + 1
                yield Lesson(done, course.steps, value)
                keeper.after(done)
                if every and done % every == 0 and done < course.steps:
                    yield from self._sheet(done)
        except (Cancelled, GeneratorExit):
            keeper.store(done)
            raise
        keeper.store(course.steps)
        yield from self._sheet(course.steps)
        yield self._write(keeper.seconds)

    def _shown(
        self,
        objective: Objective,
        read: Reader,
        pupils: Sequence[_Pupil],
        chance: torch.Generator,
    ) -> torch.Tensor:
        """The mean loss over some of the pupils."""
        course, count = self.training.course, self.training.course.batch
        chosen = torch.randint(0, len(pupils), (count,), generator=chance).tolist()
        turned = (torch.rand(count, generator=chance) < 0.5).tolist()
        hushed = (torch.rand(count, generator=chance) < course.silent).tolist()
        clean = torch.stack(
            [
                pupils[number].latents[int(turn and course.mirror)]
                for number, turn in zip(chosen, turned, strict=True)
            ]
        )
        texts = [
            read("" if hush and not read.fresh else pupils[number].caption)
            for number, hush in zip(chosen, hushed, strict=True)
        ]
        return objective.loss(self.student.parts, clean, texts, chance).mean()

    def _sheet(self, step: int) -> Iterator[Sheet]:
        if self.training.samples:
            recipes = [
                _recipe(self.can, self.training, text, SHEET_SEED + number)
                for number, text in enumerate(self.training.samples)
            ]
            drawn = _drawn(self.student.parts, recipes, self.cancel)
            yield Sheet(step, side_by_side(drawn))

    def _write(self, seconds: float) -> Learned:
        training, student = self.training, self.student
        file = self.folder / FILES[training.adapter]
        about = {
            "format": "pt",
            "maquette.training": training.digest,
            "maquette.parameters": str(student.parameters),
            "maquette.seconds": f"{seconds:.1f}",
            "modelspec.sai_model_spec": "1.0.0",
            "modelspec.title": training.name,
            "modelspec.license": training.licence,
            "modelspec.trigger_phrase": training.trigger,
            "modelspec.resolution": str(training.size),
        }
        write_tensors(file, student.tensors(), about)
        return Learned(file, student.parameters, seconds)


def _prior(
    parts: Parts, can: Capabilities, training: Training, folder: Path, cancel: Cancel | None
) -> Iterator[_Pupil]:
    """The model's own pictures, of the subject alone and in the examples' surroundings, drawn once;
    each is kept as soon as it is there."""
    method = training.method
    if not isinstance(method, DreamBooth):
        return
    home = folder / "prior"
    home.mkdir(exist_ok=True)
    told = [without_trigger(example.caption, training.trigger) for example in training.examples]
    captions = list(dict.fromkeys([f"a {method.subject}", *told]))
    for number in range(method.prior):
        _stop(cancel)
        caption = captions[number % len(captions)]
        file = home / f"{number:04d}.png"
        if not file.is_file():
            recipe = _recipe(can, training, caption, training.course.seed + number)
            partial = file.with_suffix(".partial")
            partial.write_bytes(encode_png(_drawn(parts, [recipe], cancel)[0]))
            partial.replace(file)
        image = decode_picture(file.read_bytes(), name=file.name)
        yield _Pupil(latents_of(parts, fitted(image, None, training.size)), caption)


def _drawn(parts: Parts, recipes: Sequence[Recipe], cancel: Cancel | None) -> list[Image.Image]:
    how: dict[str, Any] = {"maps": False, "previews": False, "cancel": cancel}
    events = draw_all(parts, recipes, {}, **how)
    found = {event.index: event.image for event in events if isinstance(event, Picture)}
    return [found[index] for index in range(len(recipes))]


def _recipe(can: Capabilities, training: Training, text: str, seed: int) -> Recipe:
    preset = can.presets[SHEET_QUALITY]
    return Recipe(
        engine=can.engine,
        task=TextToImage(),
        size=training.size,
        prompt=PromptText(text=text, interpreter="plain"),
        model=training.model,
        sampling=Sampling.model_validate(
            {**preset.model_dump(exclude={"loras"}), "seed": seed % 2**32}
        ),
    )


def _finished(training: Training, folder: Path) -> Learned | None:
    """What an earlier run has finished in this folder."""
    from safetensors import SafetensorError, safe_open

    file = folder / FILES[training.adapter]
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as stored:
            about = stored.metadata() or {}
    except (SafetensorError, OSError):
        return None
    if about.get("maquette.training") != training.digest:
        return None
    return Learned(file, int(about["maquette.parameters"]), float(about["maquette.seconds"]))


def _stop(cancel: Cancel | None) -> None:
    if cancel:
        raise Cancelled("stopped while learning; it goes on from here")
