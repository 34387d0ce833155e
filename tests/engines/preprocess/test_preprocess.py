"""Estimators of depth and poses, as ONNX graphs whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from maquette.engines.onnx import Onnx
from maquette.engines.preprocess import estimate, find_estimator
from maquette.engines.preprocess.depth import normalised
from maquette.engines.preprocess.pose import COCO, draw_pose
from maquette.errors import ModelMissing, ModelRefused, PictureRefused

WIDTH, HEIGHT = 48, 64


def written(file: Path, nodes: Any, given: Any, outputs: int, constants: Any = ()) -> Path:
    told = [
        helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, None) for n in range(outputs)
    ]
    entry = helper.make_tensor_value_info("in", TensorProto.FLOAT, given)
    graph = helper.make_graph(nodes, "estimator", [entry], told, list(constants))
    file.parent.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, file)
    return file


def brightness(file: Path, sides: tuple[Any, Any]) -> Path:
    """An 'estimator' for which the bright is near."""
    node = helper.make_node("ReduceMean", ["in"], ["out0"], axes=[1], keepdims=0)
    return written(file, [node], [1, 3, *sides], 1)


def joints(file: Path, sure: float = 0.9) -> Path:
    """An estimator that sees joint n at column 2n, row 3n of 48 x 64, whatever it is shown."""
    columns = np.zeros((1, len(COCO), 2 * WIDTH), np.float32)
    rows = np.zeros((1, len(COCO), 2 * HEIGHT), np.float32)
    for n in range(len(COCO)):
        columns[0, n, 4 * n], rows[0, n, 6 * n] = sure, sure
    zero = helper.make_node("ReduceMax", ["in"], ["seen"], keepdims=0)
    nothing = helper.make_node("Mul", ["seen", "zero"], ["none"])
    nodes = [zero, nothing]
    nodes += [helper.make_node("Add", [f"c{n}", "none"], [f"out{n}"]) for n in range(2)]
    constants = [
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
        numpy_helper.from_array(columns, "c0"),
        numpy_helper.from_array(rows, "c1"),
    ]
    return written(file, nodes, [1, 3, HEIGHT, WIDTH], 2, constants)


def ramp(width: int = 90, height: int = 60) -> Image.Image:
    shade = np.linspace(0, 255, width).round().astype(np.uint8)
    return Image.fromarray(np.tile(shade, (height, 1))).convert("RGB")


@pytest.mark.parametrize("sides", [(28, 28), ("height", "width")])
def test_depth_is_of_the_pictures_size_and_near_is_bright(tmp_path: Path, sides: Any) -> None:
    brightness(tmp_path / "estimators" / "depth_small.onnx", sides)
    found = np.asarray(estimate(ramp(), "depth", tmp_path)).astype(int)
    assert found.shape == (60, 90)
    middle = found[30]
    assert middle[:5].max() < 20 and middle[-5:].min() > 235
    assert (np.diff(middle) >= 0).all()


def test_an_even_answer_is_black_and_not_a_fault(tmp_path: Path) -> None:
    brightness(tmp_path / "estimators" / "depth.onnx", (28, 28))
    assert np.asarray(estimate(Image.new("RGB", (9, 7)), "depth", tmp_path)).max() == 0


def test_pictures_are_normalised() -> None:
    mean, spread = np.array([0.5] * 3, np.float32), np.array([0.25] * 3, np.float32)
    found = normalised(Image.new("RGB", (4, 2), (255, 0, 255)), mean, spread)
    assert found.shape == (1, 3, 2, 4)
    assert found[0, 0].max() == 2 and found[0, 1].min() == -2


def test_joints_come_back_to_the_pictures_own_pixels(tmp_path: Path) -> None:
    joints(tmp_path / "estimators" / "dw-ll_ucoco.onnx")
    found = np.asarray(estimate(Image.new("RGB", (4 * WIDTH, 4 * HEIGHT)), "pose", tmp_path))
    assert found.shape == (4 * HEIGHT, 4 * WIDTH, 3)
    for n in (0, 5, 9, 16):
        assert found[round(4 * (3 * n + 0.25)), round(4 * (2 * n + 0.25))].max() > 200
    assert found[-1, 0].max() == 0
    tall = np.asarray(estimate(Image.new("RGB", (WIDTH, 2 * HEIGHT)), "pose", tmp_path))
    assert tall.shape == (2 * HEIGHT, WIDTH, 3) and tall.max() > 200


def test_joints_and_bones_have_openposes_colours() -> None:
    drawn = np.asarray(draw_pose({"nose": (20, 20), "neck": (20, 60)}, (100, 100)))
    assert drawn[20, 20].tolist() == [255, 0, 0]
    red, green, blue = drawn[60, 20].tolist()
    assert red == 255 and 80 < green < 90 and blue == 0
    assert drawn[40, 20].max() == 153  # the bone between them, darker
    assert drawn[40, 60].max() == 0


def test_no_figure_no_estimator_no_network(tmp_path: Path) -> None:
    joints(tmp_path / "estimators" / "pose.onnx", sure=0.1)
    with pytest.raises(PictureRefused, match="no figure"):
        estimate(ramp(), "pose", tmp_path)
    with pytest.raises(ModelMissing) as missing:
        find_estimator("depth", tmp_path)
    assert "bring a depth map" in missing.value.hint
    brightness(tmp_path / "estimators" / "my-pose.onnx", (28, 28)).rename(
        tmp_path / "estimators" / "a-pose.onnx"
    )
    with pytest.raises(ModelRefused, match="columns and rows"):
        estimate(ramp(), "pose", tmp_path)
    assert Onnx(tmp_path / "estimators" / "a-pose.onnx").inputs[0].shape == (1, 3, 28, 28)
