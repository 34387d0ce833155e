"""Faces: found, drawn anew by a network, mixed in, and nothing beside them touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.engines import nets
from tests.operations.faces import portrait

from maquette import operations
from maquette.core.geometry import Box
from maquette.core.picture import size_of
from maquette.core.pixel_tasks import Face
from maquette.core.recipe import Recipe, Restore
from maquette.core.value import ModelRef
from maquette.core.version import Version
from maquette.engines.base import Picture, Progress
from maquette.engines.learned import create
from maquette.engines.learned.catalogue import find
from maquette.errors import ModelRefused, SettingRefused

A = "a" * 64
NETWORK = ModelRef(name="faces", digest="b" * 64)


def restored(
    models: Path, source: Image.Image, *faces: Face, strength: float = 1.0
) -> tuple[np.ndarray, list[Progress]]:
    recipe = Recipe(
        engine="learned",
        task=Restore(image=A, faces=faces, strength=strength),
        size=size_of(source),
        model=find("restorers", "faces", models).ref,
    )
    *steps, last = create(models).run([recipe], {A: source})
    assert isinstance(last, Picture) and last.image.mode == source.mode
    return np.asarray(last.image), [step for step in steps if isinstance(step, Progress)]


def test_no_face_is_said_so(version: Version) -> None:
    with pytest.raises(SettingRefused, match="no face"):
        operations.restore(version, [], network=NETWORK)


def test_a_strength_has_a_range(version: Version) -> None:
    face = Face(box=Box(x=10, y=10, width=50, height=50))
    recipe = operations.restore(version, [face], network=NETWORK, strength=0.5)
    assert recipe.engine == "learned" and recipe.model == NETWORK
    for bad in (0.0, 1.1, float("nan")):
        with pytest.raises(SettingRefused):
            operations.restore(version, [face], network=NETWORK, strength=bad)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_faithful_network_changes_hardly_anything(tmp_path: Path, *, weighted: bool) -> None:
    nets.face_drawer(tmp_path / "restorers" / "faces.onnx", 1.0, side=256, weighted=weighted)
    source = portrait()
    made, steps = restored(tmp_path, source, *operations.find_faces(source))
    assert np.abs(made.astype(int) - np.asarray(source)).mean() < 1
    assert [(step.step, step.steps) for step in steps] == [(1, 1)]


def test_only_the_face_is_drawn_anew_and_softly(tmp_path: Path) -> None:
    nets.face_drawer(tmp_path / "restorers" / "faces.onnx", -1.0)
    source = portrait(left=400)
    [face] = operations.find_faces(source)
    made, _ = restored(tmp_path, source, face)
    before = np.asarray(source).astype(int)
    x, y = face.box.x + face.box.width // 2, face.box.y + face.box.height // 2
    assert made[y, x] == pytest.approx(255 - before[y, x], abs=12), "drawn anew"
    side = 1.7 * face.box.width
    rows, columns = np.mgrid[0 : before.shape[0], 0 : before.shape[1]]
    away = (np.abs(columns - x) > side / 2 + 2) | (np.abs(rows - y) > side / 2 + 0.1 * side)
    assert away.any() and np.array_equal(made[away], before[away].astype(np.uint8))
    half, _ = restored(tmp_path, source, face, strength=0.5)
    assert half[y, x] == pytest.approx((before[y, x] + made[y, x].astype(int)) / 2, abs=2)


def test_marks_turn_a_leaning_face_upright(tmp_path: Path) -> None:
    nets.face_drawer(tmp_path / "restorers" / "faces.onnx", 1.0, side=256)
    source = portrait().rotate(25, fillcolor=(96, 110, 128), resample=Image.Resampling.BICUBIC)
    turn = np.deg2rad(-25)
    upright = np.array([(132, 146), (188, 146), (160, 185), (138, 216), (182, 216)], float)
    middle = np.array([160, 150])
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    marks = (upright - middle) @ matrix.T + middle
    face = Face(
        box=Box(x=80, y=70, width=160, height=160), marks=tuple((x, y) for x, y in marks.tolist())
    )
    made, _ = restored(tmp_path, source, face)
    assert np.abs(made.astype(int) - np.asarray(source)).mean() < 1.5


def test_a_network_that_draws_no_faces_is_refused(tmp_path: Path) -> None:
    nets.resizer(tmp_path / "restorers" / "faces.onnx", 2)
    with pytest.raises(ModelRefused):
        restored(tmp_path, portrait(), Face(box=Box(x=80, y=70, width=160, height=160)))
