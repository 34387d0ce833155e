"""Writing graphs of ComfyUI's own nodes, one node after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SAMPLERS", "SCHEDULERS", "Graph", "Sheet", "Wire", "sampler_inputs"]

Graph = dict[str, dict[str, Any]]
"""What ``/prompt`` takes: nodes by id, each ``{class_type, inputs}``; ``[id, slot]`` is a wire."""

Wire = tuple[str, int]
"""A node's id and which of its outputs."""

SAMPLERS = {
    "ddim": ("ddim", "ddim_uniform"),
    "dpm++": ("dpmpp_2m", "ddim_uniform"),
    "euler": ("euler", "ddim_uniform"),
    "euler-a": ("euler_ancestral", "ddim_uniform"),
    "lcm": ("lcm", "sgm_uniform"),
}
"""Our samplers as ComfyUI's sampler and scheduler. ``ddim_uniform`` takes the timesteps that
Stable Diffusion's own configurations ask for (diffusers calls them leading), as long as the number
of steps divides 1000; else it takes one step more."""

SCHEDULERS = {"leading": "ddim_uniform", "trailing": "simple", "linspace": "normal"}
"""ComfyUI's schedulers by how diffusers calls the spacing of the same timesteps."""


class Sheet:
    """A graph that grows. Nodes are named in words, which become their titles; ``numbered`` gives
    them the numbers that the interface of ComfyUI expects."""

    def __init__(self) -> None:
        self.graph: Graph = {}

    def add(self, name: str, kind: str, **inputs: Any) -> str:
        """Add a node; its id, which is ``name`` unless there is one of that name."""
        place, count = name, 1
        while place in self.graph:
            count += 1
            place = f"{name} {count}"
        values = {key: list(value) if _is_wire(value) else value for key, value in inputs.items()}
        self.graph[place] = {"class_type": kind, "inputs": values}
        return place

    def numbered(self) -> Graph:
        """The same graph with numbers for ids, and the names as titles."""
        numbers = {name: str(place) for place, name in enumerate(self.graph, 1)}

        def wire(value: Any) -> Any:
            known = isinstance(value, list) and len(value) == 2 and value[0] in numbers
            return [numbers[value[0]], value[1]] if known else value

        return {
            numbers[name]: {
                "class_type": node["class_type"],
                "inputs": {key: wire(value) for key, value in node["inputs"].items()},
                "_meta": {"title": name},
            }
            for name, node in self.graph.items()
        }


def _is_wire(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def sampler_inputs(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The node that draws, and its settings: those of ``KSampler`` from pure noise.

    From a picture it is ``KSamplerAdvanced``, which takes the last steps of as many as there are:
    ``KSampler`` would take all of them over the rest of the way, which is another picture.
    """
    shared = {
        "steps": values["steps"],
        "cfg": values["guidance"],
        "sampler_name": values["sampler"],
        "scheduler": values["scheduler"],
    }
    if values["strength"] >= 1:
        return "KSampler", {"seed": values["seed"], **shared, "denoise": 1.0}
    steps = values["steps"]
    return "KSamplerAdvanced", {
        "add_noise": "enable",
        "noise_seed": values["seed"],
        **shared,
        "start_at_step": steps - max(1, min(int(steps * values["strength"]), steps)),
        "end_at_step": 10_000,
        "return_with_leftover_noise": "disable",
    }
