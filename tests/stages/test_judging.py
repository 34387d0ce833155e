"""Replay, comparison, heatmaps: what is said of versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette import operations
from maquette.core.picture import decode_picture, encode_png
from maquette.core.recipe import Recipe
from maquette.core.trace import unpack_trace
from maquette.engines.base import Event, Inputs, Picture
from maquette.engines.fake import FakeEngine
from maquette.errors import RecipeRefused, WordUnknown
from maquette.stages.compare import changed_parameters, compare
from maquette.stages.heatmap import heatmaps
from maquette.stages.replay import replay

from .conftest import Bench


class Shaky(FakeEngine):
    """Another build, whose pictures are off by a little or a lot."""

    off = 1

    @property
    def build(self) -> str:
        return super().build + " shaky"

    def run(self, recipes: Sequence[Recipe], inputs: Inputs, **options: Any) -> Iterator[Event]:
        for event in super().run(recipes, inputs, **options):
            yield self._shaken(event) if isinstance(event, Picture) else event

    def _shaken(self, picture: Picture) -> Picture:
        pixels = np.asarray(picture.image).astype(np.int16) + self.off
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        return Picture(picture.index, image, picture.seconds, picture.trace)


def test_the_same_build_replays_exactly(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    answer = replay(version, engine=bench.engine, blobs=bench.blobs)
    assert (answer.verdict, answer.psnr, answer.reasons) == ("exact", None, ())


def test_replay_says_how_close_and_why(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    answer = replay(version, engine=Shaky(None, "", 0.0), blobs=bench.blobs)
    assert answer.verdict == "close"
    assert answer.psnr is not None
    assert answer.psnr > 40
    assert "shaky" in answer.reasons[0]


def test_replay_says_different(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    engine = Shaky(None, "", 0.0)
    engine.off = 90
    answer = replay(version, engine=engine, blobs=bench.blobs)
    assert answer.verdict == "different"
    assert answer.psnr is not None
    assert answer.psnr < 35


def test_replay_stores_nothing(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    before = len(list(bench.blobs)), bench.records.count()
    replay(version, engine=bench.engine, blobs=bench.blobs)
    assert (len(list(bench.blobs)), bench.records.count()) == before


def test_replay_refuses_another_engines_recipe(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    foreign = version.model_copy(update={"recipe": version.recipe.change(engine="elsewhere")})
    with pytest.raises(RecipeRefused):
        replay(foreign, engine=bench.engine, blobs=bench.blobs)


def test_a_version_compared_with_itself_is_alike(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    same = compare(version, version, blobs=bench.blobs)
    assert (same.changed_pixels, same.psnr, same.parameters) == (0, None, {})
    assert same.ssim == pytest.approx(1)
    assert not any(same.words.values())


def test_comparison_names_words_and_parameters(bench: Bench) -> None:
    one, two = bench.make(
        bench.recipe("a wolf under a moon", seed=1),
        bench.recipe("a wolf under a (moon:1.5), stars", seed=2),
    )
    traces = [unpack_trace(bench.blobs.get(version.trace or "")) for version in (one, two)]
    told = compare(one, two, blobs=bench.blobs, traces=(traces[0], traces[1]))
    assert told.words["added"] == ["stars"]
    assert told.words["reweighted"] == [["moon", 1.0, 1.5]]
    assert told.parameters == {"sampling.seed": (1, 2)}
    assert told.changed_pixels > 0
    assert {change.token for change in told.heat} >= {"wolf", "moon"}
    assert told.sheet.width > told.sheet.height


def test_pictures_of_two_sizes_can_be_compared(bench: Bench) -> None:
    (small,) = bench.make(bench.recipe())
    large = operations.generate(
        "a wolf under a moon",
        capabilities=bench.engine.capabilities(),
        seed=1,
        size=(128, 128),
        quality="draft",
    )
    (big,) = bench.make(large)
    told = compare(small, big, blobs=bench.blobs)
    assert told.parameters["size.width"] == (64, 128)
    assert 0 <= told.ssim <= 1


def test_changed_parameters_are_dotted_fields(bench: Bench) -> None:
    one = bench.recipe()
    assert changed_parameters(one, bench.recipe(guidance=9.0)) == {"sampling.guidance": (4.0, 9.0)}


def test_a_heatmap_for_every_word(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe())
    trace = unpack_trace(bench.blobs.get(version.trace or ""))
    picture = decode_picture(bench.blobs.get(version.image))
    heats = heatmaps(trace, picture)
    assert [heat.token for heat in heats] == ["a#1", "wolf", "under", "a#2", "moon"]
    assert sum(heat.share for heat in heats) == pytest.approx(1, abs=1e-3)
    for heat in heats:
        assert heat.map.shape == (64, 64)
        assert heat.image.size == picture.size
        assert 0 <= heat.peak[0] < 64
        assert 0 <= heat.peak[1] < 64


def test_a_heatmap_of_a_phrase_or_of_nothing(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe("a full moon"))
    trace = unpack_trace(bench.blobs.get(version.trace or ""))
    picture = decode_picture(encode_png(Image.new("RGB", (64, 64))))
    assert [heat.token for heat in heatmaps(trace, picture, "full moon")] == ["full moon"]
    with pytest.raises(WordUnknown, match="dragon"):
        heatmaps(trace, picture, "dragon")
