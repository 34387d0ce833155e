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


def face_teller(
    file: Path, width: int = 24, *, scaled: bool = False, seed: int = 5, side: int = 112
) -> Path:
    """An ONNX recogniser of faces: a random look at a coarse copy of the face. ``scaled`` shifts
    and scales the pixels itself, as exports of MXNet's networks do."""
    inputs = [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["batch", 3, side, side])]
    rng = np.random.default_rng(seed)
    held = [numpy_helper.from_array(rng.normal(size=(3 * 7 * 7, width)).astype(np.float32), "look")]
    nodes: list[Any] = []
    name = "face"
    if scaled:
        held += [numpy_helper.from_array(np.array(127.5, np.float32), "half")]
        held += [numpy_helper.from_array(np.array(1 / 127.5, np.float32), "share")]
        nodes += [helper.make_node("Sub", ["face", "half"], ["around"])]
        nodes += [helper.make_node("Mul", ["around", "share"], ["even"])]
        name = "even"
    cell = [side // 7, side // 7]
    nodes += [
        helper.make_node("AveragePool", [name], ["coarse"], kernel_shape=cell, strides=cell),
        helper.make_node("Flatten", ["coarse"], ["row"]),
        helper.make_node("MatMul", ["row", "look"], ["told"]),
    ]
    outputs = [helper.make_tensor_value_info("told", TensorProto.FLOAT, ["batch", width])]
    return _written(helper.make_graph(nodes, "teller", inputs, outputs, held), file)


NOSE, LARGE_NOSE = (255, 0, 255), (0, 255, 0)
"""What ``face_finder`` takes for the nose of a face of 64 pixels, and of one of 128."""
MARKS = ((-14, -18), (14, -18), (0, 0), (-11, 16), (11, 16))
"""Where a face of 64 pixels has its marks, seen from the middle of a cell of the nose."""


def scrfd(file: Path, side: int | None = 320) -> Path:
    """An ONNX network with SCRFD's nine outputs, two anchors a place, that finds what
    ``face_finder`` finds."""
    nodes: list[Any] = []
    held: list[Any] = []
    for rows, told in (
        (1, [-19.0, -99.0]),
        (4, [4.0] * 8),
        (10, [*(np.array(MARKS).ravel() / 8)] * 2),
    ):
        for stride in (8, 16, 32):
            colour = np.array({8: [1, -1, 1], 16: [-1, 1, -1]}.get(stride, [0, 0, 0]), np.float32)
            look = np.broadcast_to(
                20 * colour[None, :, None, None] / (3 * stride * stride), (2, 3, stride, stride)
            )
            weight = look if rows == 1 else np.zeros((2 * rows, 3, stride, stride))
            key = f"{rows}.{stride}"
            held += [numpy_helper.from_array(weight.astype(np.float32), f"{key}.weight")]
            held += [numpy_helper.from_array(np.array(told, np.float32), f"{key}.bias")]
            held += [numpy_helper.from_array(np.array([-1, rows], np.int64), f"{key}.shape")]
            nodes += [
                helper.make_node(
                    "Conv",
                    ["input.1", f"{key}.weight", f"{key}.bias"],
                    [f"{key}.seen"],
                    kernel_shape=[stride, stride],
                    strides=[stride, stride],
                ),
                helper.make_node(
                    "Transpose", [f"{key}.seen"], [f"{key}.turned"], perm=[0, 2, 3, 1]
                ),
                helper.make_node("Reshape", [f"{key}.turned", f"{key}.shape"], [key]),
            ]
    outputs = [
        helper.make_tensor_value_info(f"{rows}.{stride}", TensorProto.FLOAT, ["places", rows])
        for rows in (1, 4, 10)
        for stride in (8, 16, 32)
    ]
    sides = [1, 3, side or "rows", side or "columns"]
    inputs = [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, sides)]
    return _written(helper.make_graph(nodes, "scrfd", inputs, outputs, held), file)


def face_finder(file: Path) -> Path:
    """An ONNX network with YuNet's outputs that finds a face around each square of 24 pixels (48
    for a large one) in the colour of a nose."""
    nodes: list[Any] = []
    held: list[Any] = []
    outputs: list[Any] = []
    for stride in (8, 16, 32):
        # Pixels come as BGR, 0 to 255; where all of a cell is in the colour the sum is 1.
        colour = np.array({8: [1, -1, 1], 16: [-1, 1, -1]}.get(stride, [0, 0, 0]), np.float32)
        share = colour / (255 * max(1, int((colour > 0).sum())) * stride * stride)
        look = np.broadcast_to(share[None, :, None, None], (1, 3, stride, stride)).copy()
        box = [0.0, 0.0, np.log(8.0), np.log(8.0)]
        marks = np.array(MARKS, np.float32).ravel() / 8
        for head, rows in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            told = {"bbox": box, "kps": marks}.get(head, np.full(1, -19.0))
            # 20 x (sum - 0.95): only a whole cell counts, at 1.
            weight = 20 * look if rows == 1 else np.zeros((rows, 3, stride, stride))
            key = f"{head}_{stride}"
            held += [numpy_helper.from_array(weight.astype(np.float32), f"{key}.weight")]
            held += [numpy_helper.from_array(np.array(told, np.float32), f"{key}.bias")]
            held += [numpy_helper.from_array(np.array([1, -1, rows], np.int64), f"{key}.shape")]
            nodes += [
                helper.make_node(
                    "Conv",
                    ["input", f"{key}.weight", f"{key}.bias"],
                    [f"{key}.seen"],
                    kernel_shape=[stride, stride],
                    strides=[stride, stride],
                ),
                helper.make_node(
                    "Transpose", [f"{key}.seen"], [f"{key}.turned"], perm=[0, 2, 3, 1]
                ),
                helper.make_node("Reshape", [f"{key}.turned", f"{key}.shape"], [key]),
            ]
            outputs += [helper.make_tensor_value_info(key, TensorProto.FLOAT, [1, "places", rows])]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 320, 320])]
    return _written(helper.make_graph(nodes, "finder", inputs, outputs, held), file)
