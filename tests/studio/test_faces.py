"""Faces as people give them: found, told by a recogniser, and refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.engines import nets
from tests.engines.conditions.adapters import write_ip
from tests.engines.conditions.faces import NUMBERS, write_faceid
from tests.engines.making import photo
from tests.engines.tiny import build
from tests.operations.faces import nosed

from maquette.core.adapter import Adapter
from maquette.core.picture import decode_picture, encode_png
from maquette.core.recipe import Reference
from maquette.critics.faces import likeness
from maquette.errors import (
    MaquetteError,
    ModelMissing,
    PictureRefused,
    RecipeRefused,
    SettingRefused,
)
from maquette.settings import Settings
from maquette.studio import Studio
from maquette.studio.engines import Engines
from maquette.studio.faces import Faces
from maquette.studio.steering import Likeness

ANNA = nosed((nets.NOSE, 208, 136), skin=photo(seed=31))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with an adapter of faces, one of pictures, and the networks for faces."""
    root = tmp_path_factory.mktemp("models")
    model = build(root / "sd", "sd15")
    write_ip(model, root / "ip-adapters" / "likeness")
    write_faceid(model, root / "ip-adapters" / "who", lora=True)
    nets.face_finder(root / "detectors" / "yunet.onnx")
    nets.face_teller(root / "recognisers" / "short.onnx", 16)
    nets.face_teller(root / "recognisers" / "w600k.onnx", NUMBERS)
    return root


@pytest.fixture
def studio(tmp_path: Path, models: Path) -> Any:
    with opened(tmp_path / "p", models) as studio:
        yield studio


def opened(project: Path, models: Path) -> Studio:
    settings = Settings(models=models)
    engines = Engines(settings, "diffusers", str(models / "sd"))
    return Studio(project, create=True, settings=settings, engines=engines)


def made(studio: Studio, *references: Any, **more: Any) -> Any:
    asked = {"steps": 2, "seed": 1, "size": (64, 64), "reference": references, **more}
    (version,) = studio.generate("a red boat on the sea", **asked)
    return version


def test_a_face_is_told_by_the_recogniser_and_replayed(studio: Studio) -> None:
    version = made(studio, Likeness("face", ANNA, strength=0.7))
    [face] = version.recipe.conditionings
    assert isinstance(face, Reference) and face.recogniser is not None and face.adapter is not None
    assert (face.adapter.name, face.recogniser.name) == ("who", "w600k")
    cut = decode_picture(studio.blobs.get(face.image))
    nose = face.marks[2]
    assert cut.width < ANNA.width and cut.getpixel((int(nose[0]), int(nose[1]))) == nets.NOSE
    assert studio.replay(version).verdict == "exact"
    other = made(studio, Likeness("face", nosed((nets.NOSE, 208, 136), skin=photo(seed=32))))
    assert other.image != version.image


def test_another_persons_face_is_found_out(studio: Studio, models: Path) -> None:
    """The critic of drift looks at what was drawn; pictures of one person are near."""
    faces = Faces(models)
    (anna,) = faces.told(ANNA) or []
    (again,) = faces.told(ANNA.rotate(3)) or []
    (other,) = faces.told(nosed((nets.NOSE, 208, 136), skin=photo(seed=35))) or []
    assert likeness(anna, again) > 0.9 and likeness(anna, other) < 0.7
    assert Faces(models / "nowhere").told(ANNA) is None
    first, second = (studio.import_picture(encode_png(each))[0] for each in (ANNA, ANNA.rotate(3)))
    assert studio.compare(first, second).faces == pytest.approx(likeness(anna, again), abs=1e-4)
    version = made(studio, Likeness("face", ANNA, strength=0.7))
    assert studio.compare(first, version).faces is None, "it shows none"
    [found] = [each for each in studio.critique(version) if each.name == "drift:face"]
    assert "not to be seen" in found.message


def test_an_edit_of_a_part_takes_a_face(studio: Studio) -> None:
    first = made(studio)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (8, 8, 40, 40))
    edit = studio.inpaint(first, mask, steps=2, reference=[Likeness("face", ANNA)])
    [face] = edit.recipe.conditionings
    assert face.recogniser is not None and studio.replay(edit).verdict == "exact"


@pytest.mark.parametrize(
    ("asked", "error", "why"),
    [
        ({"role": "face", "image": photo(200, 200)}, PictureRefused, "no face"),
        (
            {"role": "face", "image": nosed((nets.NOSE, 88, 88), (nets.NOSE, 288, 88))},
            PictureRefused,
            "2 faces of about one size",
        ),
        ({"role": "style", "image": ANNA, "adapter": "who"}, RecipeRefused, "faces alone"),
        ({"role": "face", "image": ANNA, "face": 2}, PictureRefused, "1 face, and number 2"),
        ({"role": "style", "image": ANNA, "face": 1}, SettingRefused, "no face"),
    ],
)
def test_what_shows_no_one_face_is_refused(
    studio: Studio, asked: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        made(studio, asked)
    assert studio.log() == []


@pytest.mark.parametrize(
    ("adapter", "taught"),
    [("ip-adapter-faceid_sd15", "w600k_r50"), ("InstantID", "glintr100"), ("who", "w600k_r50")],
)
def test_an_adapter_gets_the_recogniser_that_it_was_taught_with(
    tmp_path: Path, adapter: str, taught: str
) -> None:
    for name in ("arc", "glintr100", "w600k_r50"):
        nets.face_teller(tmp_path / "recognisers" / f"{name}.onnx", NUMBERS)
    nets.face_finder(tmp_path / "detectors" / "yunet.onnx")
    asked = Adapter(kind="ip-adapter", name=adapter, path="", numbers=NUMBERS)
    who = Faces(tmp_path).recogniser_for(asked)
    assert who is not None and who.name == taught
    (tmp_path / "recognisers" / f"{taught}.onnx").unlink()
    who = Faces(tmp_path).recogniser_for(asked)
    assert who is not None and who.name == "arc", "else the first"


@pytest.mark.parametrize(
    ("away", "error", "why"),
    [
        (("recognisers/w600k", "recognisers/short"), ModelMissing, "there is none"),
        (("recognisers/w600k",), RecipeRefused, "'short' by 16"),
        (("detectors/yunet",), ModelMissing, "eyes, nose and mouth"),
    ],
)
def test_what_a_face_lacks_is_named(
    tmp_path: Path, models: Path, away: tuple[str, ...], error: Any, why: str
) -> None:
    files = [models / f"{name}.onnx" for name in away]
    for file in files:
        file.rename(file.with_suffix(".away"))
    try:
        with opened(tmp_path / "p", models) as studio:
            with pytest.raises(error, match=why) as refused:
                made(studio, {"role": "face", "image": ANNA, "adapter": "who"})
            assert isinstance(refused.value, MaquetteError)
            assert "MAQUETTE_MODELS" in refused.value.hint
            if "recognisers" in away[0]:  # another adapter reads the picture of the face
                [face] = made(studio, Likeness("face", ANNA)).recipe.conditionings
                assert face.recogniser is None and face.adapter.name == "likeness"
    finally:
        for file in files:
            file.with_suffix(".away").rename(file)


def test_a_recogniser_that_has_gone_is_said(studio: Studio, models: Path) -> None:
    version = made(studio, Likeness("face", ANNA))
    file = models / "recognisers" / "w600k.onnx"
    file.rename(file.with_suffix(".away"))
    try:
        with pytest.raises(ModelMissing, match="recogniser of faces 'w600k'"):
            studio.replay(version)
    finally:
        file.with_suffix(".away").rename(file)
