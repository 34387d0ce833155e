"""Recognisers of faces in ONNX: known by their headers, fed with upright faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tests.engines import nets
from tests.engines.making import photo

from maquette.engines.learned.catalogue import find, networks
from maquette.engines.learned.onnx_header import End, read_graph
from maquette.engines.learned.recognise import Recogniser, aligned
from maquette.engines.learned.scrfd import Scrfd
from maquette.engines.learned.shapes import recognises
from maquette.errors import ModelRefused
from maquette.operations import find_faces

FRAME = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)


def placed(turn: float, scale: float, x: float, y: float) -> list[tuple[float, float]]:
    """The marks of an upright face after it was turned (degrees), scaled and shifted."""
    angle = np.deg2rad(turn)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [(float(a), float(b)) for a, b in np.array(FRAME) @ matrix.T + (x, y)]


@pytest.mark.parametrize(
    "where", [(0, 1, 0, 0), (0, 1, 40, 25), (25, 2, 150, 20), (-70, 1.5, 20, 250)]
)
def test_a_face_is_turned_upright(where: tuple[float, float, float, float]) -> None:
    """What lies at a mark in the picture lies at the mark's place in the frame."""
    turn, scale, x, y = where
    upright = photo(112, 112, seed=4)
    angle = np.deg2rad(turn)
    there = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = np.linalg.inv(there)
    shift = -back @ (x, y)
    picture = upright.transform(
        (400, 400),
        Image.Transform.AFFINE,
        (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1]),
        resample=Image.Resampling.BICUBIC,
    )
    found = np.asarray(aligned(picture, placed(*where)), int)[16:-16, 16:-16]
    assert (
        np.abs(found - np.asarray(upright, int)[16:-16, 16:-16]).max() <= 10
    )  # half a pixel of steep colours
    larger = aligned(picture, placed(*where), 224)
    assert larger.size == (224, 224)


def test_marks_that_are_none_are_refused() -> None:
    for marks in ([(1.0, 1.0)] * 5, [(1.0, 2.0)] * 4, [(float("nan"), 1.0), *FRAME[1:]]):
        with pytest.raises(ValueError, match="five marks"):
            aligned(photo(), marks)


def test_pixels_come_as_the_network_was_taught(tmp_path: Path) -> None:
    """From -1 to 1; as they are where the network scales them itself. Both see the same face."""
    face = photo(112, 112, seed=6)
    plain = Recogniser(nets.face_teller(tmp_path / "plain.onnx", 32))
    own = Recogniser(nets.face_teller(tmp_path / "own.onnx", 32, scaled=True))
    assert plain.width == own.width == 32
    assert plain.vector(face) == pytest.approx(own.vector(face), rel=1e-4, abs=1e-3)
    rng = np.random.default_rng(5)
    look = rng.normal(size=(3 * 7 * 7, 32)).astype(np.float32)
    even = (np.asarray(face, np.float32) - 127.5) / 127.5
    coarse = even.reshape(7, 16, 7, 16, 3).mean(axis=(1, 3)).transpose(2, 0, 1).ravel()
    assert plain.vector(face) == pytest.approx(coarse @ look, rel=1e-3, abs=1e-3)


def test_what_is_no_recogniser_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "recognisers"
    nets.face_teller(folder / "a.onnx", 24)
    nets.face_teller(folder / "large.onnx", 24, side=224)
    nets.face_drawer(folder / "drawer.onnx", 1.0)
    nets.resizer(folder / "resizer.onnx")
    whole = (folder / "a.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "other.onnx").write_bytes(b"\x08\x07" + bytes(64))
    (folder / "arc.pth").write_bytes(b"\x80\x02")
    listed = {each.name: each for each in networks("recognisers", tmp_path)}
    assert [name for name, each in listed.items() if not each.problem] == ["a"]
    assert listed["a"].numbers == 24 and listed["drawer"].numbers is None
    assert "112x112" in listed["large"].problem and "cut short" in listed["cut"].problem
    assert "pickled" in listed["arc"].problem
    with pytest.raises(ModelRefused, match="no recogniser"):
        find("recognisers", "resizer", tmp_path)


def test_scrfd_finds_faces_and_their_marks(tmp_path: Path) -> None:
    """In any picture: it is brought to the network's side, and what is found back again."""
    finder = Scrfd(nets.scrfd(tmp_path / "detectors" / "det_10g.onnx"))
    nets.face_finder(tmp_path / "detectors" / "yunet.onnx")
    nets.face_drawer(tmp_path / "detectors" / "other.onnx", 1.0)
    listed = networks("detectors", tmp_path)
    assert [each.finder for each in listed] == ["scrfd", None, "yunet"]
    assert "no detector" in listed[1].problem
    picture = Image.new("RGB", (320, 240), (96, 110, 128))
    picture.paste(nets.NOSE, (88, 88, 96, 96))
    picture.paste(nets.LARGE_NOSE, (240, 96, 256, 112))
    large, small = find_faces(picture, finder)
    assert small.box.corners == (56, 56, 120, 120) and large.box.width == 128
    assert small.marks == tuple((88.0 + x, 88.0 + y) for x, y in nets.MARKS)
    wide = Image.new("RGB", (640, 480), (96, 110, 128))
    wide.paste(picture.resize((640, 480), Image.Resampling.NEAREST))
    twice = find_faces(wide, finder)
    assert [face.box.width for face in twice] == [256, 128]
    assert find_faces(wide.crop((0, 0, 60, 40)), finder) == []
    free = Scrfd(nets.scrfd(tmp_path / "free.onnx", side=None))
    assert len(find_faces(wide, free)) == 2
    with pytest.raises(ModelRefused, match="no SCRFD"):
        find_faces(wide, Scrfd(nets.face_drawer(tmp_path / "none.onnx", 1.0, side=320)))


def test_a_face_that_fills_the_picture_is_shown_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = Scrfd(nets.scrfd(tmp_path / "det_10g.onnx"))
    seen: list[tuple[int, int]] = []

    def short(given: dict[str, np.ndarray]) -> list[np.ndarray]:
        """One face as large as the picture, if that is at most half of the network's sight."""
        (shown,) = (np.argwhere(given["input.1"][0, 0] > 0).max(axis=0) + 1,)
        seen.append((int(shown[0]), int(shown[1])))
        told = [np.zeros(((320 // step) ** 2 * 2, n)) for n in (1, 4, 10) for step in (8, 16, 32)]
        if shown.max() <= 200:
            told[2][0], told[5][0] = 0.9, [0, 0, shown[1] / 32, shown[0] / 32]
        return told

    monkeypatch.setattr(finder._network, "run", short)
    [row] = finder(np.full((480, 640, 3), 200, np.uint8))
    assert seen == [(240, 320), (144, 192)] and row[:4] == pytest.approx([0, 0, 640, 480])


def test_older_files_list_their_weights_among_the_inputs(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((3, 8), np.float32), "weights")
    face = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])
    also = helper.make_tensor_value_info("weights", TensorProto.FLOAT, [3, 8])
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["row"]),
        helper.make_node("MatMul", ["row", "weights"], ["told"]),
    ]
    told = helper.make_tensor_value_info("told", TensorProto.FLOAT, [1, 8])
    graph = helper.make_graph(nodes, "old", [face, also], [told], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    onnx.save(model, str(tmp_path / "old.onnx"))
    read = read_graph(tmp_path / "old.onnx")
    assert read.inputs == (End("data", (1, 3, 112, 112)),) and read.first[0] == "GlobalAveragePool"
    assert recognises(tmp_path / "old.onnx").width == 8
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(ModelRefused):
        read_graph(tmp_path / "empty.onnx")
