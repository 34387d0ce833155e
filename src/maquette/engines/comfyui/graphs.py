"""The graphs that are sent: one for each task out of ComfyUI's own nodes, or a workflow of the
user's with named holes.

A workflow is saved in ComfyUI with 'Export (API)'. Where a recipe's value belongs it says
``{{prompt}}``, ``{{negative}}``, ``{{seed}}``, ``{{steps}}``, ``{{guidance}}``, ``{{sampler}}``,
``{{scheduler}}``, ``{{width}}``, ``{{height}}``, ``{{strength}}``, ``{{image}}`` or ``{{mask}}``;
a text that is nothing but a hole becomes the value itself, with its type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.core.canonical import canonical_json, sha256_hex
from maquette.engines.comfyui.adapters import union_type
from maquette.engines.comfyui.sheet import SAMPLERS, Graph, Sheet, Wire, sampler_inputs
from maquette.errors import ModelMissing, ModelRefused

__all__ = ["HOLES", "SAMPLERS", "Graph", "Workflow", "built_in", "read_workflow"]

HOLES = frozenset(
    {
        *("prompt", "negative", "seed", "steps", "guidance", "sampler", "scheduler"),
        *("width", "height", "strength", "image", "mask"),
    }
)
_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
MAX_FILE = 4 * 2**20


def built_in(model: str, values: Mapping[str, Any]) -> Graph:
    """A checkpoint, two texts, a sampler; with ``image`` it starts from a picture, with ``mask``
    it draws where that is white."""
    sheet = Sheet()
    sheet.add("model", "CheckpointLoaderSimple", ckpt_name=model)
    network, words = _adapted(sheet, values)
    sheet.add("prompt", "CLIPTextEncode", clip=words, text=values["prompt"])
    sheet.add("negative", "CLIPTextEncode", clip=words, text=values["negative"])
    positive, negative = _steered(sheet, values)
    kind, settings = sampler_inputs(values)
    sheet.add(
        "sampler",
        kind,
        model=network,
        positive=positive,
        negative=negative,
        latent_image=("latent", 0),
        **settings,
    )
    sheet.add("picture", "VAEDecode", samples=("sampler", 0), vae=("model", 2))
    sheet.add("save", "SaveImage", images=("picture", 0), filename_prefix="maquette")
    if "image" not in values:
        size = {"width": values["width"], "height": values["height"]}
        sheet.add("latent", "EmptyLatentImage", **size, batch_size=1)
        return sheet.graph
    sheet.add("image", "LoadImage", image=values["image"])
    place = "latent" if "mask" not in values else "encoded"
    sheet.add(place, "VAEEncode", pixels=("image", 0), vae=("model", 2))
    if "mask" in values:
        sheet.add("mask", "LoadImageMask", image=values["mask"], channel="red")
        sheet.add("latent", "SetLatentNoiseMask", samples=("encoded", 0), mask=("mask", 0))
    return sheet.graph


def _adapted(sheet: Sheet, values: Mapping[str, Any]) -> tuple[Wire, Wire]:
    """Network and words under the LoRAs, one after another."""
    network: Wire = ("model", 0)
    words: Wire = ("model", 1)
    for file, weight, told in values.get("loras", ()):
        how = {"lora_name": file, "strength_model": weight, "strength_clip": told}
        node = sheet.add("LoRA", "LoraLoader", model=network, clip=words, **how)
        network, words = (node, 0), (node, 1)
    return network, words


def _steered(sheet: Sheet, values: Mapping[str, Any]) -> tuple[Wire, Wire]:
    """What is said and what is not, under the structures to obey."""
    positive: Wire = ("prompt", 0)
    negative: Wire = ("negative", 0)
    for file, image, control in values.get("controls", ()):
        network = sheet.add("control", "ControlNetLoader", control_net_name=file)
        if told := union_type(file, control.condition):
            wire = (network, 0)
            network = sheet.add("mode", "SetUnionControlNetType", control_net=wire, type=told)
        shown = sheet.add("map", "LoadImage", image=image)
        how = {"strength": control.strength, "start_percent": control.start}
        node = sheet.add(
            control.condition, "ControlNetApplyAdvanced", positive=positive, negative=negative,
            control_net=(network, 0), image=(shown, 0), end_percent=control.end,
            vae=("model", 2), **how,  # SD3's and FLUX's read their maps as latents
        )  # fmt: skip
        positive, negative = (node, 0), (node, 1)
    return positive, negative


@dataclass(frozen=True)
class Workflow:
    """A user's graph and the holes that it has."""

    path: str
    graph: Graph
    holes: frozenset[str]

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON."""
        return sha256_hex(canonical_json(self.graph).encode("utf-8", "surrogatepass"))

    def filled(self, values: Mapping[str, Any]) -> Graph:
        """The graph with every hole filled."""
        return _filled(self.graph, values)


def read_workflow(path: Path) -> Workflow:
    """A workflow in API form.

    Raises:
        ModelMissing: there is no such file.
        ModelRefused: it is no API graph, has no ``{{prompt}}``, or a hole that nobody fills.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise ModelRefused(f"{path} is too large for a workflow")
        graph: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelMissing(f"there is no workflow {path}", hint="check its path") from error
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{path} is no JSON", hint="save it in ComfyUI") from error
    nodes = (
        isinstance(graph, dict)
        and bool(graph)
        and all(
            isinstance(node, dict) and isinstance(node.get("inputs"), dict) and "class_type" in node
            for node in graph.values()
        )
    )
    if not nodes:
        raise ModelRefused(
            f"{path} is no graph that ComfyUI's API takes",
            hint="save it in ComfyUI with 'Export (API)'",
        )
    holes = frozenset(_HOLE.findall(json.dumps(graph)))
    if strange := sorted(holes - HOLES):
        raise ModelRefused(
            f"{path} has a hole '{strange[0]}' that nothing fits",
            hint=f"there are {', '.join(sorted(HOLES))}",
        )
    if "prompt" not in holes:
        raise ModelRefused(f"{path} has no hole for the words", hint="write {{prompt}} there")
    return Workflow(str(path), graph, holes)


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if not isinstance(value, str):
        return value
    if whole := _HOLE.fullmatch(value.strip()):
        return values[whole[1]]
    return _HOLE.sub(lambda found: str(values[found[1]]), value)
