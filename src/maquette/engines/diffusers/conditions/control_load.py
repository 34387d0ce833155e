"""ControlNets loaded: folders by diffusers, single files renamed; every tensor must be there."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from maquette.engines.diffusers.conditions.controlnets import ControlNet, read_controlnet
from maquette.engines.diffusers.convert import Tensors, as_flux
from maquette.engines.diffusers.weights import Parts, quiet
from maquette.errors import MaquetteError, ModelRefused

__all__ = ["load_control"]

_HINT = {0: "conv_in", 14: "conv_out", **{2 * n + 2: f"blocks.{n}" for n in range(6)}}
"""XLabs' convolutions over a map, by their place in a row of them and activations."""


def load_control(path: Path, digest: str, parts: Parts) -> Any:
    """A ControlNet on the model's device, of its number type; loaded once for each digest.

    Raises:
        ModelRefused: files that are damaged or do not belong together.
    """
    configs = parts.card.configs
    own = configs.get("unet") or configs["transformer"]
    return _loaded(path, digest, json.dumps(dict(own)), parts.device, parts.dtype)


@lru_cache(maxsize=4)
def _loaded(
    path: Path,
    digest: str,  # noqa: ARG001 (other bytes are another network)
    own: str,
    device: torch.device,
    dtype: torch.dtype,
) -> Any:
    try:
        with quiet():
            net = read_controlnet(path)
            if net is None:
                raise ModelRefused(f"{path.name} is no ControlNet")
            # The stock class of FLUX's has no place for a mask.
            stock = path.is_dir() and not (net.fills and net.kind == "flux")
            network = _folder(path, net, dtype) if stock else _file(path, net, own, dtype)
    except MaquetteError:
        raise
    except Exception as error:
        raise ModelRefused(
            f"the network {path.name} does not load: {str(error).splitlines()[0][:200]}",
            hint="its files are damaged or do not belong together; get it again",
        ) from error
    return network.to(device).eval().requires_grad_(False)


def _class(net: ControlNet) -> Any:
    if net.kind == "unet":
        from diffusers.models.controlnets.controlnet import ControlNetModel as Network
    elif net.kind == "sd3":
        from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel as Network
    else:
        from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel as Network
    return Network


def _folder(path: Path, net: ControlNet, dtype: torch.dtype) -> Any:
    names = [file.name for file in path.glob("*.safetensors")]
    variant = "fp16" if names and all(".fp16" in name for name in names) else None
    network, told = _class(net).from_pretrained(
        path,
        local_files_only=True,
        use_safetensors=True,
        torch_dtype=dtype,
        variant=variant,
        output_loading_info=True,
    )
    if missing := sorted(told["missing_keys"]):
        # They would be left at random.
        raise ModelRefused(
            f"the network {path.name} lacks {len(missing)} tensors, such as {missing[0]}",
            hint="get it again",
        )
    return network


def _file(path: Path, net: ControlNet, own: str, dtype: torch.dtype) -> Any:
    from accelerate import init_empty_weights
    from safetensors.torch import load_file

    config = _whole(net, json.loads(own))
    with init_empty_weights():
        network = _class(net)(**config)
        if net.kind == "flux" and net.fills:
            network.controlnet_x_embedder = torch.nn.Linear(net.given, net.width)
    given: Tensors = {}
    for file in sorted(path.glob("*.safetensors")) if path.is_dir() else [path]:
        given |= load_file(file)
    match net.layout:
        case "stability":
            tensors = _stability(given)
        case "xlabs":
            tensors = _xlabs(given)
        case "ldm":
            tensors = _first(given, config)
        case "diffusers":
            tensors = given
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    wrong = [name for name, value in tensors.items() if wanted.get(name) != value.shape]
    missing = sorted(set(wanted) - set(tensors))
    if missing or wrong:
        raise ModelRefused(
            f"{path.name} lacks {len(missing)} tensors and {len(wrong)} do not fit, such as"
            f" {(missing or wrong)[0]}",
            hint="get it again, or its folder as diffusers saves it",
        )
    tensors = {name: value.to(dtype) for name, value in tensors.items()}
    network.load_state_dict(tensors, strict=True, assign=True)
    return network


def _whole(net: ControlNet, own: Mapping[str, Any]) -> dict[str, Any]:
    """What its shapes say, and the rest as the model's own network has it."""
    known = inspect.signature(_class(net).__init__).parameters
    config = {key: value for key, value in net.config.items() if key in known}
    if net.kind == "unet":
        shared = {key: value for key, value in own.items() if key in known}
        return {**shared, **config}
    head = int(own.get("attention_head_dim") or 64)
    if net.kind == "sd3":
        return {**config, "attention_head_dim": head, "num_attention_heads": net.width // head}
    return {"axes_dims_rope": own.get("axes_dims_rope") or [16, 56, 56], **config}


def _first(given: Tensors, config: Mapping[str, Any]) -> Tensors:
    """The names of the first ControlNets to diffusers', by its own converter."""
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    made = convert_controlnet_checkpoint(dict(given), {"layers_per_block": 2, **config})
    return {name: value for name, value in made.items() if value is not None}


def _stability(given: Tensors) -> Tensors:
    """Stability AI's names to diffusers': queries, keys and values lie in one layer there."""
    plain = {
        "attn.proj": "attn.to_out.0",
        "mlp.fc1": "ff.net.0.proj",
        "mlp.fc2": "ff.net.2",
        "adaLN_modulation.1": "norm1.linear",
    }
    found: Tensors = {}
    for name, tensor in given.items():
        stem, _, kind = name.rpartition(".")
        first, _, inner = stem.partition(".")
        number, _, inner = inner.partition(".")
        if first != "transformer_blocks":
            # Its own places would be those of another model; it is given the transformer's.
            if not name.startswith(("control_type", "x_embedder.", "pos_embed.")):
                found[name] = tensor
        elif inner == "attn.qkv":
            for which, piece in zip("qkv", tensor.chunk(3), strict=True):
                found[f"{first}.{number}.attn.to_{which}.{kind}"] = piece.contiguous()
        else:
            found[f"{first}.{number}.{plain.get(inner, inner)}.{kind}"] = tensor
    return found


def _xlabs(given: Tensors) -> Tensors:
    """XLabs' names to diffusers': FLUX's own, and a row of convolutions over the map."""
    found: Tensors = {}
    rest: Tensors = {}
    for name, tensor in given.items():
        first, _, inner = name.partition(".")
        if first == "input_hint_block":
            number, _, kind = inner.partition(".")
            found[f"{first}.{_HINT[int(number)]}.{kind}"] = tensor
        elif first == "pos_embed_input":
            found[f"controlnet_x_embedder.{inner}"] = tensor
        elif first == "controlnet_blocks":
            found[name] = tensor
        else:
            rest[name] = tensor
    return {**found, **as_flux(rest)}
