"""ComfyUI's graphs as plain values: nodes, their inputs, and walks that always end.

Two shapes of one thing: the API graph (``prompt``: what ran) and the interface's file
(``workflow``: boxes, wires and widgets). Both become ``Graph``. Everything here is untrusted:
types are checked at every step, walks remember where they were and count their steps.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Graph", "Node", "Wire", "read_api", "read_workflow"]

MAX_NODES = 20_000
_BYPASSED = {2, 4}  # muted, bypassed

_WIDGETS = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        *("add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
        *("start_at_step", "end_at_step", "return_with_leftover_noise"),
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "", "cfg"),
    "RandomNoise": ("noise_seed", ""),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps",),
    "CFGGuider": ("cfg",),
    "FluxGuidance": ("guidance",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "PrimitiveNode": ("value",),
}
"""Order of the widgets in the interface's file; '' is one that the API graph lacks."""


@dataclass(frozen=True)
class Wire:
    """An input that comes from another node's output."""

    node: str
    slot: int


@dataclass(frozen=True)
class Node:
    """One box: its type and its inputs, values or wires."""

    id: str
    kind: str
    inputs: Mapping[str, Any]

    def wires(self) -> Iterator[tuple[str, Wire]]:
        """The inputs that are wires, by name."""
        for name, value in self.inputs.items():
            if isinstance(value, Wire):
                yield name, value


@dataclass(frozen=True)
class Graph:
    """Nodes by id."""

    nodes: Mapping[str, Node] = field(default_factory=dict)

    def back(
        self, start: Wire | None, follow: Callable[[Node, str, Wire], bool]
    ) -> Iterator[tuple[Node, Wire]]:
        """Nodes met walking back from a wire, nearest first, each once.

        ``follow(node, input name, the wire by which the node was reached)`` says where to go on.
        """
        seen: set[str] = set()
        ahead = deque([start] if start else [])
        while ahead:
            wire = ahead.popleft()
            node = self.nodes.get(wire.node)
            if node is None or node.id in seen:
                continue
            seen.add(node.id)
            yield node, wire
            ahead.extend(next_ for name, next_ in node.wires() if follow(node, name, wire))

    def value(self, node: Node, *names: str) -> Any:
        """The first of a node's inputs by these names, wires followed to where a value stands."""
        for name in names:
            value = node.inputs.get(name)
            seen: set[str] = set()
            while isinstance(value, Wire) and value.node not in seen:
                seen.add(value.node)
                value = _standing(self.nodes.get(value.node))
            if value is not None and not isinstance(value, Wire):
                return value
        return None


def _standing(node: Node | None) -> Any:
    if node is None:
        return None
    usual = ("value", "seed", "noise_seed", "int", "float", "number", "text", "string", "String")
    for name in usual:
        if node.inputs.get(name) is not None:
            return node.inputs[name]
    # A reroute or the like: the only input there is.
    return next(iter(node.inputs.values())) if len(node.inputs) == 1 else None


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_api(text: str) -> Graph:
    """The API graph; an empty one for text that is none, or has too many nodes."""
    raw = _load(text)
    if not isinstance(raw, dict) or len(raw) > MAX_NODES:
        return Graph()
    nodes: dict[str, Node] = {}
    for key, box in raw.items():
        match box:
            case {"class_type": str(kind), "inputs": dict(inputs)}:
                values = {str(name): _wire_or_value(value) for name, value in inputs.items()}
                nodes[str(key)] = Node(str(key), kind, values)
            case _:
                continue
    return Graph(nodes)


def _wire_or_value(value: Any) -> Any:
    match value:
        case [str() | int() as node, int(slot)]:
            return Wire(str(node), slot)
        case str() | int() | float():
            return value
        case _:
            return None


def read_workflow(text: str) -> Graph:
    """The interface's file; an empty one for text that is none, or has too many nodes."""
    raw = _load(text)
    boxes = raw.get("nodes") if isinstance(raw, dict) else None
    links = raw.get("links") if isinstance(raw, dict) else None
    if not isinstance(boxes, list) or len(boxes) > MAX_NODES:
        return Graph()
    ends: dict[int, Wire] = {}
    for link in links if isinstance(links, list) else []:
        match link:
            case [int(number), int() | str() as source, int(slot), *_]:
                ends[number] = Wire(str(source), slot)
            case {"id": int(number), "origin_id": source, "origin_slot": int(slot)}:
                ends[number] = Wire(str(source), slot)
            case _:
                continue
    nodes: dict[str, Node] = {}
    for box in boxes:
        match box:
            case {"id": int() | str() as key, "type": str(kind)} if (
                box.get("mode") not in _BYPASSED
            ):
                nodes[str(key)] = Node(str(key), kind, _box_inputs(box, kind, ends))
            case _:
                continue
    return Graph(nodes)


def _box_inputs(box: dict[str, Any], kind: str, ends: Mapping[int, Wire]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    widgets = box.get("widgets_values")
    if isinstance(widgets, dict):
        values |= {str(name): _wire_or_value(value) for name, value in widgets.items()}
    elif isinstance(widgets, list):
        names = _WIDGETS.get(kind) or (("value",) if len(widgets) == 1 else ())
        values |= {
            name: _wire_or_value(value)
            for name, value in zip(names, widgets, strict=False)
            if name and not isinstance(value, list)
        }
    sockets = box.get("inputs")
    for socket in sockets if isinstance(sockets, list) else []:
        match socket:
            case {"name": str(name), "link": int(number)} if number in ends:
                values[name] = ends[number]
            case _:
                continue
    return values
