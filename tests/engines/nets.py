"""Small networks for tests: random weights in published layouts, and ONNX graphs of a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from maquette.engines.compact import Compact
from maquette.engines.learned.networks.rrdb import Rrdb
from maquette.engines.learned.networks.swinir import SwinIR

SWINIR: dict[str, Any] = {
    "features": 12,
    "groups": 2,
    "depth": 2,
    "heads": 2,
    "window": 8,
    "hidden": 24,
    "joint": 1,
    "tail": "direct",
    "scale": 2,
}


def soften(network: nn.Module, size: float = 0.05) -> nn.Module:
    """Small random weights from a seed, so that pictures stay pictures."""
    torch.manual_seed(3)
    for each in network.parameters():
        nn.init.normal_(each, std=size)
    return network.eval()


def compact(scale: int = 4) -> nn.Module:
    return soften(Compact(8, 2, scale))


def rrdb(**sizes: int) -> nn.Module:
    return soften(Rrdb(**{"features": 8, "growth": 4, "blocks": 2, "folded": 1, "ups": 4, **sizes}))


def swinir(**sizes: Any) -> nn.Module:
    return soften(SwinIR(**{**SWINIR, **sizes}))


def save(network: nn.Module, file: Path, rename: Any = None) -> Path:
    """Its weights as safetensors; ``rename`` gives other names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    held = {
        (rename(name) if rename else name): tensor.contiguous()
        for name, tensor in network.state_dict().items()
    }
    save_file(held, file)
    return file


def resizer(file: Path, scale: int = 2, side: int | None = None) -> Path:
    """An ONNX upscaler that repeats pixels; with ``side`` it takes that size alone."""
    size = side or "side"
    graph = helper.make_graph(
        [helper.make_node("Resize", ["in", "", "by"], ["out"], mode="nearest")],
        "resizer",
        [
            helper.make_tensor_value_info(
                "in", TensorProto.FLOAT, [1, 3, size, size if side else "wide"]
            )
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "by")],
    )
    return _written(graph, file)


def face_drawer(file: Path, factor: float, side: int = 64, *, weighted: bool = False) -> Path:
    """An ONNX face restorer that multiplies by ``factor``; ``weighted`` adds CodeFormer's input."""
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])]
    nodes = [helper.make_node("Mul", ["input", "factor"], ["output"])]
    if weighted:
        inputs.append(helper.make_tensor_value_info("weight", TensorProto.DOUBLE, []))
        nodes.append(helper.make_node("Identity", ["weight"], ["unused"]))
    graph = helper.make_graph(
        nodes,
        "drawer",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, side, side])],
        [numpy_helper.from_array(np.array(factor, np.float32), "factor")],
    )
    return _written(graph, file)


def _written(graph: Any, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, str(file))
    return file
