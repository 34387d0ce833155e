"""Watching and steering: what is recorded, what is changed, what is put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.engines.making import draw, recipe

from maquette.core.trace import TracedWord
from maquette.engines.base import Cancel, Picture, Progress
from maquette.engines.diffusers import DiffusersEngine
from maquette.engines.diffusers.attention import (
    GONE,
    Aim,
    Watch,
    grids,
    log_weights,
    watch,
)
from maquette.engines.diffusers.digests import digest_of
from maquette.engines.diffusers.maps import word_maps
from maquette.engines.diffusers.sampling import Row
from maquette.engines.diffusers.text import Encoded
from maquette.errors import Cancelled


def processors(engine: DiffusersEngine) -> dict[str, Any]:
    return dict(engine.parts().unet.attn_processors)


def same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return before.keys() == after.keys() and all(before[key] is after[key] for key in before)


def share(engine: DiffusersEngine, text: str, word: str, **how: Any) -> float:
    (picture,) = draw(engine, recipe(engine, text, **how))
    assert picture.trace is not None
    at = [found.text for found in picture.trace.words].index(word)
    return float(picture.trace.maps[at].mean())


class TestPutBack:
    def test_after_a_drawing(self, engine: DiffusersEngine) -> None:
        before = processors(engine)
        draw(engine, recipe(engine, "a (red:2) boat"))
        assert same(before, processors(engine))

    def test_after_cancelling(self, engine: DiffusersEngine) -> None:
        before = processors(engine)
        cancel = Cancel()
        with pytest.raises(Cancelled):
            for event in engine.run([recipe(engine, steps=5)], {}, cancel=cancel):
                if isinstance(event, Progress):
                    assert not same(before, processors(engine))
                    cancel.set()
        assert same(before, processors(engine))

    def test_when_nobody_listens_any_more(self, engine: DiffusersEngine) -> None:
        before = processors(engine)
        events = engine.run([recipe(engine, steps=5)], {})
        next(iter(events))
        events.close()  # type: ignore[attr-defined]
        assert same(before, processors(engine))

    def test_after_a_fault(self, engine: DiffusersEngine) -> None:
        unet = engine.parts().unet
        before = processors(engine)
        with pytest.raises(RuntimeError, match="announced"), watch(unet, record=True):
            unet(torch.zeros(1, 4, 8, 8), 10, torch.zeros(1, 16, 32))
        assert same(before, processors(engine))

    def test_after_explaining(self, engine: DiffusersEngine) -> None:
        from tests.engines.making import photo

        before = processors(engine)
        prompt = recipe(engine).prompt
        assert prompt is not None
        engine.explain(photo(), prompt)
        assert same(before, processors(engine))

    def test_a_processor_that_is_a_module(self, engine: DiffusersEngine) -> None:
        class Odd(torch.nn.Module):
            pass

        layer = engine.parts().unet.mid_block.attentions[0].transformer_blocks[0].attn2
        plain, odd = layer.processor, Odd()
        layer.processor = odd
        try:
            with watch(engine.parts().unet, record=False):
                assert layer.processor is not odd
            assert layer.processor is odd
        finally:
            del layer.processor
            layer.processor = plain


class TestSteering:
    @pytest.mark.parametrize("guidance", [1.0, 4.0])
    def test_more_weight_more_share(self, engine: DiffusersEngine, guidance: float) -> None:
        shares = [
            share(engine, f"a (boat:{weight}) on the sea", "boat", guidance=guidance, steps=1)
            for weight in (0, 0.5, 1, 1.5, 2, 4)
        ]
        assert shares == sorted(shares)
        assert shares[0] == pytest.approx(0, abs=1e-6) and shares[1] < shares[2] < shares[3]

    def test_the_weight_is_the_factor_before_normalising(self) -> None:
        logits = torch.tensor([[[-2.0, -1.0, 0.5, 1.0]]])
        weights = torch.tensor([[1.0, 2.0, 1.0, 1.0]])
        bias = log_weights(weights)
        assert bias is not None
        before, after = logits.softmax(-1), (logits + bias).softmax(-1)
        expected = before * weights
        torch.testing.assert_close(after, expected / expected.sum())

    def test_a_models_gain_pushes_weights_above_1_alone(self) -> None:
        weights = torch.tensor([[0.0, 0.5, 1.0, 2.0]])
        plain, pushed = log_weights(weights), log_weights(weights, 8.0)
        assert plain is not None and pushed is not None
        assert torch.equal(plain[:, :3], pushed[:, :3])
        torch.testing.assert_close(pushed[:, 3], 8 * plain[:, 3])

    def test_weight_1_is_no_weight(self, engine: DiffusersEngine) -> None:
        pictures = draw(engine, [recipe(engine, "a red boat"), recipe(engine, "a (red:1.0) boat")])
        assert pictures[0].image.tobytes() == pictures[1].image.tobytes()
        assert log_weights(torch.ones(2, 5)) is None

    def test_a_row_of_zeros_is_still_a_row(self) -> None:
        bias = log_weights(torch.zeros(1, 4))
        assert bias is not None and bool((bias == GONE).all())
        assert torch.isfinite((torch.randn(1, 4) + bias).softmax(-1)).all()

    def test_every_token_at_weight_0_still_draws(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "(a red boat:0)"))
        assert picture.trace is not None and picture.trace.maps.max() == pytest.approx(0, abs=1e-6)

    def test_weights_leave_the_unconditional_half_alone(self) -> None:
        texts = [Encoded(torch.zeros(1, 3, 2), torch.tensor(w), ()) for w in ([1.0] * 3, [1, 2, 1])]
        bias = log_weights(torch.stack([text.weights.float() for text in texts]))
        assert bias is not None and not bias[0].any() and bias[1].tolist()[1] > 0

    def test_a1111_scales_the_embedding(self, engine: DiffusersEngine) -> None:
        texts = ("a boat", "a (boat:1.5)")
        one, two = draw(engine, [recipe(engine, text, interpreter="a1111") for text in texts])
        assert one.image.tobytes() != two.image.tobytes()
        (attention,) = draw(engine, recipe(engine, "a boat"))
        assert attention.image.tobytes() == one.image.tobytes()


class TestMaps:
    def test_guidance_does_not_change_the_first_step_s_map(self, engine: DiffusersEngine) -> None:
        asked = [recipe(engine, "a boat on the sea", guidance=g, steps=1) for g in (1.0, 5.0)]
        maps = [picture.trace.maps for picture in draw(engine, asked) if picture.trace]
        np.testing.assert_allclose(maps[0], maps[1], atol=1e-5)

    def test_negative_words_are_not_in_the_maps(self, engine: DiffusersEngine) -> None:
        asked = [recipe(engine, "a boat", negative=text, steps=1) for text in ("", "the sea cat")]
        maps = [picture.trace.maps for picture in draw(engine, asked) if picture.trace]
        np.testing.assert_allclose(maps[0], maps[1], atol=1e-5)

    @pytest.mark.parametrize(("size", "shape"), [((96, 64), (8, 12)), ((56, 104), (13, 7))])
    def test_rows_are_the_height(
        self, engine: DiffusersEngine, size: tuple[int, int], shape: tuple[int, int]
    ) -> None:
        (picture,) = draw(engine, recipe(engine, "a boat", size=size))
        assert picture.trace is not None and picture.trace.maps.shape == (2, *shape)

    def test_a_lit_row_stays_a_row(self) -> None:
        """A map whose lower half is hot keeps it below, on a grid that is wider than high."""
        rows, columns = 4, 10
        aim = Aim(torch.zeros(2, 3, 1), 1)
        watching = Watch(record=True, places=frozenset({rows * columns}))
        watching.look(aim)
        cold = torch.full((2, rows, columns, 3), 0.1)
        cold[1, 2:, :, 1] = 0.8
        watching.add(aim, cold.reshape(2, rows * columns, 3), heads=1)
        text = Encoded(aim.context[:1], torch.ones(3), (-1, 0, -1))
        levels = grids(rows, columns, 2)
        words = (TracedWord(text="sea", start=0, end=3),)
        maps = word_maps([(aim, [0], [Row(text)])], 0, words, levels, (rows, columns))
        assert maps[0, :2].max() == pytest.approx(0.1)
        assert maps[0, 2:].min() == pytest.approx(0.8)

    def test_levels_round_up(self) -> None:
        assert grids(9, 13, 3) == {117: (9, 13), 35: (5, 7), 12: (3, 4)}

    def test_a_word_of_many_tokens_has_one_map(self, engine: DiffusersEngine) -> None:
        tokens = engine.parts().tokenizer.tokenize("lighthouse")
        assert len(tokens) > 1
        (picture,) = draw(engine, recipe(engine, "a lighthouse on the sea"))
        assert picture.trace is not None
        assert [word.text for word in picture.trace.words][1] == "lighthouse"
        assert picture.trace.maps[1].max() > 0

    def test_long_prompts_are_traced_to_the_end(self, sd15_engine: DiffusersEngine) -> None:
        text = "the red sea " * 40 + "a boat"
        (picture,) = draw(sd15_engine, recipe(sd15_engine, text, steps=1))
        assert picture.trace is not None and len(picture.trace.words) == 122
        assert all(one.max() > 0 for one in picture.trace.maps)
        assert picture.trace.maps.sum(axis=0).max() <= 1 + 1e-3

    def test_a_short_negative_goes_with_a_long_prompt(self, engine: DiffusersEngine) -> None:
        long = "red " * 30
        assert draw(engine, recipe(engine, long, negative="the sea", steps=1))
        assert draw(engine, recipe(engine, "a boat", negative=long, steps=1))

    def test_swapped_words_are_traced_while_they_are_read(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "a [boat:cat:2] on [red|the] sea", steps=4))
        assert picture.trace is not None
        words = [word.text for word in picture.trace.words]
        assert words == ["a", "boat", "cat", "on", "red", "the", "sea"]
        assert all(one.max() > 0 for one in picture.trace.maps)

    def test_a_word_that_was_never_read_has_zeros(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "a [boat:cat:9]", steps=3))
        assert picture.trace is not None
        assert picture.trace.maps[2].max() == 0 < picture.trace.maps[1].max()

    def test_composed_parts_have_maps_of_their_own(self, engine: DiffusersEngine) -> None:
        (both,) = draw(engine, recipe(engine, "a boat AND the moon:0.5", steps=1))
        (one,) = draw(engine, recipe(engine, "a boat", steps=1))
        assert both.trace is not None and one.trace is not None
        assert [word.text for word in both.trace.words] == ["a", "boat", "the", "moon"]
        np.testing.assert_allclose(both.trace.maps[:2], one.trace.maps, atol=1e-5)

    def test_kept_keys_do_not_leak_between_texts(self, engine: DiffusersEngine) -> None:
        pictures = draw(engine, [recipe(engine, text) for text in ("a boat", "the sea")])
        alone = [draw(engine, recipe(engine, text))[0] for text in ("the sea", "a boat")]
        assert pictures[0].image.tobytes() == alone[1].image.tobytes()
        assert pictures[1].image.tobytes() == alone[0].image.tobytes()


def test_composing_equal_parts_is_the_part_itself(engine: DiffusersEngine) -> None:
    one, two = draw(engine, [recipe(engine, "a boat"), recipe(engine, "a boat:0.5 AND a boat:0.5")])
    difference = np.abs(np.asarray(one.image).astype(int) - np.asarray(two.image))
    assert difference.max() <= 1


def test_outside_faults_are_told_as_engine_faults(
    engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maquette.errors import EngineFailed

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("no such kernel")

    monkeypatch.setattr(engine.parts().unet, "forward", broken)
    with pytest.raises(EngineFailed, match="no such kernel"):
        list(engine.run([recipe(engine)], {}))


def test_an_accelerator_that_is_full_says_so(
    engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maquette.errors import EngineFailed

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("tried to allocate 2.00 GiB")

    monkeypatch.setattr(engine.parts().unet, "forward", full)
    with pytest.raises(EngineFailed, match="accelerator") as failed:
        list(engine.run([recipe(engine)], {}))
    assert "MAQUETTE_OFFLOAD" in failed.value.hint


def test_broken_numbers_are_no_picture(
    engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maquette.errors import EngineFailed

    unet = engine.parts().unet
    monkeypatch.setattr(unet, "forward", lambda sample, *_, **__: (sample * float("nan"),))
    with pytest.raises(EngineFailed, match="numbers"):
        draw(engine, recipe(engine))


def test_pictures_carry_their_seconds(engine: DiffusersEngine) -> None:
    events = list(engine.run([recipe(engine, seed=seed) for seed in range(3)], {}))
    pictures = [event for event in events if isinstance(event, Picture)]
    assert len({round(picture.seconds, 1) for picture in pictures}) <= 2
    assert all(
        picture.trace and {"text", "denoise", "decode"} <= picture.trace.timings.keys()
        for picture in pictures
    )


def test_a_models_gain_is_part_of_its_digest(tmp_path: Path) -> None:
    files = {"unet/config.json": "a" * 64}
    digests = {digest_of(tmp_path, files, gain) for gain in (None, 2.0, 8.0)}
    assert len(digests) == 3
