"""ComfyUI's metadata: from the saved image back to the sampler, its prompts and its model.

The graph may do anything; what is read is the sampler that leads to the saved image. What is not
understood is named in ``unread``, and nothing in a graph can make reading fail or hang.
"""

from __future__ import annotations

import math
import re
from typing import Any

from maquette.exchange.comfygraph import Graph, Node, Wire, read_api, read_workflow
from maquette.exchange.comfywords import read_comfy_words
from maquette.exchange.parameters import Lead, Parameters, size_or_none
from maquette.exchange.samplers import read_comfyui

__all__ = ["read_comfyui_graph"]

_SAVERS = ("saveimage", "previewimage", "save image", "imagesave", "image save", "websocket")
_SAMPLERS = {"KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"}
_TEXTS = (("text",), ("text_g", "text_l"), ("clip_l", "t5xxl"), ("prompt",), ("positive",))
_NO_CONDITIONING = {"clip", "vae", "model", "control_net", "image", "mask", "clip_vision_output"}
_MODELS = ("ckpt_name", "unet_name", "model_name", "gguf_name")
_LONGEST = 100_000
_MOST = 32


def read_comfyui_graph(prompt: str = "", workflow: str = "") -> Parameters | None:
    """What the API graph says, else the interface's file; None where neither has a sampler."""
    for graph in (
        read_api(prompt) if prompt else None,
        read_workflow(workflow) if workflow else None,
    ):
        if graph is not None and (sampler := _sampler(graph)) is not None:
            return _Reader(graph).read(*sampler)
    return None


def _sampler(graph: Graph) -> tuple[Node, list[Node]] | None:
    """The sampler that made the saved picture, and those that only went over it again."""
    ends = [node for node in graph.nodes.values() if _saves(node)]
    ends.sort(key=lambda node: "preview" in node.kind.lower())
    for end in ends[:_MOST]:
        for name, wire in end.wires():
            if "image" not in name.lower():
                continue
            met = [node for node, _ in graph.back(wire, _anywhere) if _is_sampler(node)]
            if met:
                return _first_pass(graph, met)
    alone = [node for node in graph.nodes.values() if _is_sampler(node)]
    return (alone[0], []) if len(alone) == 1 and not ends else None


def _first_pass(graph: Graph, met: list[Node]) -> tuple[Node, list[Node]]:
    later: list[Node] = []
    for node in met[:_MOST]:
        latent = node.inputs.get("latent_image")
        before = [
            found
            for found, _ in graph.back(latent if isinstance(latent, Wire) else None, _anywhere)
            if _is_sampler(found) and found.id != node.id
        ]
        if not before:
            return node, later
        later.append(node)
    return met[0], []


def _saves(node: Node) -> bool:
    return any(word in node.kind.lower() for word in _SAVERS)


def _is_sampler(node: Node) -> bool:
    return node.kind in _SAMPLERS or (
        "sampler" in node.kind.lower() and {"positive", "negative"} <= node.inputs.keys()
    )


def _anywhere(node: Node, name: str, wire: Wire) -> bool:  # noqa: ARG001
    return True


class _Reader:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.unread: list[str] = []

    def read(self, sampler: Node, later: list[Node]) -> Parameters:
        guider = self._behind(sampler, "guider")
        noise = self._behind(sampler, "noise")
        schedule = self._behind(sampler, "sigmas")
        chooser = self._behind(sampler, "sampler")
        leader = guider or sampler
        positive = leader.inputs.get("positive") or leader.inputs.get("conditioning")
        reading = read_comfyui(
            _text(self._first(sampler, chooser, "sampler_name")),
            _text(self._first(sampler, schedule, "scheduler")),
        )
        model, loras = self._model(leader.inputs.get("model") or sampler.inputs.get("model"))
        width, height = self._size(sampler.inputs.get("latent_image"))
        strength = _number(self._first(sampler, schedule, "denoise"))
        if strength is not None and strength < 1:
            self.unread.append(f"denoise: {strength:g}")
        for node in later:
            steps, share = (self.graph.value(node, name) for name in ("steps", "denoise"))
            self.unread.append(f"second pass: {node.kind}, steps {steps}, denoise {share}")
        self.unread += [f"LoRA {name}: {weight:g}" for name, weight in loras]
        prompt = self._prompt(positive, "positive")
        negative = self._prompt(leader.inputs.get("negative"), "negative")
        return Parameters(
            prompt=prompt,
            negative=negative,
            sampler=reading.sampler,
            steps=_whole(self._first(sampler, schedule, "steps")),
            guidance=self._guidance(leader, sampler, positive),
            seed=_whole(self._first(sampler, noise, "seed", "noise_seed")),
            size=size_or_none(width, height),
            model=model,
            strength=strength,
            loras=loras,
            unread=(*reading.unread, *dict.fromkeys(self.unread)),
        )

    def _behind(self, node: Node, name: str) -> Node | None:
        wire = node.inputs.get(name)
        return self.graph.nodes.get(wire.node) if isinstance(wire, Wire) else None

    def _first(self, node: Node, other: Node | None, *names: str) -> Any:
        value = self.graph.value(node, *names)
        return self.graph.value(other, *names) if value is None and other is not None else value

    def _prompt(self, wire: Any, side: str) -> str:
        texts: list[str] = []
        silenced = False

        def follow(node: Node, name: str, by: Wire) -> bool:
            if _encodes(node) or "zeroout" in node.kind.lower() or name in _NO_CONDITIONING:
                return False
            if {"positive", "negative"} <= node.inputs.keys():
                # Two in, two out, in this order: stay on the side one came from.
                return name == ("negative" if by.slot == 1 else "positive")
            return True

        for node, _ in self.graph.back(wire if isinstance(wire, Wire) else None, follow):
            if _encodes(node):
                texts.append(self._encoded(node))
            elif isinstance(given := node.inputs.get(side), str):
                texts.append(given)  # loaders that hold the prompts themselves
            silenced = silenced or "zeroout" in node.kind.lower()
        texts = [text for text in dict.fromkeys(texts) if text]
        if len(texts) > 1:
            self.unread.append(f"{side} prompt: {len(texts)} prompts combined, joined with commas")
        if not texts and not silenced and isinstance(wire, Wire):
            self.unread.append(f"{side} prompt: its text could not be found in the graph")
        if any(re.search(r"\([^()]{1,500}:\s*[\d.]+\s*\)", text[:_LONGEST]) for text in texts):
            self.unread.append(
                "prompt weights: ComfyUI applies them otherwise than A1111's dialect"
            )
        return read_comfy_words(", ".join(texts)[:_LONGEST]).text

    def _encoded(self, node: Node) -> str:
        for names in _TEXTS:
            parts = [_text(self.graph.value(node, name)) for name in names]
            if any(parts):
                return ", ".join(part for part in dict.fromkeys(parts) if part)
        return ""

    def _guidance(self, leader: Node, sampler: Node, positive: Any) -> float | None:
        cfg = _number(self._first(leader, sampler, "cfg"))
        if cfg is None:
            for node, _ in self.graph.back(
                positive if isinstance(positive, Wire) else None, _anywhere
            ):
                if "guidance" in node.inputs:
                    value = _number(self.graph.value(node, "guidance"))
                    self.unread.append(f"distilled guidance: {value}")
                    break
        return cfg

    def _model(self, wire: Any) -> tuple[str, tuple[Lead, ...]]:
        loras: list[Lead] = []

        def follow(node: Node, name: str, by: Wire) -> bool:  # noqa: ARG001
            return name.lower().startswith(("model", "clip")) or len(node.inputs) == 1

        for node, _ in self.graph.back(wire if isinstance(wire, Wire) else None, follow):
            if name := _text(self.graph.value(node, "lora_name")):
                weight = _number(self.graph.value(node, "strength_model", "strength"))
                loras.append((_stem(name), 1.0 if weight is None else weight))
            elif name := _text(self.graph.value(node, *_MODELS)):
                return _stem(name), tuple(loras)
        return "", tuple(loras)

    def _size(self, wire: Any) -> tuple[Any, Any]:
        for node, _ in self.graph.back(wire if isinstance(wire, Wire) else None, _anywhere):
            if _is_sampler(node):
                break
            if "latent" in node.kind.lower() and {"width", "height"} <= node.inputs.keys():
                sides = (self.graph.value(node, name) for name in ("width", "height"))
                width, height = (_whole(side) for side in sides)
                return width, height
        return None, None


def _encodes(node: Node) -> bool:
    return "textencode" in node.kind.lower().replace(" ", "")


def _stem(name: str) -> str:
    return re.sub(r"\.(safetensors|ckpt|pt|sft|gguf|bin)$", "", name)


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 2**64 and math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(value) if number is not None and number == int(number) else None
