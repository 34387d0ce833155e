"""The nodes that only put values together: loaders, words, latents, schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from PIL import Image

from maquette.errors import RecipeRefused
from maquette.exchange.comfywords import read_comfy_words
from maquette.server.compat.comfyui import pixels
from maquette.server.compat.comfyui.drawing import taken_from, with_loras
from maquette.server.compat.comfyui.names import Names
from maquette.server.compat.comfyui.values import (
    Control,
    Guider,
    Latent,
    Model,
    Net,
    Part,
    Shot,
    Shots,
    Words,
)

__all__ = ["HOSTED", "PLAIN", "Host", "is_quick"]

Inputs: TypeAlias = dict[str, Any]
Outputs: TypeAlias = tuple[Any, ...]


class Host(Protocol):
    """What a node may ask of the prompt that it is part of."""

    names: Names

    def say(self, notes: tuple[str, ...]) -> None:
        """Remember what is done otherwise than the graph says."""

    def load(self, name: str) -> tuple[Shot, Image.Image]:
        """An uploaded picture, or one that was made here; and it with its transparency.

        Raises:
            RecipeRefused: there is none of this name.
        """
        ...


def _model(key: str) -> Callable[[Host, Inputs], Outputs]:
    """A checkpoint is a model, what reads its words, and what decodes it."""

    def load(host: Host, inputs: Inputs) -> Outputs:
        model = Model(host.names.model(inputs[key]))
        return (model, model, "vae")

    return load


def _layer(host: Host, inputs: Inputs) -> Outputs:
    if inputs["stop_at_clip_layer"] != -1:
        host.say((f"clip layer {inputs['stop_at_clip_layer']}: the model's own last layer",))
    return (inputs["clip"],)


def _lora(host: Host, inputs: Inputs) -> Outputs:
    name, own = host.names.lora(inputs["lora_name"]), inputs["strength_model"]
    model = with_loras(inputs["model"], own={name: own}, told={})
    if "clip" not in inputs:
        return (model,)
    told = inputs["strength_clip"]
    return (model, with_loras(inputs["clip"], own={}, told={name: told}))


def _load(host: Host, inputs: Inputs) -> Outputs:
    shot, image = host.load(inputs["image"])
    return ((shot,), pixels.channel(image, "alpha"))


def _load_mask(host: Host, inputs: Inputs) -> Outputs:
    return (pixels.channel(host.load(inputs["image"])[1], inputs["channel"]),)


HOSTED: Mapping[str, Callable[[Host, Inputs], Outputs]] = {
    "CheckpointLoaderSimple": _model("ckpt_name"),
    "UNETLoader": _model("unet_name"),
    "LoraLoader": _lora,
    "LoraLoaderModelOnly": _lora,
    "ControlNetLoader": lambda host, i: (Net(host.names.control(i["control_net_name"])),),
    "UpscaleModelLoader": lambda host, i: (host.names.upscaler(i["model_name"]),),
    "CLIPSetLastLayer": _layer,
    "LoadImage": _load,
    "LoadImageMask": _load_mask,
}
"""Nodes that ask for what the server has."""


def _own_words(_: Inputs) -> Outputs:
    # Words are always read by the model's own encoders.
    return (Model(None),)


def _text(*keys: str) -> Callable[[Inputs], Outputs]:
    def encode(inputs: Inputs) -> Outputs:
        texts = [inputs[key] for key in keys if inputs[key].strip()]
        read = read_comfy_words(", ".join(dict.fromkeys(texts)))
        guidance = inputs.get("guidance")
        return (Words((Part(read.text),), inputs["clip"], read.embeddings, (), guidance),)

    return encode


def _control(*sides: str) -> Callable[[Inputs], Outputs]:
    def apply(inputs: Inputs) -> Outputs:
        control = Control(
            inputs["control_net"],
            inputs["image"][0],
            inputs["strength"],
            inputs.get("start_percent", 0.0),
            inputs.get("end_percent", 1.0),
        )
        acts = control.strength > 0 and control.start < control.end
        return tuple(inputs[side].with_(control) if acts else inputs[side] for side in sides)

    return apply


def _empty(inputs: Inputs) -> Outputs:
    return (Latent((inputs["width"], inputs["height"]), inputs["batch_size"]),)


def _encoded(inputs: Inputs, *, masked: bool, fresh: bool = False) -> Latent:
    shots: Shots = inputs["pixels"]
    white = inputs["mask"] if masked else None
    if white is not None and (by := inputs.get("grow_mask_by", 0)):
        white = pixels.MASKS["GrowMask"]({"mask": white, "expand": by})
    return Latent(shots[0].size, 1, shots, white, fresh)


def _for_inpainting(inputs: Inputs) -> Outputs:
    latent = _encoded(inputs, masked=inputs.get("noise_mask", True))
    return (inputs["positive"], inputs["negative"], latent)


def _padded(inputs: Inputs) -> Outputs:
    done = [pixels.padded(shot, inputs) for shot in inputs["image"]]
    return (tuple(shot for shot, _ in done), done[0][1])


def _scaled(inputs: Inputs) -> Outputs:
    size = (inputs["width"], inputs["height"])
    return (pixels.scaled_latent(inputs["samples"], size, inputs["crop"]),)


def _scaled_by(inputs: Inputs) -> Outputs:
    latent, by = inputs["samples"], inputs["scale_by"]
    size = (round(latent.size[0] * by), round(latent.size[1] * by))
    return (pixels.scaled_latent(latent, size, "disabled"),)


def _repeated(inputs: Inputs) -> Outputs:
    latent: Latent = inputs["samples"]
    if latent.shots:
        return (replace(latent, shots=latent.shots * inputs["amount"]),)
    return (replace(latent, count=min(64, latent.count * inputs["amount"])),)


def _some(inputs: Inputs) -> Outputs:
    latent: Latent = inputs["samples"]
    if not latent.shots:
        return (replace(latent, count=min(latent.count, inputs["length"])),)
    start = min(inputs["batch_index"], len(latent.shots) - 1)
    return (replace(latent, shots=latent.shots[start : start + inputs["length"]]),)


def _decoded(inputs: Inputs) -> Outputs:
    latent: Latent = inputs["samples"]
    if not latent.shots:
        raise RecipeRefused("an empty latent is no picture", hint="put a sampler before it")
    how = {"upscale_method": "lanczos", "crop": "disabled", "image": latent.shots}
    size = {"width": latent.size[0], "height": latent.size[1]}
    return (pixels.IMAGES["ImageScale"]({**how, **size}),)


def _value(inputs: Inputs) -> Outputs:
    return (inputs["value"],)


PLAIN: Mapping[str, Callable[[Inputs], Outputs]] = {
    "CLIPLoader": _own_words,
    "DualCLIPLoader": _own_words,
    "VAELoader": lambda _: ("vae",),
    "CLIPTextEncode": _text("text"),
    "CLIPTextEncodeSDXL": _text("text_g", "text_l"),
    "CLIPTextEncodeFlux": _text("clip_l", "t5xxl"),
    "ConditioningCombine": lambda i: (i["conditioning_1"].beside(i["conditioning_2"]),),
    "ConditioningConcat": lambda i: (i["conditioning_to"].after(i["conditioning_from"]),),
    "ConditioningZeroOut": lambda i: (replace(i["conditioning"], parts=(Part(""),)),),
    "FluxGuidance": lambda i: (replace(i["conditioning"], guidance=i["guidance"]),),
    "SetUnionControlNetType": lambda i: (replace(i["control_net"], type=i["type"]),),
    "ControlNetApply": _control("conditioning"),
    "ControlNetApplyAdvanced": _control("positive", "negative"),
    "EmptyLatentImage": _empty,
    "EmptySD3LatentImage": _empty,
    "VAEEncode": lambda i: (_encoded(i, masked=False),),
    "VAEEncodeForInpaint": lambda i: (_encoded(i, masked=True, fresh=True),),
    "InpaintModelConditioning": _for_inpainting,
    "SetLatentNoiseMask": lambda i: (replace(i["samples"], mask=i["mask"], fresh=False),),
    "LatentUpscale": _scaled,
    "LatentUpscaleBy": _scaled_by,
    "RepeatLatentBatch": _repeated,
    "LatentFromBatch": _some,
    "VAEDecode": _decoded,
    "VAEDecodeTiled": _decoded,
    "RandomNoise": lambda i: (i["noise_seed"],),
    "KSamplerSelect": lambda i: (i["sampler_name"],),
    "BasicScheduler": lambda i: (taken_from(i["scheduler"], i["steps"], i["denoise"]),),
    "BasicGuider": lambda i: (Guider(i["model"], i["conditioning"], None, 1.0),),
    "CFGGuider": lambda i: (Guider(i["model"], i["positive"], i["negative"], i["cfg"]),),
    "ImagePadForOutpaint": _padded,
    "PrimitiveInt": _value,
    "PrimitiveFloat": _value,
    "PrimitiveString": _value,
    "PrimitiveStringMultiline": _value,
    "PrimitiveBoolean": _value,
}
"""Nodes that need nothing but their inputs."""

_LOADERS = {"CheckpointLoaderSimple", "UNETLoader"}
_DECODERS = {"VAEDecode", "VAEDecodeTiled"}
_SLOW = {
    *("ImagePadForOutpaint", "InpaintModelConditioning", "VAEEncodeForInpaint"),
    *("LatentUpscale", "LatentUpscaleBy"),
}


def is_quick(kind: str, inputs: Inputs) -> bool:
    """Whether a node reads nothing and touches no pixels: then no thread is needed for it."""
    if kind in _DECODERS:
        latent: Latent = inputs["samples"]
        return all(shot.size == latent.size for shot in latent.shots)
    if kind in _LOADERS:  # models were looked up when the graph was checked
        return True
    return kind in PLAIN and kind not in _SLOW and all(map(_is_short, inputs.values()))


def _is_short(value: Any) -> bool:
    return not isinstance(value, str) or len(value) < 10_000
