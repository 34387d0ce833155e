"""How a model is fitted to its machine: the rule, and that no way of offloading changes a bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.engines.making import array, draw, photo, recipe
from tests.engines.single_files import write_single
from tests.engines.tiny_families import build_family

from maquette.core.recipe import ImageToImage
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.fitting import WORKING, Fit, Wish, fit, part_sizes
from maquette.engines.diffusers.models import read_model
from maquette.errors import SettingRefused

GIB = 2**30


def numbers(folder: Path) -> int:
    return sum(part_sizes(read_model(folder)).values())


class TestRule:
    def test_a_processor_keeps_everything_in_float32(self, flux: Path) -> None:
        assert fit(read_model(flux), "cpu", None, Wish()) == Fit("float32")

    @pytest.mark.parametrize(
        ("family", "dtype"), [("sdxl", "float16"), ("sd3", "bfloat16"), ("flux", "bfloat16")]
    )
    def test_half_precision_on_an_accelerator(
        self, family: str, dtype: str, request: pytest.FixtureRequest
    ) -> None:
        card = read_model(request.getfixturevalue(family))
        assert fit(card, "cuda", 80 * GIB, Wish()) == Fit(dtype)

    def test_less_memory_less_stays(self, sdxl: Path) -> None:
        card = read_model(sdxl)
        sizes = [2 * count for count in part_sizes(card).values()]
        work = WORKING * 64 * 64 / 1e6
        ways = [
            fit(card, "cuda", int(free / 0.9) + 1, Wish()).offload
            for free in (sum(sizes) + work, sum(sizes) + work - 10, max(sizes) + work - 10)
        ]
        assert ways == ["none", "parts", "layers"]

    def test_tiles_go_with_offloading(self, sdxl: Path) -> None:
        chosen = fit(read_model(sdxl), "cuda", 1000, Wish())
        assert chosen == Fit("float16", "layers", True) and chosen.said == " tiled"

    def test_a_wish_goes_before_the_rule(self, sdxl: Path) -> None:
        wish = Wish(dtype="bfloat16", offload="none", tiles="off", compiled=True)
        chosen = fit(read_model(sdxl), "cuda", 1000, wish)
        assert chosen == Fit("bfloat16", "none", False, True) and chosen.said == " compiled"

    @pytest.mark.parametrize("how", [{"offload": "some"}, {"tiles": "maybe"}])
    def test_unknown_words(self, sdxl: Path, how: dict[str, Any]) -> None:
        with pytest.raises(SettingRefused):
            create(sdxl, **how)

    def test_sizes_are_read_from_headers(self, sdxl: Path) -> None:
        from maquette.engines.diffusers.weights import load_parts

        parts = load_parts(read_model(sdxl))
        networks = {"unet": parts.network, "vae": parts.vae, "text_encoder": parts.text_encoder}
        for name, size in part_sizes(parts.card).items():
            if name in networks:
                assert size == sum(each.numel() for each in networks[name].parameters())

    def test_sizes_of_one_file(self, sdxl: Path, tmp_path: Path) -> None:
        file = write_single(sdxl, tmp_path / "tiny.safetensors", "sdxl")
        assert part_sizes(read_model(file)) == part_sizes(read_model(sdxl))


class TestOffload:
    @pytest.mark.parametrize("family", ["sdxl", "flux"])
    @pytest.mark.parametrize("way", ["parts", "layers"])
    def test_no_bit_changes(self, family: str, way: str, request: pytest.FixtureRequest) -> None:
        folder: Path = request.getfixturevalue(family)
        whole: DiffusersEngine = request.getfixturevalue(f"{family}_engine")
        start = photo()
        task = ImageToImage(image="a" * 64, strength=0.6)
        other = create(folder, threads=1, offload=way)
        for asked, inputs in (
            (recipe(whole, "a (red:1.5) boat"), {}),
            (recipe(whole, "a cat", task=task), {"a" * 64: start}),
        ):
            (one,), (two,) = draw(whole, asked, inputs), draw(other, asked, inputs)
            assert one.image.tobytes() == two.image.tobytes()
            assert one.trace is not None and two.trace is not None
            assert abs(one.trace.maps - two.trace.maps).max() < 1e-6
        assert whole.build == other.build

    def test_one_network_is_there_at_a_time(self, flux: Path) -> None:
        engine = create(flux, threads=1, offload="parts")
        parts = engine.parts()
        assert parts.turns is not None
        draw(engine, recipe(engine))
        # CLIP and T5 for the words, T5 again for the concepts, the transformer, the decoder.
        assert parts.turns.there is parts.vae and parts.turns.taken >= 4
        before = parts.turns.taken
        draw(engine, recipe(engine, "a blue cat"))
        assert parts.turns.taken - before == before
        draw(engine, recipe(engine, "a blue cat"))
        assert parts.turns.taken - 2 * before == 2, "known words need no encoder"


def test_tiles_are_said_and_draw_nearly_the_same(sdxl: Path, sdxl_engine: DiffusersEngine) -> None:
    tiled = create(sdxl, threads=1, tiles="on")
    assert " tiled" in tiled.build and " tiled" not in sdxl_engine.build
    asked = recipe(tiled, size=(128, 128))
    (one,), (two,) = draw(sdxl_engine, asked), draw(tiled, asked)
    assert tiled.parts().vae.use_tiling and not sdxl_engine.parts().vae.use_tiling
    assert abs(array(one.image) - array(two.image)).mean() < 12


def test_half_precision_draws(tmp_path: Path) -> None:
    for family in ("sdxl", "flux"):
        folder = build_family(tmp_path / family, family)
        exact, half = create(folder, threads=1), create(folder, threads=1, dtype="bfloat16")
        assert "bfloat16" in half.build
        (one,), (two,) = draw(exact, recipe(exact)), draw(half, recipe(half))
        assert 0 < abs(array(one.image) - array(two.image)).mean() < 12
        assert half.parts().network.dtype == torch.bfloat16
