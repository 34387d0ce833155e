"""What is asked for, as that API's parameters; and what they mean here.

Beside the API's own parameters there are some of ours, which a client sends as ``extra_body``:
``seed``, ``negative_prompt``, ``steps``, ``guidance``, ``sampler`` and, for edits, ``strength``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from maquette.core.geometry import Size
from maquette.core.recipe import MAX_SEED
from maquette.server.compat.pictures import Format
from maquette.server.problems import HttpRefused

__all__ = ["Asked", "Edit", "Generation", "ParameterRefused", "Variation", "read"]

_SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")
_QUALITIES = {"low": "draft", "medium": "preview"}
_OTHERS_MODELS = re.compile(r"(gpt-image|chatgpt-image|dall-e)[\w.-]*")
_BY_LINK = re.compile(r"dall-e-[23]")

T = TypeVar("T", bound="Asked")


class ParameterRefused(HttpRefused):
    """A parameter that this API would refuse, by its name and that API's own code."""

    def __init__(self, code: str, detail: str, param: str | None) -> None:
        super().__init__(400, code, detail)
        self.param = param


class Asked(BaseModel):
    """What all three calls have in common."""

    model_config = ConfigDict(extra="forbid")
    model: str | None = Field(default=None, max_length=200)
    n: int | None = Field(default=None, ge=1, le=10)
    size: str | None = Field(default=None, max_length=20)
    response_format: Literal["url", "b64_json"] | None = None
    user: str | None = Field(default=None, max_length=1_000)
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=50)
    sampler: str | None = Field(default=None, max_length=40)

    @field_validator("size")
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value not in {None, "auto"} and not _SIZE.fullmatch(value or ""):
            raise ValueError("Expected 'auto' or WIDTHxHEIGHT.")
        return value

    @property
    def count(self) -> int:
        """How many pictures."""
        return self.n or 1

    @property
    def wanted(self) -> Size | None:
        """The size that was asked for; None = ours to choose."""
        found = _SIZE.fullmatch(self.size or "")
        return Size(width=int(found[1]), height=int(found[2])) if found else None

    @property
    def model_here(self) -> str | None:
        """The model by our name; None for the default, which stands for all of that vendor's."""
        if self.model is None or _OTHERS_MODELS.fullmatch(self.model):
            return None
        return self.model

    @property
    def by_link(self) -> bool:
        """Whether pictures are answered as links: as asked, else as that model would."""
        if self.response_format is not None:
            return self.response_format == "url"
        return _BY_LINK.fullmatch(self.model or "") is not None


class _Drawn(Asked):
    """What the two calls that draw from words have in common."""

    prompt: str = Field(min_length=1, max_length=32_000)
    background: Literal["transparent", "opaque", "auto"] | None = None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto", "standard", "hd"] | None = (
        None
    )
    output_format: Format | None = None
    output_compression: int | None = Field(default=None, ge=0, le=100)
    stream: bool | None = None
    partial_images: int | None = Field(default=None, ge=0, le=3)
    safety_identifier: str | None = Field(default=None, max_length=1_000)
    negative_prompt: str | None = Field(default=None, max_length=32_000)

    @field_validator("background")
    @classmethod
    def _opaque(cls, value: str | None) -> str | None:
        if value == "transparent":
            raise ValueError("Transparent backgrounds are not drawn by the models of this server.")
        return value

    @property
    def preset(self) -> str:
        """The quality by our name."""
        return _QUALITIES.get(self.quality or "", "final")

    @property
    def format(self) -> Format:
        """The files' format."""
        return self.output_format or "png"

    @property
    def level(self) -> int:
        """JPEG's and WebP's quality, 1 to 100."""
        return max(1, 92 if self.output_compression is None else self.output_compression)

    @property
    def partials(self) -> int:
        """How many pictures are to be shown before each is done."""
        return (self.partial_images or 0) if self.stream else 0


class Generation(_Drawn):
    """``POST /images/generations``."""

    moderation: Literal["low", "auto"] | None = None
    style: Literal["vivid", "natural"] | None = None


class Edit(_Drawn):
    """``POST /images/edits``; the pictures come beside it."""

    input_fidelity: Literal["high", "low"] | None = None
    strength: float | None = Field(default=None, gt=0, le=1)


class Variation(Asked):
    """``POST /images/variations``; the picture comes beside it."""

    strength: float | None = Field(default=None, gt=0, le=1)


def read(kind: type[T], given: Mapping[str, Any]) -> T:
    """The parameters of a call.

    Raises:
        ParameterRefused: in that API's own words and codes.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        param = str(first["loc"][0]) if first["loc"] else None
        shown = f"'{str(first.get('input'))[:60]}'"
        match first["type"]:
            case "missing":
                says = ("missing_required_parameter", f"Missing required parameter: '{param}'.")
            case "extra_forbidden":
                says = ("unknown_parameter", f"Unknown parameter: '{param}'.")
            case "less_than_equal":
                says = (
                    "integer_above_max_value",
                    f"Invalid '{param}': {first['msg']}, not {shown}.",
                )
            case "greater_than_equal" | "greater_than":
                says = (
                    "integer_below_min_value",
                    f"Invalid '{param}': {first['msg']}, not {shown}.",
                )
            case "string_too_short":
                says = ("empty_string", f"Invalid '{param}': it is empty.")
            case "string_too_long":
                says = ("string_above_max_length", f"Invalid '{param}': {first['msg']}.")
            case "value_error":
                why = first["msg"].removeprefix("Value error, ")
                says = ("invalid_value", f"Invalid value: {shown}. {why}")
            case "literal_error":
                says = ("invalid_value", f"Invalid value: {shown}. {first['msg']}.")
            case _:
                says = ("invalid_type", f"Invalid type for '{param}': {first['msg']}.")
        raise ParameterRefused(*says, param) from error
