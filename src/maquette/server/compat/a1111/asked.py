"""What is asked for, as that API's bodies. Their defaults are that program's.

It reads hundreds of fields, and takes any that it does not know without a word; so does this. What
would alter the picture and cannot be done here is named in the answer (``instead``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maquette.server.problems import HttpRefused

__all__ = ["BodyRefused", "Extras", "ImageToImage", "TextToImage", "read"]

T = TypeVar("T", bound=BaseModel)


class BodyRefused(HttpRefused):
    """A body that is not as it must be: ``errors`` in the form of that program's framework."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        first = errors[0]
        where = ".".join(map(str, first["loc"]))
        super().__init__(422, "request-malformed", f"{where}: {first['msg']}")
        self.errors = errors


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, given: Any) -> Any:
        """What is null has its default."""
        if isinstance(given, dict):
            return {key: value for key, value in given.items() if value is not None}
        return given


class TextToImage(_Body):
    """``POST /txt2img``."""

    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] = Field(default_factory=list[str])
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0.0
    batch_size: int = Field(default=1, ge=1, le=100)
    n_iter: int = Field(default=1, ge=1, le=100)
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = Field(default=512, ge=1)
    height: int = Field(default=512, ge=1)
    sampler_name: str = ""
    sampler_index: str = ""
    scheduler: str = ""
    restore_faces: bool = False
    tiling: bool = False
    denoising_strength: float = Field(default=0.75, ge=0, le=1)
    enable_hr: bool = False
    hr_scale: float = Field(default=2.0, ge=1, le=8)
    hr_upscaler: str = ""
    hr_second_pass_steps: int = Field(default=0, ge=0)
    hr_resize_x: int = Field(default=0, ge=0)
    hr_resize_y: int = Field(default=0, ge=0)
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    override_settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    script_name: str = ""
    script_args: list[Any] = Field(default_factory=list[Any])
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict[str, Any])
    send_images: bool = True

    @property
    def count(self) -> int:
        """How many pictures."""
        return self.batch_size * self.n_iter

    @property
    def sampler(self) -> str:
        """The sampler by that program's name."""
        return self.sampler_name or self.sampler_index or "Euler"


class ImageToImage(TextToImage):
    """``POST /img2img``."""

    init_images: list[str] = Field(default_factory=list[str])
    mask: str = ""
    resize_mode: int = Field(default=0, ge=0, le=3)
    mask_blur: int = Field(default=4, ge=0)
    mask_blur_x: int | None = Field(default=None, ge=0)
    mask_blur_y: int | None = Field(default=None, ge=0)
    inpainting_fill: int = Field(default=0, ge=0, le=3)
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    include_init_images: bool = False


class Extras(_Body):
    """``POST /extra-single-image``, and with ``imageList`` ``/extra-batch-images``."""

    image: str = ""
    imageList: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])  # noqa: N815
    resize_mode: int = Field(default=0, ge=0, le=1)
    show_extras_results: bool = True
    gfpgan_visibility: float = Field(default=0, ge=0, le=1)
    codeformer_visibility: float = Field(default=0, ge=0, le=1)
    upscaling_resize: float = Field(default=2, gt=0)
    upscaling_resize_w: int = Field(default=512, ge=1)
    upscaling_resize_h: int = Field(default=512, ge=1)
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = Field(default=0, ge=0, le=1)
    upscale_first: bool = False


def read(kind: type[T], given: Mapping[str, Any]) -> T:
    """A body, checked.

    Raises:
        BodyRefused.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise BodyRefused([{**each, "loc": ["body", *each["loc"]]} for each in found]) from error
