"""The nodes that the face knows: their inputs, outputs and ranges.

Names and shapes are ComfyUI's own, for its clients send them; what each does here is in
``drawing.py``, ``pixels.py`` and ``wiring.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "LATENT_SIDE",
    "NODES",
    "UNION_TYPES",
    "WIRES",
    "Input",
    "Lists",
    "NodeType",
    "described",
]

WIRES = frozenset(
    {
        *("MODEL", "CLIP", "VAE", "CONDITIONING", "LATENT", "IMAGE", "MASK", "CONTROL_NET"),
        *("UPSCALE_MODEL", "NOISE", "SAMPLER", "SIGMAS", "GUIDER"),
    }
)
"""Kinds of values that come by wire alone."""

UNION_TYPES: Mapping[str, str] = {
    "openpose": "pose",
    "depth": "depth",
    "hed/pidi/scribble/ted": "lineart",
    "canny/lineart/anime_lineart/mlsd": "canny",
    "normal": "",
    "segment": "",
    "tile": "tile",
    "repaint": "",
}
"""What a union may be told to read, in ComfyUI's order, with the conditions here."""

LATENT_SIDE = "side"
"""A range that the model decides: see ``Lists.side``."""

_MOST = 16384
_SEED = 2**64 - 1


@dataclass(frozen=True)
class Lists:
    """What can be chosen: names by list, and the model's range of sides (best, step, least,
    most). ``has_file`` says whether there is a picture of a name to load."""

    names: Mapping[str, Sequence[str]]
    side: tuple[int, int, int, int]
    has_file: Callable[[str], bool] = lambda _: False

    def options(self, list_: str | Sequence[str]) -> Sequence[str]:
        """The options of a list by its name; one that is spelled out as it is."""
        return self.names.get(list_, ()) if isinstance(list_, str) else list_


@dataclass(frozen=True)
class Input:
    """``kind`` is a wire's, or INT, FLOAT, STRING, BOOLEAN, COMBO. ``options`` of a COMBO are a
    list's name (see ``Lists``) or spelled out."""

    kind: str
    default: Any = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    options: str | Sequence[str] = ()
    required: bool = True
    special: str = ""

    def bounds(self, lists: Lists) -> tuple[float | None, float | None]:
        """The least and the most."""
        if self.special == LATENT_SIDE:
            _, _, least, most = lists.side
            return least, most
        return self.low, self.high


@dataclass(frozen=True)
class NodeType:
    """A node's inputs by name, and the kinds and names of its outputs."""

    category: str
    inputs: Mapping[str, Input]
    outputs: Sequence[str] = ()
    names: Sequence[str] = ()
    title: str = ""
    saves: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _int(default: int, low: float, high: float, step: float = 1) -> Input:
    return Input("INT", default, low, high, step)


def _float(default: float, low: float, high: float, step: float = 0.01) -> Input:
    return Input("FLOAT", default, low, high, step)


def _of(options: str | Sequence[str]) -> Input:
    return Input("COMBO", options=options)


def _wire(kind: str, *, required: bool = True) -> Input:
    return Input(kind, required=required)


def _optional(given: Input) -> Input:
    return Input(
        given.kind, given.default, given.low, given.high, given.step, given.options, required=False
    )


_TEXT = Input("STRING", "", special="multiline")
_SIDE = Input("INT", special=LATENT_SIDE)
_PIXELS = _int(512, 1, _MOST)
_CORNER = _int(0, 0, _MOST)
_STEPS = _int(20, 1, 1000)
_CFG = _float(8.0, 0, 50, 0.1)
_NOISE = _int(0, 0, _SEED)
_DENOISE = _float(1.0, 0, 1)
_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
_LATENT_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")
_CROP = _of(("disabled", "center"))
_MODEL, _CLIP, _VAE = _wire("MODEL"), _wire("CLIP"), _wire("VAE")
_COND, _LATENT, _IMAGE, _MASK = (_wire(k) for k in ("CONDITIONING", "LATENT", "IMAGE", "MASK"))
_SAMPLER = {
    "model": _MODEL,
    "steps": _STEPS,
    "cfg": _CFG,
    "sampler_name": _of("samplers"),
    "scheduler": _of("schedulers"),
    "positive": _COND,
    "negative": _COND,
    "latent_image": _LATENT,
}
_EMPTY = {"width": _SIDE, "height": _SIDE, "batch_size": _int(1, 1, 64)}
_STRENGTH = _float(1.0, 0, 2)
_SHARE = _float(0.0, 0, 1, 0.001)
_WEIGHT = _float(1.0, -10, 10)
_CONTROL = {"control_net": _wire("CONTROL_NET"), "image": _IMAGE, "strength": _STRENGTH}
_BATCH = ("disable", "enable")

NODES: dict[str, NodeType] = {
    # What draws with what.
    "CheckpointLoaderSimple": NodeType(
        "loaders", {"ckpt_name": _of("checkpoints")}, ("MODEL", "CLIP", "VAE"),
        title="Load Checkpoint",
    ),
    "UNETLoader": NodeType(
        "advanced/loaders",
        {"unet_name": _of("checkpoints"), "weight_dtype": _optional(_of(("default",)))},
        ("MODEL",), title="Load Diffusion Model",
    ),
    "CLIPLoader": NodeType(
        "advanced/loaders",
        {"clip_name": _of("text_encoders"), "type": _optional(Input("STRING", ""))},
        ("CLIP",), title="Load CLIP",
    ),
    "DualCLIPLoader": NodeType(
        "advanced/loaders",
        {
            "clip_name1": _of("text_encoders"), "clip_name2": _of("text_encoders"),
            "type": _optional(Input("STRING", "")),
        },
        ("CLIP",),
    ),
    "VAELoader": NodeType("loaders", {"vae_name": _of("vae")}, ("VAE",), title="Load VAE"),
    "LoraLoader": NodeType(
        "loaders",
        {
            "model": _MODEL, "clip": _CLIP, "lora_name": _of("loras"),
            "strength_model": _WEIGHT, "strength_clip": _WEIGHT,
        },
        ("MODEL", "CLIP"), title="Load LoRA",
    ),
    "LoraLoaderModelOnly": NodeType(
        "loaders", {"model": _MODEL, "lora_name": _of("loras"), "strength_model": _WEIGHT},
        ("MODEL",),
    ),
    "ControlNetLoader": NodeType(
        "loaders", {"control_net_name": _of("controlnet")}, ("CONTROL_NET",),
        title="Load ControlNet Model",
    ),
    "UpscaleModelLoader": NodeType(
        "loaders", {"model_name": _of("upscale_models")}, ("UPSCALE_MODEL",),
        title="Load Upscale Model",
    ),
    # Words.
    "CLIPTextEncode": NodeType(
        "conditioning", {"text": _TEXT, "clip": _CLIP}, ("CONDITIONING",),
        title="CLIP Text Encode (Prompt)",
    ),
    "CLIPTextEncodeSDXL": NodeType(
        "advanced/conditioning",
        {
            "clip": _CLIP, "text_g": _TEXT, "text_l": _TEXT,
            **{
                name: _optional(_int(1024, 0, _MOST))
                for name in ("width", "height", "target_width", "target_height")
            },
            "crop_w": _optional(_CORNER), "crop_h": _optional(_CORNER),
        },
        ("CONDITIONING",),
    ),
    "CLIPTextEncodeFlux": NodeType(
        "advanced/conditioning/flux",
        {"clip": _CLIP, "clip_l": _TEXT, "t5xxl": _TEXT, "guidance": _float(3.5, 0, 50, 0.1)},
        ("CONDITIONING",),
    ),
    "CLIPSetLastLayer": NodeType(
        "conditioning", {"clip": _CLIP, "stop_at_clip_layer": _int(-1, -24, -1)}, ("CLIP",),
        title="CLIP Set Last Layer",
    ),
    "ConditioningCombine": NodeType(
        "conditioning", {"conditioning_1": _COND, "conditioning_2": _COND}, ("CONDITIONING",),
        title="Conditioning (Combine)",
    ),
    "ConditioningConcat": NodeType(
        "conditioning", {"conditioning_to": _COND, "conditioning_from": _COND}, ("CONDITIONING",),
        title="Conditioning (Concat)",
    ),
    "ConditioningZeroOut": NodeType(
        "advanced/conditioning", {"conditioning": _COND}, ("CONDITIONING",)
    ),
    "FluxGuidance": NodeType(
        "advanced/conditioning/flux",
        {"conditioning": _COND, "guidance": _float(3.5, 0, 50, 0.1)}, ("CONDITIONING",),
    ),
    "SetUnionControlNetType": NodeType(
        "conditioning/controlnet",
        {"control_net": _wire("CONTROL_NET"), "type": _of(("auto", *UNION_TYPES))},
        ("CONTROL_NET",),
    ),
    "ControlNetApply": NodeType(
        "conditioning/controlnet", {"conditioning": _COND, **_CONTROL}, ("CONDITIONING",),
        extra={"deprecated": True},
    ),
    "ControlNetApplyAdvanced": NodeType(
        "conditioning/controlnet",
        {
            "positive": _COND, "negative": _COND, **_CONTROL,
            "start_percent": _SHARE, "end_percent": _float(1.0, 0, 1, 0.001),
            "vae": _wire("VAE", required=False),
        },
        ("CONDITIONING", "CONDITIONING"), ("positive", "negative"), title="Apply ControlNet",
    ),
    # Latents: an empty canvas, or pictures to start from.
    "EmptyLatentImage": NodeType("latent", _EMPTY, ("LATENT",), title="Empty Latent Image"),
    "EmptySD3LatentImage": NodeType("latent/sd3", _EMPTY, ("LATENT",)),
    "VAEEncode": NodeType("latent", {"pixels": _IMAGE, "vae": _VAE}, ("LATENT",)),
    "VAEEncodeForInpaint": NodeType(
        "latent/inpaint",
        {"pixels": _IMAGE, "vae": _VAE, "mask": _MASK, "grow_mask_by": _int(6, 0, 64)},
        ("LATENT",), title="VAE Encode (for Inpainting)",
    ),
    "InpaintModelConditioning": NodeType(
        "conditioning/inpaint",
        {
            "positive": _COND, "negative": _COND, "vae": _VAE, "pixels": _IMAGE, "mask": _MASK,
            "noise_mask": _optional(Input("BOOLEAN", True)),
        },
        ("CONDITIONING", "CONDITIONING", "LATENT"), ("positive", "negative", "latent"),
    ),
    "SetLatentNoiseMask": NodeType(
        "latent/inpaint", {"samples": _LATENT, "mask": _MASK}, ("LATENT",)
    ),
    "LatentUpscale": NodeType(
        "latent",
        {
            "samples": _LATENT, "upscale_method": _of(_LATENT_METHODS),
            "width": _int(512, 0, _MOST, 8), "height": _int(512, 0, _MOST, 8), "crop": _CROP,
        },
        ("LATENT",),
    ),
    "LatentUpscaleBy": NodeType(
        "latent",
        {
            "samples": _LATENT, "upscale_method": _of(_LATENT_METHODS),
            "scale_by": _float(1.5, 0.01, 8),
        },
        ("LATENT",),
    ),
    "RepeatLatentBatch": NodeType(
        "latent/batch", {"samples": _LATENT, "amount": _int(1, 1, 64)}, ("LATENT",)
    ),
    "LatentFromBatch": NodeType(
        "latent/batch",
        {"samples": _LATENT, "batch_index": _int(0, 0, 63), "length": _int(1, 1, 64)},
        ("LATENT",),
    ),
    "VAEDecode": NodeType("latent", {"samples": _LATENT, "vae": _VAE}, ("IMAGE",)),
    "VAEDecodeTiled": NodeType(
        "_for_testing",
        {
            "samples": _LATENT, "vae": _VAE, "tile_size": _optional(_int(512, 64, 4096, 32)),
            "overlap": _optional(_int(64, 0, 4096, 32)),
        },
        ("IMAGE",),
    ),
    # What draws.
    "KSampler": NodeType(
        "sampling", {"seed": _NOISE, **_SAMPLER, "denoise": _DENOISE}, ("LATENT",)
    ),
    "KSamplerAdvanced": NodeType(
        "sampling",
        {
            "add_noise": _of(("enable", "disable")), "noise_seed": _NOISE, **_SAMPLER,
            "start_at_step": _int(0, 0, 10_000), "end_at_step": _int(10_000, 0, 10_000),
            "return_with_leftover_noise": _of(_BATCH),
        },
        ("LATENT",), title="KSampler (Advanced)",
    ),
    "RandomNoise": NodeType("sampling/custom_sampling/noise", {"noise_seed": _NOISE}, ("NOISE",)),
    "KSamplerSelect": NodeType(
        "sampling/custom_sampling/samplers", {"sampler_name": _of("samplers")}, ("SAMPLER",)
    ),
    "BasicScheduler": NodeType(
        "sampling/custom_sampling/schedulers",
        {
            "model": _MODEL, "scheduler": _of("schedulers"), "steps": _STEPS, "denoise": _DENOISE,
        },
        ("SIGMAS",),
    ),
    "BasicGuider": NodeType(
        "sampling/custom_sampling/guiders", {"model": _MODEL, "conditioning": _COND}, ("GUIDER",)
    ),
    "CFGGuider": NodeType(
        "sampling/custom_sampling/guiders",
        {"model": _MODEL, "positive": _COND, "negative": _COND, "cfg": _CFG}, ("GUIDER",),
    ),
    "SamplerCustomAdvanced": NodeType(
        "sampling/custom_sampling",
        {
            "noise": _wire("NOISE"), "guider": _wire("GUIDER"), "sampler": _wire("SAMPLER"),
            "sigmas": _wire("SIGMAS"), "latent_image": _LATENT,
        },
        ("LATENT", "LATENT"), ("output", "denoised_output"),
    ),
    # Pictures.
    "LoadImage": NodeType("image", {"image": _of("input")}, ("IMAGE", "MASK"), title="Load Image"),
    "LoadImageMask": NodeType(
        "mask", {"image": _of("input"), "channel": _of(("alpha", "red", "green", "blue"))},
        ("MASK",),
    ),
    "EmptyImage": NodeType(
        "image",
        {
            "width": _PIXELS, "height": _PIXELS, "batch_size": _int(1, 1, 64),
            "color": _int(0, 0, 0xFFFFFF),
        },
        ("IMAGE",),
    ),
    "ImageScale": NodeType(
        "image/upscaling",
        {
            "image": _IMAGE, "upscale_method": _of(_METHODS), "width": _int(512, 0, _MOST),
            "height": _int(512, 0, _MOST), "crop": _CROP,
        },
        ("IMAGE",), title="Upscale Image",
    ),
    "ImageScaleBy": NodeType(
        "image/upscaling",
        {"image": _IMAGE, "upscale_method": _of(_METHODS), "scale_by": _float(1.0, 0.01, 8)},
        ("IMAGE",), title="Upscale Image By",
    ),
    "ImageScaleToTotalPixels": NodeType(
        "image/upscaling",
        {"image": _IMAGE, "upscale_method": _of(_METHODS), "megapixels": _float(1.0, 0.01, 16)},
        ("IMAGE",),
    ),
    "ImageUpscaleWithModel": NodeType(
        "image/upscaling", {"upscale_model": _wire("UPSCALE_MODEL"), "image": _IMAGE}, ("IMAGE",),
        title="Upscale Image (using Model)",
    ),
    "ImageInvert": NodeType("image", {"image": _IMAGE}, ("IMAGE",), title="Invert Image"),
    "ImageCrop": NodeType(
        "image/transform",
        {"image": _IMAGE, "width": _PIXELS, "height": _PIXELS, "x": _CORNER, "y": _CORNER},
        ("IMAGE",),
    ),
    "ImageBlur": NodeType(
        "image/postprocessing",
        {"image": _IMAGE, "blur_radius": _int(1, 1, 31), "sigma": _float(1.0, 0.1, 10, 0.1)},
        ("IMAGE",),
    ),
    "ImageBatch": NodeType("image", {"image1": _IMAGE, "image2": _IMAGE}, ("IMAGE",)),
    "RepeatImageBatch": NodeType(
        "image/batch", {"image": _IMAGE, "amount": _int(1, 1, 64)}, ("IMAGE",)
    ),
    "ImageFromBatch": NodeType(
        "image/batch",
        {"image": _IMAGE, "batch_index": _int(0, 0, 63), "length": _int(1, 1, 64)}, ("IMAGE",),
    ),
    "ImagePadForOutpaint": NodeType(
        "image",
        {
            "image": _IMAGE,
            **{side: _int(0, 0, _MOST, 8) for side in ("left", "top", "right", "bottom")},
            "feathering": _int(40, 0, _MOST),
        },
        ("IMAGE", "MASK"), title="Pad Image for Outpainting",
    ),
    "ImageCompositeMasked": NodeType(
        "image",
        {
            "destination": _IMAGE, "source": _IMAGE, "x": _CORNER, "y": _CORNER,
            "resize_source": Input("BOOLEAN", False), "mask": _wire("MASK", required=False),
        },
        ("IMAGE",),
    ),
    # Masks: white is where something happens.
    "MaskToImage": NodeType("mask", {"mask": _MASK}, ("IMAGE",)),
    "ImageToMask": NodeType(
        "mask", {"image": _IMAGE, "channel": _of(("red", "green", "blue", "alpha"))}, ("MASK",)
    ),
    "InvertMask": NodeType("mask", {"mask": _MASK}, ("MASK",)),
    "SolidMask": NodeType(
        "mask", {"value": _float(1.0, 0, 1), "width": _PIXELS, "height": _PIXELS}, ("MASK",)
    ),
    "GrowMask": NodeType(
        "mask",
        {
            "mask": _MASK, "expand": _int(0, -512, 512),
            "tapered_corners": Input("BOOLEAN", True),
        },
        ("MASK",),
    ),
    "FeatherMask": NodeType(
        "mask",
        {"mask": _MASK, **{s: _int(0, 0, 4096) for s in ("left", "top", "right", "bottom")}},
        ("MASK",),
    ),
    "CropMask": NodeType(
        "mask",
        {"mask": _MASK, "x": _CORNER, "y": _CORNER, "width": _PIXELS, "height": _PIXELS},
        ("MASK",),
    ),
    "ThresholdMask": NodeType("mask", {"mask": _MASK, "value": _float(0.5, 0, 1)}, ("MASK",)),
    "MaskComposite": NodeType(
        "mask",
        {
            "destination": _MASK, "source": _MASK, "x": _CORNER, "y": _CORNER,
            "operation": _of(("multiply", "add", "subtract", "and", "or", "xor")),
        },
        ("MASK",),
    ),
    # Plain values.
    "PrimitiveInt": NodeType("utils/primitive", {"value": _int(0, -(2**63), _SEED)}, ("INT",)),
    "PrimitiveFloat": NodeType("utils/primitive", {"value": _float(0, -1e9, 1e9)}, ("FLOAT",)),
    "PrimitiveString": NodeType("utils/primitive", {"value": _TEXT}, ("STRING",)),
    "PrimitiveStringMultiline": NodeType("utils/primitive", {"value": _TEXT}, ("STRING",)),
    "PrimitiveBoolean": NodeType(
        "utils/primitive", {"value": Input("BOOLEAN", False)}, ("BOOLEAN",)
    ),
    # Where it goes.
    "SaveImage": NodeType(
        "image", {"images": _IMAGE, "filename_prefix": Input("STRING", "ComfyUI")},
        title="Save Image", saves=True,
    ),
    "PreviewImage": NodeType("image", {"images": _IMAGE}, title="Preview Image", saves=True),
    "SaveImageWebsocket": NodeType("api/image", {"images": _IMAGE}, saves=True),
}  # fmt: skip


def described(name: str, lists: Lists) -> dict[str, Any]:
    """A node in the form of ``/object_info``."""
    node = NODES[name]
    groups: dict[str, dict[str, Any]] = {"required": {}}
    for key, given in node.inputs.items():
        group = groups.setdefault("required" if given.required else "optional", {})
        group[key] = _described_input(given, lists)
    about = {
        "input": groups,
        "input_order": {group: list(found) for group, found in groups.items()},
        "output": list(node.outputs),
        "output_is_list": [False] * len(node.outputs),
        "output_name": list(node.names or node.outputs),
        "name": name,
        "display_name": node.title or name,
        "description": "",
        "python_module": "nodes",
        "category": node.category,
        "output_node": node.saves,
    }
    return {**about, **node.extra}


def _described_input(given: Input, lists: Lists) -> list[Any]:
    if given.kind == "COMBO":
        more = {"image_upload": True} if given.options == "input" else {}
        return [list(lists.options(given.options)), more]
    if given.kind in WIRES:
        return [given.kind]
    about: dict[str, Any] = {}
    if given.special == LATENT_SIDE:
        best, step, least, most = lists.side
        about = {"default": best, "min": least, "max": most, "step": step}
    else:
        told = {"min": given.low, "max": given.high, "step": given.step}
        about = {"default": given.default} if given.default is not None else {}
        about |= {key: value for key, value in told.items() if value is not None}
    if given.special == "multiline":
        about |= {"multiline": True, "dynamicPrompts": True}
    return [given.kind, about]
