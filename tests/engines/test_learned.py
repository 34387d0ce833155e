"""Networks that enlarge: every published layout, in tiles that leave no seam, refused when bad."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.engines import nets

from maquette.core.geometry import Size
from maquette.core.recipe import Lora, Recipe, Upscale
from maquette.core.value import ModelRef
from maquette.engines.base import Cancel, Engine, Picture, Progress
from maquette.engines.learned import create
from maquette.engines.learned.catalogue import choose, find, networks
from maquette.engines.learned.networks.loading import drawer, load_network
from maquette.engines.learned.tiles import drawn_in_tiles
from maquette.errors import (
    Cancelled,
    EngineFailed,
    ExtraMissing,
    ModelMissing,
    ModelRefused,
    RecipeRefused,
)

A = "a" * 64


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Smooth, with an edge: what a network of random weights does not turn into noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    values = np.stack([rows * 3, columns * 3, (rows + columns) * 2, rows * 0 + 200], axis=-1) % 256
    return Image.fromarray(values[..., : len(mode)].astype(np.uint8))


def recipe(models: Path, name: str, width: int, height: int, scale: float = 4.0) -> Recipe:
    return Recipe(
        engine="learned",
        task=Upscale(image=A, scale=scale, method="learned", tile=64),
        size=Size(width=round(width * scale), height=round(height * scale)),
        model=find("upscalers", name, models).ref,
    )


def enlarged(models: Path, name: str, source: Image.Image, scale: float = 4.0) -> Picture:
    asked = recipe(models, name, source.width, source.height, scale)
    last = list(create(models).run([asked], {A: source}))[-1]
    assert isinstance(last, Picture)
    assert last.image.mode == source.mode
    assert last.image.size == (asked.size.width, asked.size.height)
    return last


# --- Layouts ------------------------------------------------------------------------------------


def old_rrdb(name: str) -> str:
    """As ESRGAN's first weights call their parts."""
    found = re.fullmatch(r"body\.(\d+)\.rdb(\d)\.conv(\d)\.(\w+)", name)
    if found:
        return f"model.1.sub.{found[1]}.RDB{found[2]}.conv{found[3]}.0.{found[4]}"
    heads = {
        "conv_first": "model.0",
        "conv_body": "model.1.sub.2",
        "conv_up1": "model.3",
        "conv_up2": "model.6",
        "conv_hr": "model.8",
        "conv_last": "model.10",
    }
    head, _, part = name.rpartition(".")
    return f"{heads[head]}.{part}"


def second_rrdb(name: str) -> str:
    name = re.sub(r"^body\.(\d+)\.rdb", r"RRDB_trunk.\1.RDB", name)
    for new, old in {
        "conv_body": "trunk_conv",
        "conv_up": "upconv",
        "conv_hr": "HRconv",
    }.items():
        name = name.replace(new, old)
    return name


@pytest.mark.parametrize(
    ("network", "rename", "family", "scale"),
    [
        (nets.compact, None, "compact", 4),
        (lambda: nets.compact(2), lambda n: f"params.{n}", "compact", 2),
        (nets.rrdb, None, "rrdb", 4),
        (nets.rrdb, lambda n: f"params_ema.{n}", "rrdb", 4),
        (nets.rrdb, old_rrdb, "rrdb", 4),
        (nets.rrdb, second_rrdb, "rrdb", 4),
        (lambda: nets.rrdb(folded=2), None, "rrdb", 2),
        (lambda: nets.rrdb(folded=4), None, "rrdb", 1),
        (nets.swinir, None, "swinir", 2),
        (lambda: nets.swinir(tail="shuffle", scale=3, joint=3), None, "swinir", 3),
        (lambda: nets.swinir(tail="shuffle", scale=4), None, "swinir", 4),
        (lambda: nets.swinir(tail="nearest", scale=4), None, "swinir", 4),
        (lambda: nets.swinir(tail="nearest", scale=2), None, "swinir", 2),
        (lambda: nets.swinir(tail="none", scale=1, window=7), None, "swinir", 1),
    ],
)
def test_a_layout_is_known_by_its_names_and_shapes(
    tmp_path: Path, network: Any, rename: Any, family: str, scale: int
) -> None:
    made = network()
    found = find("upscalers", str(nets.save(made, tmp_path / "net.safetensors", rename)), None)
    assert found.shape is not None and (found.shape.family, found.shape.scale) == (family, scale)
    part = torch.rand(1, 3, 56, 56)
    with torch.inference_mode():
        expected = made(part)[0].permute(1, 2, 0).numpy()
        again = load_network(found.path, found.shape)(part)[0].permute(1, 2, 0).numpy()
    assert expected.shape == (56 * scale, 56 * scale, 3) and np.array_equal(again, expected)


def test_published_names_are_kept() -> None:
    names = set(nets.swinir(tail="shuffle").state_dict())
    block = "layers.1.residual_group.blocks.1."
    parts = ("attn.qkv.weight", "attn.proj.bias", "norm2.weight", "mlp.fc1.bias", "mlp.fc2.weight")
    assert {block + part for part in parts} <= names
    assert {f"{block}attn.relative_position_bias_table", "patch_embed.norm.weight"} <= names
    assert {"conv_before_upsample.0.weight", "upsample.0.weight", "layers.0.conv.weight"} <= names
    assert {"conv_first.weight", "norm.weight", "conv_after_body.bias", "conv_last.bias"} <= names


def test_shifted_windows_see_no_strangers() -> None:
    """After a shift the far ends of a picture share a window; they must not share attention."""
    network = nets.swinir(groups=1, joint=1)
    near, far = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    far[..., 15, 15] = 1.0
    with torch.inference_mode():
        apart = (network(near) - network(far)).abs()[0].amax(0)
    assert apart[-1, -1] > 0 and apart[:4, :4].max() == 0


def test_sides_are_brought_to_the_grid_and_cut_again(tmp_path: Path) -> None:
    found = find("upscalers", str(nets.save(nets.swinir(), tmp_path / "s.safetensors")), None)
    assert found.shape is not None
    draw = drawer(load_network(found.path, found.shape), 8)
    for rows, columns in ((1, 1), (3, 17), (8, 9)):
        assert draw(np.zeros((rows, columns, 3), np.float32)).shape == (2 * rows, 2 * columns, 3)


# --- Tiles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(5, 5), (64, 64), (65, 64), (150, 97), (97, 300)])
def test_tiles_give_what_one_piece_gives(tmp_path: Path, size: tuple[int, int]) -> None:
    found = find("upscalers", str(nets.save(nets.compact(2), tmp_path / "c.safetensors")), None)
    assert found.shape is not None
    draw = drawer(load_network(found.path, found.shape), 1)
    source = np.asarray(picture(*size))
    steps = drawn_in_tiles(draw, source, 2, tile=64, overlap=16)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            tiled = done.value
            break
    whole = np.rint(np.clip(draw(source.astype(np.float32) / 255), 0, 1) * 255)
    # A tile's own border is computed on what it sees; it fades before that shows.
    assert np.abs(tiled - whole).max() <= 2 and (tiled != whole).mean() < 0.02


def test_neighbouring_tiles_fade_into_one_another() -> None:
    level = iter(np.linspace(0.2, 0.8, 9))
    steps = drawn_in_tiles(
        lambda part: np.full_like(part, next(level)),
        np.zeros((100, 100, 3), np.uint8),
        1,
        tile=48,
        overlap=16,
    )
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made = done.value.astype(int)
            break
    assert np.abs(np.diff(made[..., 0], axis=1)).max() < 12
    assert np.abs(np.diff(made[..., 0], axis=0)).max() < 12


# --- The engine ---------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path) -> Path:
    nets.save(nets.compact(), tmp_path / "upscalers" / "soft.safetensors")
    return tmp_path


def test_it_is_an_engine(models: Path) -> None:
    engine = create(models)
    assert isinstance(engine, Engine) and engine.capabilities().tasks == {"upscale", "restore"}
    assert torch.__version__.partition("+")[0] in engine.build


def test_a_picture_becomes_larger_with_progress(models: Path) -> None:
    source = picture(100, 80)
    *steps, last = create(models).run([recipe(models, "soft", 100, 80)], {A: source})
    assert [(s.step, s.steps) for s in steps if isinstance(s, Progress)] == [
        (n, 4) for n in range(1, 5)
    ]
    assert isinstance(last, Picture) and last.image.size == (400, 320)
    assert last.notes["fidelity"] > 20, "random weights, but the enlarged picture below them"


def test_what_the_network_cannot_reach_lanczos_does(models: Path) -> None:
    assert enlarged(models, "soft", picture(40, 30), 2.5).image.size == (100, 75)


def test_transparency_is_enlarged_too(models: Path) -> None:
    source = picture(30, 20, "RGBA")
    assert enlarged(models, "soft", source).image.getchannel("A").getextrema() == (200, 200)


def test_the_same_recipe_gives_the_same_bytes(models: Path) -> None:
    first, again = (enlarged(models, "soft", picture(90, 70)).image for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_a_network_is_known_by_its_bytes(models: Path) -> None:
    asked = recipe(models, "soft", 20, 20)
    (models / "upscalers" / "soft.safetensors").rename(models / "upscalers" / "other.safetensors")
    assert create(models).check(asked) == ()
    nets.save(nets.compact(2), models / "upscalers" / "other.safetensors")
    with pytest.raises(RecipeRefused, match="soft"):
        create(models).check(asked)


def test_it_stops_between_tiles(models: Path) -> None:
    cancel = Cancel()
    events = create(models).run(
        [recipe(models, "soft", 200, 200)], {A: picture(200, 200)}, cancel=cancel
    )
    next(events)
    cancel.set()
    with pytest.raises(Cancelled):
        list(events)


def test_what_it_cannot_do_is_refused(models: Path) -> None:
    asked = recipe(models, "soft", 20, 20)
    plain = Upscale(image=A, scale=4)
    for bad in (
        asked.change(task=plain),
        asked.change(model=None),
        asked.change(conditionings=(Lora(name="ink", digest=A),)),
        asked.change(model=ModelRef(name="soft", digest="0" * 64)),
    ):
        with pytest.raises(RecipeRefused):
            create(models).check(bad)
    with pytest.raises(EngineFailed):
        list(create(models).run([asked], {}))
    with pytest.raises(EngineFailed):
        list(create(models).run([asked], {A: picture(21, 20)}))


# --- ONNX ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "scale"), [(None, 2), (None, 3), (48, 2)])
def test_an_onnx_network_enlarges(tmp_path: Path, side: int | None, scale: int) -> None:
    nets.resizer(tmp_path / "upscalers" / "twice.onnx", scale, side)
    source = picture(45, 30)
    made = enlarged(tmp_path, "twice", source, float(scale)).image
    assert np.array_equal(np.asarray(made), np.asarray(source).repeat(scale, 0).repeat(scale, 1)), (
        "pixels are repeated, whatever the size that it wants"
    )


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets.resizer(tmp_path / "upscalers" / "twice.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExtraMissing) as refusal:
        enlarged(tmp_path, "twice", picture(9, 9), 2.0)
    assert "maquette[onnx]" in refusal.value.hint


def test_an_onnx_network_that_is_no_upscaler_is_refused(tmp_path: Path) -> None:
    nets.face_drawer(tmp_path / "upscalers" / "two.onnx", 1.0, weighted=True)
    (tmp_path / "upscalers" / "broken.onnx").write_bytes(b"\x08\x07" + bytes(100))
    for name in ("two", "broken"):
        with pytest.raises(ModelRefused):
            enlarged(tmp_path, name, picture(9, 9), 2.0)


# --- The catalogue ------------------------------------------------------------------------------


def test_networks_are_listed_with_what_is_wrong_with_them(models: Path) -> None:
    folder = models / "upscalers"
    (folder / "bad.pth").write_bytes(b"\x80\x02")
    (folder / "notes.txt").write_text("not a network")
    whole = (folder / "soft.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "empty.onnx").write_bytes(b"")
    listed = {
        each.name: each for each in networks("upscalers", models) if each.path.parent == folder
    }
    assert set(listed) == {"bad", "cut", "empty", "soft"}
    assert not listed["soft"].problem and "pickled" in listed["bad"].problem
    assert listed["cut"].problem and listed["empty"].problem
    for name in ("bad", "cut", "empty"):
        with pytest.raises(ModelRefused):
            find("upscalers", name, models)


def test_without_a_name_the_first_usable_one_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        choose("restorers", None, tmp_path)
    with pytest.raises(ModelMissing, match="none of this name"):
        choose("restorers", "none of this name", None)
    nets.face_drawer(tmp_path / "restorers" / "b.onnx", 1.0)
    (tmp_path / "restorers" / "a.pth").write_bytes(b"")
    assert choose("restorers", None, tmp_path).name == "b"


@pytest.mark.parametrize("harm", ["other", "missing", "misshapen", "hollow", "odd"])
def test_tensors_that_make_no_network_are_refused(tmp_path: Path, harm: str) -> None:
    file = nets.save(nets.rrdb(), tmp_path / "net.safetensors")
    held = load_file(file)
    match harm:
        case "other":
            held = {f"unet.{name}": tensor for name, tensor in held.items()}
        case "missing":
            del held["conv_hr.bias"]
        case "misshapen":
            held["conv_hr.bias"] = torch.zeros(3)
        case "hollow":
            held = {name: tensor for name, tensor in held.items() if "body.0" in name}
        case _:
            held["conv_first.weight"] = torch.zeros(8, 5, 3, 3)
    save_file({name: tensor.contiguous() for name, tensor in held.items()}, file)
    with pytest.raises(ModelRefused):
        found = find("upscalers", str(file), None)
        assert found.shape is not None
        load_network(found.path, found.shape)
