"""A graph looked at before anything is done with it, and its faults in ComfyUI's own form.

``error`` says what is wrong with the whole, ``node_errors`` what is wrong with each node, and which
of the outputs depend on it. An output whose nodes are sound is carried out even if another's are
not, as there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maquette.server.compat.comfyui.nodes import NODES, Input, Lists, NodeType

__all__ = ["Checked", "GraphRefused", "Node", "check"]

MOST_NODES = 2_000
_SHOWN = 20


@dataclass(frozen=True)
class Node:
    """A node of a checked graph: values converted, wires as ``(node, slot)``."""

    id: str
    kind: str
    inputs: Mapping[str, Any]

    @property
    def type(self) -> NodeType:
        """What kind of node it is."""
        return NODES[self.kind]

    @property
    def wires(self) -> list[tuple[str, int]]:
        """Where its inputs come from."""
        return [value for value in self.inputs.values() if isinstance(value, tuple)]


@dataclass(frozen=True)
class Checked:
    """``order`` has the nodes that the sound ``outputs`` need, each after those it needs."""

    order: Sequence[Node]
    outputs: Sequence[str]
    node_errors: Mapping[str, Any] = field(default_factory=dict[str, Any])


class GraphRefused(Exception):
    """A graph of which nothing can be carried out."""

    def __init__(self, error: dict[str, Any], node_errors: Mapping[str, Any]) -> None:
        super().__init__(error["message"])
        self.body = {"error": error, "node_errors": dict(node_errors)}


def check(graph: Any, lists: Lists, *, only: Sequence[str] | None = None) -> Checked:
    """Check a graph in API form; ``only`` are the outputs that are wanted (all, if None).

    Raises:
        GraphRefused: a node that is not known, nothing to save, or no sound output.
    """
    if not isinstance(graph, dict) or not graph:
        raise GraphRefused(_fault("no_prompt", "There is no graph", ""), {})
    if len(graph) > MOST_NODES:
        told = f"{len(graph)} nodes, {MOST_NODES} at most"
        raise GraphRefused(_fault("invalid_prompt", "The graph is too large", told), {})
    for key, box in graph.items():
        _known(str(key), box)
    outputs = [
        key
        for key, box in graph.items()
        if NODES[box["class_type"]].saves and (only is None or key in only)
    ]
    if not outputs:
        raise GraphRefused(_fault("prompt_no_outputs", "Nothing in the graph saves a picture"), {})
    reader = _Reader(graph, lists)
    good = [key for key in outputs if reader.sound(key)]
    errors = reader.errors(outputs)
    if not good:
        lines = [
            f"{fault['message']}: {fault['details']}"
            for found in errors.values()
            for fault in found["errors"]
        ]
        about = "No output of the graph can be carried out"
        raise GraphRefused(
            _fault("prompt_outputs_failed_validation", about, "\n".join(lines)), errors
        )
    return Checked([reader.nodes[key] for key in reader.needed(good)], good, errors)


def _known(key: str, box: Any) -> None:
    if not isinstance(box, dict) or not isinstance(box.get("class_type"), str):
        about = "A node does not say what it is (class_type)"
        raise GraphRefused(_fault("invalid_prompt", about, f"Node ID '#{key}'"), {})
    kind = box["class_type"]
    if kind not in NODES:
        about = f"There is no node {kind[:100]} here"
        fault = _fault("missing_node_type", about, f"Node ID '#{key}'")
        fault["extra_info"] = {"node_id": key, "class_type": kind[:100], "node_title": _title(box)}
        raise GraphRefused(fault, {})


def _title(box: Mapping[str, Any]) -> str:
    meta = box.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return str(title or box["class_type"])[:100]


def _fault(kind: str, message: str, details: str = "", **extra: Any) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


class _Reader:
    """Nodes read on demand, each once; walks keep their own stack, for graphs come from anyone."""

    def __init__(self, graph: Mapping[str, Any], lists: Lists) -> None:
        self.graph, self.lists = graph, lists
        self.nodes: dict[str, Node] = {}
        self.faults: dict[str, list[dict[str, Any]]] = {}
        self._order: dict[str, list[str]] = {}

    def sound(self, output: str) -> bool:
        """Whether an output and all that it needs are without fault."""
        return not any(self.faults.get(key) for key in self.needed([output]))

    def errors(self, outputs: Sequence[str]) -> dict[str, Any]:
        """The faults of all nodes, with the outputs that depend on each."""
        found: dict[str, Any] = {}
        for output in outputs:
            for key in self.needed([output]):
                if self.faults.get(key):
                    about = {
                        "errors": self.faults[key],
                        "dependent_outputs": [],
                        "class_type": self.graph[key]["class_type"],
                    }
                    found.setdefault(key, about)["dependent_outputs"].append(output)
        return found

    def needed(self, outputs: Sequence[str]) -> list[str]:
        """The nodes that outputs need, each after those it needs."""
        order: dict[str, None] = {}
        for output in outputs:
            if output not in self._order:
                self._order[output] = self._walk(output)
            order |= dict.fromkeys(self._order[output])
        return list(order)

    def _walk(self, output: str) -> list[str]:
        done: dict[str, None] = {}
        open_: set[str] = set()
        ahead: list[tuple[str, bool]] = [(output, False)]
        while ahead:
            key, left = ahead.pop()
            if left:
                open_.discard(key)
                done[key] = None
                continue
            if key in done or key in open_:
                continue
            open_.add(key)
            ahead.append((key, True))
            for before, _ in self._node(key).wires:
                if before in open_:
                    self.faults.setdefault(key, []).append(
                        _fault("dependency_cycle", "The node needs its own result", f"#{before}")
                    )
                elif before not in done:
                    ahead.append((before, False))
        return list(done)

    def _node(self, key: str) -> Node:
        if key not in self.nodes:
            box = self.graph[key]
            kind = box["class_type"]
            given = box.get("inputs")
            given = given if isinstance(given, dict) else {}
            faults: list[dict[str, Any]] = []
            values: dict[str, Any] = {}
            for name, wanted in NODES[kind].inputs.items():
                if name not in given:
                    if wanted.required:
                        about = "A required input is missing"
                        faults.append(
                            _fault("required_input_missing", about, name, input_name=name)
                        )
                    continue
                found = self._read(name, given[name], wanted)
                if isinstance(found, _Fault):
                    faults.append(found.told)
                else:
                    values[name] = found
            self.nodes[key] = Node(key, kind, values)
            self.faults.setdefault(key, []).extend(faults)
        return self.nodes[key]

    def _read(self, name: str, value: Any, wanted: Input) -> Any:
        if isinstance(value, list):
            return self._wire(name, value, wanted)
        if isinstance(value, dict) and "__value__" in value:
            value = value["__value__"]
        if wanted.kind in _CONVERTED:
            return self._number(name, value, wanted)
        if wanted.kind == "STRING":
            return str(value)[:100_000]
        if wanted.kind == "BOOLEAN":
            return value if isinstance(value, bool) else str(value).lower() in {"true", "1"}
        if wanted.kind == "COMBO":
            return self._choice(name, value, wanted)
        about = f"The input comes from another node ({wanted.kind})"
        return _Fault(
            "bad_linked_input", about, name, {"input_name": name, "received_value": _short(value)}
        )

    def _wire(self, name: str, value: list[Any], wanted: Input) -> Any:
        extra = {"input_name": name, "received_value": _short(value)}
        match value:
            case [str() | int() as key, int() as slot] if not isinstance(slot, bool):
                source = self.graph.get(str(key))
            case _:
                about = "A link is a list of node and slot"
                return _Fault("bad_linked_input", about, name, extra)
        if source is None:
            return _Fault("bad_linked_input", "The link leads to no node", name, extra)
        outputs = NODES[source["class_type"]].outputs
        if not 0 <= slot < len(outputs):
            return _Fault("bad_linked_input", "The node has no such output", name, extra)
        kind = "STRING" if wanted.kind == "COMBO" else wanted.kind
        if outputs[slot] != kind and {outputs[slot], kind} != {"INT", "FLOAT"}:
            details = f"{name}, received_type({outputs[slot]}) mismatch input_type({kind})"
            extra |= {"received_type": outputs[slot], "linked_node": [str(key), slot]}
            return _Fault("return_type_mismatch", "A link of another kind", details, extra)
        return str(key), slot

    def _number(self, name: str, value: Any, wanted: Input) -> Any:
        extra: dict[str, Any] = {"input_name": name, "received_value": _short(value)}
        try:
            number = _CONVERTED[wanted.kind](value)
            if not math.isfinite(number):
                raise ValueError("it has no end")
        except (ValueError, TypeError, OverflowError) as error:
            about = f"The value is no {wanted.kind}"
            details = f"{name}, {_short(value)}"
            extra |= {"exception_message": str(error)[:200]}
            return _Fault("invalid_input_type", about, details, extra)
        low, high = wanted.bounds(self.lists)
        if low is not None and number < low:
            about = f"{number:g} is below the least, {low:g}"
            return _Fault("value_smaller_than_min", about, name, extra)
        if high is not None and number > high:
            about = f"{number:g} is above the most, {high:g}"
            return _Fault("value_bigger_than_max", about, name, extra)
        return number

    def _is_file(self, value: Any) -> bool:
        return isinstance(value, str) and self.lists.has_file(value)

    def _choice(self, name: str, value: Any, wanted: Input) -> Any:
        options = self.lists.options(wanted.options)
        if isinstance(value, str) and f"{value}.safetensors" in options:
            return f"{value}.safetensors"
        if value in options or (wanted.options == "input" and self._is_file(value)):
            return value
        shown: Any = list(options) if len(options) <= _SHOWN else f"a list of {len(options)}"
        extra = {"input_name": name, "received_value": _short(value)}
        details = f"{name}: '{_short(value)}' not in {shown}"
        return _Fault("value_not_in_list", "The value is not among those there are", details, extra)


class _Fault:
    def __init__(self, kind: str, message: str, details: str, extra: dict[str, Any]) -> None:
        self.told = _fault(kind, message, details, **extra)


_CONVERTED: dict[str, Any] = {"INT": int, "FLOAT": float}


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:200]
