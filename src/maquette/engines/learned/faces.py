"""Faces cut out, drawn anew by a network, and put back where they were.

The networks (GFPGAN, Wang et al., 2021, arXiv:2101.04061; CodeFormer, Zhou et al., 2022,
arXiv:2206.11253) draw faces that are placed as in FFHQ, 512 pixels a side. Where a face's marks
are known it is turned there; else the box around it is enlarged to the same frame.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.geometry import Box
from maquette.core.pixel_tasks import Face, Restore
from maquette.engines.onnx import Onnx
from maquette.errors import EngineFailed, ModelRefused

__all__ = ["restored"]

Floats = npt.NDArray[np.float32]

_SIDE = 512
# Where FFHQ has eyes, nose and the corners of the mouth, of 512 (facexlib's template).
_FRAME = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ],
    np.float32,
)
_ROOM = 1.7
"""The frame's side by the side of a box around eyes, nose and mouth, as Haar's cascades give."""
_UP = 0.06
"""How far above its middle the frame lies, of its side."""
_EDGE = 0.09
"""The share of the frame over which the new face fades out."""


def restored(
    source: Image.Image, task: Restore, network: Onnx
) -> Generator[tuple[int, int], None, Image.Image]:
    """Yields (faces done, faces), returns the picture in its own mode. Pixels outside the faces'
    frames keep their bytes.

    Raises:
        EngineFailed, ModelRefused: a face outside the picture; a network that is no restorer.
    """
    result = np.array(source if source.mode in {"RGB", "RGBA"} else source.convert("RGB"))
    draw = _Drawer(network)
    for done, face in enumerate(task.faces, 1):
        if face.box.right > source.width or face.box.bottom > source.height:
            raise EngineFailed(f"the face {face.box.corners} leaves the picture")
        _restore(result, face, draw, task.strength)
        yield done, len(task.faces)
    return Image.fromarray(result)


def _restore(result: npt.NDArray[np.uint8], face: Face, draw: _Drawer, strength: float) -> None:
    side = draw.side
    there = _matrix(face, side)
    pixels = np.ascontiguousarray(result[..., :3])
    turned = cv2.warpAffine(
        pixels, there, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    drawn = draw(turned.astype(np.float32) / np.float32(255))
    fade = _fade(side)
    larger = float(np.hypot(there[0, 0], there[1, 0]))
    if larger > 1:  # else fine lines would be skipped on the way back
        small = max(8, round(side / larger))
        there = there * np.float32(small / side)
        drawn, fade = (
            cv2.resize(each, (small, small), interpolation=cv2.INTER_AREA) for each in (drawn, fade)
        )
    height, width = result.shape[:2]
    back = cv2.invertAffineTransform(there)
    size = (width, height)
    new = cv2.warpAffine(drawn, back, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(fade, back, size, flags=cv2.INTER_LINEAR) * strength
    touched = share > 0
    old = result[..., :3][touched].astype(np.float32)
    mixed = old + (new[touched] * 255 - old) * share[touched][:, None]
    result[..., :3][touched] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _matrix(face: Face, side: int) -> Floats:
    """From the picture to the frame: turning, one scale, shifting."""
    if len(face.marks) == 5:
        marks = np.array(face.marks, np.float32)
        found: Any = cv2.estimateAffinePartial2D(marks, _FRAME * (side / _SIDE), method=cv2.LMEDS)
        if found[0] is not None:
            return found[0].astype(np.float32)
    frame = _frame_of(face.box)
    scale = side / frame[2]
    return np.array([[scale, 0, -frame[0] * scale], [0, scale, -frame[1] * scale]], np.float32)


def _frame_of(box: Box) -> tuple[float, float, float]:
    side = _ROOM * max(box.width, box.height)
    middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
    return middle_x - side / 2, middle_y - side / 2 - _UP * side, side


def _fade(side: int) -> Floats:
    edge = max(2, int(_EDGE * side))
    inner = np.zeros((side, side), np.float32)
    inner[edge:-edge, edge:-edge] = 1
    return cv2.GaussianBlur(inner, (0, 0), edge / 2.5) * _inside(side)


def _inside(side: int) -> Floats:
    """0 on the very border, so that nothing reaches beyond the frame."""
    flags = np.ones((side, side), np.float32)
    flags[[0, -1], :] = 0
    flags[:, [0, -1]] = 0
    return flags


class _Drawer:
    """A restorer as a function of one face (side, side, 3), 0 to 1.

    It reads (1, 3, side, side) from -1 to 1 and answers the same; a second, single number is
    CodeFormer's weight, 0 for the finest and 1 for the most faithful.
    """

    def __init__(self, network: Onnx) -> None:
        self._network = network
        pictures = [port for port in network.inputs if len(port.shape) == 4]
        numbers = [port for port in network.inputs if len(port.shape) < 2]
        if len(pictures) != 1 or len(pictures) + len(numbers) != len(network.inputs):
            raise ModelRefused(
                f"{network.path.name} is no face restorer: it does not read one face",
                hint="GFPGAN and CodeFormer as ONNX are known",
            )
        self._face, self._numbers = pictures[0], numbers
        self.side = self._face.shape[2] or _SIDE

    def __call__(self, face: Floats) -> Floats:
        given: dict[str, Any] = {
            self._face.name: (face.transpose(2, 0, 1)[None] * 2 - 1).astype(_dtype(self._face.kind))
        }
        for port in self._numbers:
            shape = [side or 1 for side in port.shape]
            given[port.name] = np.full(shape, 0.7, _dtype(port.kind))
        made = self._network.run(given)[0]
        if made.shape != (1, 3, self.side, self.side):
            raise ModelRefused(
                f"{self._network.path.name} is no face restorer: it answers {made.shape}"
            )
        return np.clip((made[0].transpose(1, 2, 0).astype(np.float32) + 1) / 2, 0, 1)


def _dtype(kind: str) -> Any:
    return {"tensor(double)": np.float64, "tensor(float16)": np.float16}.get(kind, np.float32)
