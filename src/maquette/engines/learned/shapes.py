"""What a network is and how large, told from the names and shapes of its tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maquette.engines.learned.onnx_header import read_graph
from maquette.errors import ModelRefused

__all__ = ["FACE_SIDE", "Recognises", "Shape", "finds", "plain_name", "recognises", "shape_of"]

Shapes = Mapping[str, tuple[int, ...]]

_PREFIX = re.compile(r"^(params_ema\.|params\.|state_dict\.|module\.|generator\.)+")
_OLD_HEADS = {
    "model.0": "conv_first",
    "model.3": "conv_up1",
    "model.6": "conv_up2",
    "model.8": "conv_hr",
    "model.10": "conv_last",
}
"""ESRGAN's first published weights numbered their layers, its second called them otherwise."""
_SECOND = {
    "trunk_conv": "conv_body",
    "upconv1": "conv_up1",
    "upconv2": "conv_up2",
    "HRconv": "conv_hr",
}


@dataclass(frozen=True)
class Shape:
    """A family, how many times it enlarges, and the sizes that its class wants."""

    family: Literal["compact", "rrdb", "swinir"]
    scale: int
    sizes: Mapping[str, int | str]


def plain_name(name: str) -> str:
    """A tensor's name as the newest code of its family writes it."""
    name = _PREFIX.sub("", name)
    found = re.fullmatch(r"RRDB_trunk\.(\d+)\.RDB([123])\.(conv[1-5]\.\w+)", name)
    if found:
        return f"body.{found[1]}.rdb{found[2]}.{found[3]}"
    head, _, part = name.rpartition(".")
    if head in _SECOND:
        return f"{_SECOND[head]}.{part}"
    if not name.startswith("model."):
        return name
    found = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB([123])\.conv([1-5])\.0\.(\w+)", name)
    if found:
        return f"body.{found[1]}.rdb{found[2]}.conv{found[3]}.{found[4]}"
    if re.fullmatch(r"model\.1\.sub\.\d+", head):
        return f"conv_body.{part}"
    return f"{_OLD_HEADS.get(head, head)}.{part}"


def shape_of(shapes: Shapes, file: str) -> Shape:
    """Raises:
    ModelRefused: tensors of no known family, or an impossible size.
    """
    plain = {plain_name(name): shape for name, shape in shapes.items()}
    try:
        if "body.0.rdb1.conv1.weight" in plain:
            return _rrdb(plain)
        if "layers.0.residual_group.blocks.0.attn.qkv.weight" in plain:
            return _swinir(plain)
        if len(plain.get("body.0.weight", ())) == 4 and len(plain.get("body.1.weight", ())) == 1:
            return _compact(plain)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise ModelRefused(f"{file} lacks a part of its network: {error}") from error
    some = ", ".join(sorted(plain)[:2]) or "no tensor"
    raise ModelRefused(
        f"{file} is no upscaler of a known family (it holds {some} …)",
        hint="Real-ESRGAN (compact and RRDB), ESRGAN and SwinIR are known; others as ONNX",
    )


def _root(value: int) -> int:
    root = math.isqrt(value)
    if root * root != value or not 1 <= root <= 8:
        raise ValueError(f"{value} channels for one pixel")
    return root


def _count(plain: Shapes, pattern: str) -> int:
    found = {int(match[1]) for name in plain if (match := re.match(pattern, name))}
    if found != set(range(len(found))):
        raise ValueError("a layer is missing")
    return len(found)


def _compact(plain: Shapes) -> Shape:
    layers = _count(plain, r"body\.(\d+)\.")
    last = plain[f"body.{layers - 1}.weight"]
    return Shape(
        "compact",
        _root(last[0] // 3),
        {"features": plain["body.0.weight"][0], "convolutions": (layers - 3) // 2},
    )


def _rrdb(plain: Shapes) -> Shape:
    first = plain["conv_first.weight"]
    folded = _root(first[1] // 3)
    ups = 4 if "conv_up2.weight" in plain else 2
    if ups % folded:
        raise ValueError(f"{first[1]} channels to begin with")
    return Shape(
        "rrdb",
        ups // folded,
        {
            "features": first[0],
            "growth": plain["body.0.rdb1.conv1.weight"][0],
            "blocks": _count(plain, r"body\.(\d+)\.rdb"),
            "folded": folded,
            "ups": ups,
        },
    )


def _swinir(plain: Shapes) -> Shape:
    first = plain["conv_first.weight"]
    if first[1] != 3:
        raise ValueError(f"{first[1]} colours, not 3")
    table = plain["layers.0.residual_group.blocks.0.attn.relative_position_bias_table"]
    groups = _count(plain, r"layers\.(\d+)\.")
    depths = [
        _count(plain, rf"layers\.{at}\.residual_group\.blocks\.(\d+)\.") for at in range(groups)
    ]
    if len(set(depths)) > 1:
        raise ValueError("groups of different depths")
    if "conv_up1.weight" in plain:
        tail, scale = "nearest", 4 if "conv_up2.weight" in plain else 2
    elif "conv_before_upsample.0.weight" in plain:
        tail, scale = "shuffle", 1
        for name, sides in plain.items():
            if re.fullmatch(r"upsample\.\d+\.weight", name):
                scale *= _root(sides[0] // sides[1])
    elif "upsample.0.weight" in plain:
        tail, scale = "direct", _root(plain["upsample.0.weight"][0] // 3)
    else:
        tail, scale = "none", 1
    return Shape(
        "swinir",
        scale,
        {
            "features": first[0],
            "groups": groups,
            "depth": depths[0],
            "heads": table[1],
            "window": (_odd_root(table[0]) + 1) // 2,
            "hidden": plain["layers.0.residual_group.blocks.0.mlp.fc1.weight"][0],
            "joint": 3 if "conv_after_body.0.weight" in plain else 1,
            "tail": tail,
        },
    )


def _odd_root(value: int) -> int:
    root = math.isqrt(value)
    if root * root != value or root % 2 == 0 or root > 127:
        raise ValueError(f"a table of {value} positions")
    return root


def finds(file: Path) -> Literal["yunet", "scrfd"]:
    """Which detector of faces an ONNX file holds, one that tells their marks. Reads no weights.

    Raises:
        ModelRefused: it is none.
    """
    graph = read_graph(file)
    names = {end.name for end in graph.outputs}
    if {
        f"{head}_{step}" for head in ("cls", "obj", "bbox", "kps") for step in (8, 16, 32)
    } <= names:
        return "yunet"
    wide = [end.shape[-1] if end.shape else None for end in graph.outputs]
    parts = [1] * 3 + [4] * 3 + [10] * 3
    if (len(graph.inputs), len(wide)) == (1, 9) and all(map(_one_of, wide, parts)):
        return "scrfd"
    raise ModelRefused(
        f"{file.name} is no detector of faces and their marks",
        hint="YuNet (face_detection_yunet_2023mar.onnx) and SCRFD (det_10g.onnx) are known",
    )


def _one_of(side: int | None, wanted: int) -> bool:
    return side in {None, wanted}


FACE_SIDE = 112
"""Pixels of the face that a recogniser reads."""


@dataclass(frozen=True)
class Recognises:
    """What a recogniser of faces answers: ``width`` numbers. ``scaled``: it brings pixels of 0 to
    255 to its own range by itself."""

    width: int
    scaled: bool


def recognises(file: Path) -> Recognises:
    """The shape of a recogniser of ArcFace's kind in an ONNX file. Reads no weights.

    Raises:
        ModelRefused: it is none.
    """
    graph = read_graph(file)
    hint = "ArcFace as ONNX is known, such as InsightFace's w600k_r50.onnx"
    reads = graph.inputs[0].shape if len(graph.inputs) == 1 else ()
    if len(reads) != 4 or any(
        side not in {wanted, None}
        for side, wanted in zip(reads[1:], (3, FACE_SIDE, FACE_SIDE), strict=True)
    ):
        raise ModelRefused(
            f"{file.name} is no recogniser: it does not read one face of {FACE_SIDE}x{FACE_SIDE}",
            hint=hint,
        )
    tells = graph.outputs[0].shape if len(graph.outputs) == 1 else ()
    width = tells[-1] if len(tells) == 2 else None
    if width is None or not 8 <= width <= 4096:
        raise ModelRefused(
            f"{file.name} is no recogniser: it does not answer one row of numbers", hint=hint
        )
    # Exports of MXNet's networks (and SFace) begin by shifting and scaling the pixels themselves.
    return Recognises(width, {"Sub", "Mul"} <= set(graph.first))
