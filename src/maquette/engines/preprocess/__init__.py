"""Maps that need a network: depth and poses, by ONNX files in ``MAQUETTE_MODELS/estimators``.

A file is an estimator of depth or of poses by its name: ``depth…onnx``, ``…pose….onnx``.
"""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from maquette.engines.onnx import Onnx
from maquette.errors import ModelMissing

__all__ = ["ESTIMATORS", "estimate", "find_estimator"]

ESTIMATORS = "estimators"
_MARKS = {"depth": ("depth", "midas", "dpt"), "pose": ("pose", "dw-ll", "rtm")}
_BRING = {
    "depth": "a depth map of the picture's size, near bright",
    "pose": "a skeleton in OpenPose's colours on black, of the picture's size",
}


def find_estimator(kind: str, models: Path | None = None) -> Path:
    """The estimator of a kind in the folder of models (default: the environment's).

    Raises:
        ModelMissing: there is none; the hint says what to bring instead.
    """
    named = str(models) if models is not None else os.environ.get("MAQUETTE_MODELS")
    folder = Path(named).expanduser() / ESTIMATORS if named else None
    for file in sorted(folder.glob("*.onnx")) if folder is not None else ():
        if any(mark in file.name.lower() for mark in _MARKS[kind]):
            return file
    raise ModelMissing(
        f"no network here reads the {kind} of a picture",
        hint=f"bring {_BRING[kind]}, or put an estimator into MAQUETTE_MODELS/{ESTIMATORS}"
        f" ({_MARKS[kind][0]}….onnx)",
    )


def estimate(image: Image.Image, kind: str, models: Path | None = None) -> Image.Image:
    """The depth or pose map of a picture, of its size.

    Raises:
        ModelMissing, ModelRefused, ExtraMissing: no estimator, or one that cannot be used.
        PictureRefused: no figure to be seen.
    """
    network = Onnx(find_estimator(kind, models))
    if kind == "depth":
        from maquette.engines.preprocess.depth import depth

        return depth(image, network)
    from maquette.engines.preprocess.pose import pose

    return pose(image, network)
