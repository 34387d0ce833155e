"""From that API's calls to orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps

from maquette.core.capabilities import Capabilities
from maquette.core.geometry import Size
from maquette.core.picture import decode_picture, encode_png, size_of
from maquette.core.version import Version
from maquette.errors import ModelMissing
from maquette.exchange.samplers import read_a1111
from maquette.server.compat.a1111.asked import ImageToImage, TextToImage
from maquette.server.compat.a1111.state import state_of
from maquette.server.compat.a1111.styles import styled
from maquette.server.compat.a1111.units import units_of
from maquette.server.compat.drawing import for_seeds, told_by
from maquette.server.compat.home import studio_with
from maquette.server.compat.pictures import in_base64, taken
from maquette.server.context import Context, Room
from maquette.server.problems import HttpRefused
from maquette.stages.order import Order
from maquette.studio import Studio

__all__ = ["FACE", "Sitting", "hires_order", "model_named", "order_of", "title_of"]

FACE = "a1111"
LEAST = 0.01
"""That program may be asked for a change of nothing; here it is at least so much."""

_FILE = re.compile(r"(\.safetensors|\.ckpt)?( \[[0-9a-f]{4,64}\])?$")
_ACTED_ON = frozenset({"sd_model_checkpoint", "samples_format", "randn_source"})
_MEANT_ELSEWHERE = frozenset({"sd_vae", "CLIP_stop_at_last_layers"})
_USUAL = {"", "None", "Automatic", "none", "automatic", 1, None}


@dataclass
class Sitting:
    """A request with what it meets: the studio that draws it, and what is done instead."""

    room: Room
    studio: Studio
    able: Capabilities
    asked: TextToImage
    instead: list[str] = field(default_factory=list[str])
    origin: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def begin(cls, context: Context, room: Room, asked: TextToImage) -> Sitting:
        """With the checkpoint that the request names, else the one that the options name.

        Raises:
            HttpRefused: there is no such checkpoint or script.
            TemplateRefused, WordLocked: a style does not go with the prompt.
        """
        if asked.script_name:
            raise HttpRefused(422, "script-unknown", f"Script '{asked.script_name}' not found")
        chosen = asked.override_settings.get("sd_model_checkpoint")
        chosen = chosen or state_of(room).options.get("sd_model_checkpoint")
        studio = studio_with(context, room, model_named(context, str(chosen)) if chosen else None)
        words = asked.prompt, asked.negative_prompt
        prompt, negative, origin, unknown = styled(room, asked.styles, *words)
        asked = asked.model_copy(update={"prompt": prompt, "negative_prompt": negative})
        sitting = cls(room, studio, studio.capabilities(), asked, origin=origin)
        sitting._say_what_cannot_be(unknown)
        return sitting

    @property
    def settings(self) -> dict[str, Any]:
        """What every verb that draws is given."""
        schedule = self.asked.scheduler  # the sampler's old names end with one
        read = read_a1111(self.asked.sampler, "" if schedule.lower() == "automatic" else schedule)
        if not read.sampler or (self.able.samplers and read.sampler not in self.able.samplers):
            raise HttpRefused(404, "sampler-unknown", "Sampler not found")
        self._also(*(f"{each} is not used" for each in read.unread))
        return {
            "steps": self.asked.steps,
            "guidance": self.asked.cfg_scale,
            "sampler": read.sampler,
        }

    @property
    def seed(self) -> int | None:
        """The first seed; None = any."""
        return None if self.asked.seed < 0 else self.asked.seed

    @property
    def interpreter(self) -> str:
        """Brackets are read as that program reads them, where the model can."""
        able = self.able.interpreters
        return next((each for each in ("a1111", "attention") if each in able), "plain")

    def drawable(self, size: Size) -> Size:
        """The size itself, or the nearest that the model can draw."""
        near = self.able.nearest(size)
        if near != size:
            self._also(f"{size} is drawn as {near}")
        return near

    def _also(self, *said: str) -> None:
        self.instead += [each for each in said if each not in self.instead]

    def _say_what_cannot_be(self, styles: list[str]) -> None:
        asked = self.asked
        if asked.tiling:
            self._also("tiling is not done")
        if asked.subseed_strength:
            self._also("subseed is not used")
        if styles:
            self._also(f"styles are not known: {', '.join(styles)[:200]}")
        for key, value in asked.override_settings.items():
            harmless = key in _ACTED_ON or (key in _MEANT_ELSEWHERE and value in _USUAL)
            if not harmless:
                self._also(f"the setting {key[:60]} is not used")


def title_of(able: Capabilities) -> str:
    """A checkpoint as that program titles it: name and the beginning of its digest."""
    if able.model is None:
        return able.engine
    return f"{able.model.name} [{able.model.digest[:10]}]"


def model_named(context: Context, name: str) -> str:
    """Our name of a checkpoint that goes by its title, name, file or hash.

    Raises:
        ModelMissing: there is none.
    """
    offers = context.catalogue.offers()
    plain = _FILE.sub("", name)
    for offer in offers:
        digest = offer.capabilities.model.digest if offer.capabilities.model else ""
        if plain == offer.name or (len(name) >= 8 and digest.startswith(name)):
            return offer.name
    known = ", ".join(offer.name for offer in offers)
    raise ModelMissing(f"there is no checkpoint '{name[:100]}'", hint=f"there are: {known}")


def order_of(sitting: Sitting) -> Order:
    """What a call asks for: pictures from words, near a picture, or inside a mask. Blocks.

    Raises:
        MaquetteError, HttpRefused: what cannot be done.
    """
    asked = sitting.asked
    order = (
        _from_picture(sitting, asked)
        if isinstance(asked, ImageToImage)
        else _from_words(sitting, asked)
    )
    instead = "; ".join(sitting.instead) or None
    return told_by(order, FACE, instead=instead, **sitting.origin)


def _from_words(sitting: Sitting, asked: TextToImage) -> Order:
    size = sitting.drawable(Size(width=asked.width, height=asked.height))
    control, reference = units_of(asked.alwayson_scripts, size, None)
    return sitting.studio.orders.generate(
        asked.prompt,
        negative=asked.negative_prompt,
        seed=sitting.seed,
        n=asked.count,
        size=(size.width, size.height),
        interpreter=sitting.interpreter,
        flags="none",
        control=control,
        reference=reference,
        **sitting.settings,
    )


def _from_picture(sitting: Sitting, asked: ImageToImage) -> Order:
    if not asked.init_images:
        raise HttpRefused(404, "image-missing", "Init image not found")
    data = in_base64(asked.init_images[0])
    if len(asked.init_images) > 1:
        sitting.instead.append("only the first of the pictures is used")
    wanted = Size(width=asked.width, height=asked.height)
    version = taken(sitting.room, data)
    if asked.mask:
        return _inside(sitting, asked, version, wanted)
    version = _cut(sitting, version, wanted, asked.resize_mode)
    size = sitting.drawable(wanted)
    first = decode_picture(sitting.studio.blobs.get(version.image))
    control, reference = units_of(asked.alwayson_scripts, size, first)
    return sitting.studio.orders.vary(
        version,
        strength=max(LEAST, asked.denoising_strength),
        seed=sitting.seed,
        n=asked.count,
        prompt=asked.prompt or None,
        negative=asked.negative_prompt,
        size=(size.width, size.height),
        control=control,
        reference=reference,
        **sitting.settings,
    )


def _inside(sitting: Sitting, asked: ImageToImage, version: Version, wanted: Size) -> Order:
    mask = decode_picture(in_base64(asked.mask), name="the mask")
    if not asked.inpaint_full_res and wanted != version.size:
        # There the whole picture is drawn anew at the size that was asked for.
        version = _cut(sitting, version, wanted, asked.resize_mode, always=True)
    grey = _grey(mask)
    if size_of(grey) != version.size:
        grey = grey.resize((version.size.width, version.size.height), Image.Resampling.LANCZOS)
    if asked.inpainting_mask_invert:
        grey = ImageOps.invert(grey)
    strength = max(LEAST, asked.denoising_strength)
    if asked.inpainting_fill != 1 and strength < 1:
        sitting.instead.append("what the mask covers is drawn from nothing (inpainting_fill)")
        strength = 1.0
    first = decode_picture(sitting.studio.blobs.get(version.image))
    control, reference = units_of(asked.alwayson_scripts, version.size, first)
    settings = sitting.settings
    blur = max(asked.mask_blur_x or 0, asked.mask_blur_y or 0) or asked.mask_blur

    def one(seed: int) -> Order:
        return sitting.studio.orders.inpaint(
            version,
            grey,
            asked.prompt,
            negative=asked.negative_prompt,
            seed=seed,
            strength=strength,
            feather=min(256, 2 * blur),
            control=control,
            reference=reference,
            **settings,
        )

    return for_seeds(sitting.seed, asked.count, one)


def _grey(mask: Image.Image) -> Image.Image:
    """A mask as that program reads it: by its alpha where that says something, else its light."""
    if mask.mode == "RGBA" and mask.getchannel("A").getextrema() != (255, 255):
        return mask.getchannel("A")
    return mask.convert("RGB").convert("L")


def _cut(
    sitting: Sitting, version: Version, wanted: Size, mode: int, *, always: bool = False
) -> Version:
    """The picture in the shape that was asked for, as a version made of it: 0 stretches (which
    drawing does by itself), 1 cuts, 2 fills the sides with the picture's own edges."""
    same = version.size.width * wanted.height == version.size.height * wanted.width
    if not always and (mode not in {1, 2} or same):
        return version
    image = decode_picture(sitting.studio.blobs.get(version.image))
    size = (wanted.width, wanted.height)
    fit: Mapping[int, Callable[[], Image.Image]] = {
        1: lambda: ImageOps.fit(image, size, Image.Resampling.LANCZOS),
        2: lambda: _filled(image, size),
    }
    cut = fit.get(mode, lambda: image.resize(size, Image.Resampling.LANCZOS))()
    made, _ = sitting.studio.import_picture(encode_png(cut), of=version)
    return made


def _filled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    inner = ImageOps.contain(image, size, Image.Resampling.LANCZOS)
    whole = inner.resize(size, Image.Resampling.BOX)
    whole.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    return whole


def hires_order(sitting: Sitting, version: Version) -> Order:
    """The second pass of a large picture: the first one enlarged and drawn over."""
    asked = sitting.asked
    width, height = asked.hr_resize_x, asked.hr_resize_y
    if not width and not height:
        width = round(version.size.width * asked.hr_scale)
        height = round(version.size.height * asked.hr_scale)
    width = width or round(height * version.size.width / version.size.height)
    height = height or round(width * version.size.height / version.size.width)
    size = sitting.drawable(Size(width=width, height=height))
    sampling = version.recipe.sampling
    order = sitting.studio.orders.vary(
        version,
        strength=max(LEAST, asked.denoising_strength),
        seed=sampling.seed if sampling is not None else None,
        prompt=asked.hr_prompt or None,
        negative=asked.hr_negative_prompt or None,
        size=(size.width, size.height),
        **{**sitting.settings, "steps": asked.hr_second_pass_steps or asked.steps},
    )
    return told_by(order, FACE, second_pass=True)
