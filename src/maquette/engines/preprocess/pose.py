"""Joints of one figure, by networks of RTMPose's kind (arXiv 2303.07399; DWPose, 2307.15880).

They answer, for each joint, how likely each column and each row is (SimCC). The first 17 joints
are COCO's; they are drawn as OpenPose does (arXiv 1812.08008), whose colours control networks know.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.engines.onnx import Onnx
from maquette.engines.preprocess.depth import normalised
from maquette.errors import ModelRefused, PictureRefused

__all__ = ["BONES", "draw_pose", "pose"]

MEAN = np.array([123.675 / 255, 116.28 / 255, 103.53 / 255], np.float32)
SPREAD = np.array([58.395 / 255, 57.12 / 255, 57.375 / 255], np.float32)
CONFIDENT = 0.3
COCO = (
    *("nose", "left eye", "right eye", "left ear", "right ear"),
    *("left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist"),
    *("left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle"),
)
JOINTS = (
    *("nose", "neck", "right shoulder", "right elbow", "right wrist"),
    *("left shoulder", "left elbow", "left wrist", "right hip", "right knee", "right ankle"),
    *("left hip", "left knee", "left ankle", "right eye", "left eye", "right ear", "left ear"),
)
"""OpenPose's order, which decides the colours."""
BONES = (
    *(("neck", "right shoulder"), ("neck", "left shoulder")),
    *(("right shoulder", "right elbow"), ("right elbow", "right wrist")),
    *(("left shoulder", "left elbow"), ("left elbow", "left wrist")),
    *(("neck", "right hip"), ("right hip", "right knee"), ("right knee", "right ankle")),
    *(("neck", "left hip"), ("left hip", "left knee"), ("left knee", "left ankle")),
    *(("neck", "nose"), ("nose", "right eye"), ("right eye", "right ear")),
    *(("nose", "left eye"), ("left eye", "left ear")),
)

Places = Mapping[str, tuple[float, float]]


def pose(image: Image.Image, network: Onnx) -> Image.Image:
    """The skeleton of the figure that fills a picture, in colours on black, of its size.

    Raises:
        ModelRefused: a network of other inputs or outputs.
        PictureRefused: no figure to be seen.
    """
    given = network.inputs[0]
    height, width = (given.shape[2], given.shape[3]) if len(given.shape) == 4 else (None, None)
    if not height or not width or len(network.outputs) != 2:
        raise ModelRefused(
            f"{network.path.name} does not answer columns and rows of joints",
            hint="use an estimator of RTMPose's kind, such as DWPose's",
        )
    share = min(width / image.width, height / image.height)
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    canvas = Image.new("RGB", (width, height))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    canvas.paste(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), (left, top))
    columns, rows = (
        each[0] for each in network.run({given.name: normalised(canvas, MEAN, SPREAD)})
    )
    if columns.ndim != 2 or rows.ndim != 2 or min(len(columns), len(rows)) < len(COCO):
        raise ModelRefused(f"{network.path.name} tells of fewer joints than a body has")
    seen = _places(columns, rows, (width, height))
    places = {name: ((x - left) / share, (y - top) / share) for name, (x, y) in seen.items()}
    if len(places) < 4:
        raise PictureRefused(
            "there is no figure to be seen in the picture",
            hint="give a picture that one figure fills, or bring a skeleton",
        )
    return draw_pose(places, image.size)


def _places(
    columns: npt.NDArray[np.float32], rows: npt.NDArray[np.float32], size: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for number, name in enumerate(COCO):
        across, down = columns[number], rows[number]
        if min(across.max(), down.max()) >= CONFIDENT:
            x = (int(across.argmax()) + 0.5) * size[0] / len(across)
            y = (int(down.argmax()) + 0.5) * size[1] / len(down)
            found[name] = x, y
    if "left shoulder" in found and "right shoulder" in found:
        (x1, y1), (x2, y2) = found["left shoulder"], found["right shoulder"]
        found["neck"] = (x1 + x2) / 2, (y1 + y2) / 2
    return found


def draw_pose(places: Places, size: tuple[int, int]) -> Image.Image:
    """Joints and the bones between them, on black. Bones are a little darker than joints."""
    width = max(2, round(min(size) / 100))
    array = np.zeros((size[1], size[0], 3), np.uint8)
    for number, (first, last) in enumerate(BONES):
        if first in places and last in places:
            colour = [0.6 * part for part in _colour(number)]
            cv2.line(array, _whole(places[first]), _whole(places[last]), colour, 2 * width)
    for number, name in enumerate(JOINTS):
        if name in places:
            cv2.circle(array, _whole(places[name]), width, _colour(number), -1)
    return Image.fromarray(array)


def _whole(place: tuple[float, float]) -> tuple[int, int]:
    return round(place[0]), round(place[1])


def _colour(number: int) -> tuple[float, float, float]:
    """The colour wheel in steps of a joint, red first."""
    red, green, blue = colorsys.hsv_to_rgb(number / len(JOINTS), 1, 1)
    return 255 * red, 255 * green, 255 * blue
