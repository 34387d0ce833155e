"""Joint attention (SD3, FLUX), watched and steered: the picture, the maps, what is put back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.engines.making import draw, photo, recipe

from maquette.core.recipe import PromptText
from maquette.engines.base import Cancel, Progress
from maquette.engines.diffusers import DiffusersEngine
from maquette.engines.diffusers import joint as module
from maquette.engines.diffusers.plans import Writer
from maquette.errors import Cancelled


@pytest.fixture(params=["sd3", "flux"])
def engine(request: pytest.FixtureRequest) -> DiffusersEngine:
    return request.getfixturevalue(f"{request.param}_engine")


def state(engine: DiffusersEngine) -> list[Any]:
    """Processors and hooks of the network."""
    network = engine.parts().network
    hooks = [list(each._forward_hooks) for each in network.modules()]
    return [*(each.processor for each in network.modules() if hasattr(each, "processor")), hooks]


class TestPutBack:
    def test_after_a_drawing(self, engine: DiffusersEngine) -> None:
        before = state(engine)
        draw(engine, recipe(engine, "a (red:2) boat"))
        assert all(one is two for one, two in zip(before[:-1], state(engine)[:-1], strict=True))
        assert before[-1] == state(engine)[-1]

    def test_after_cancelling(self, engine: DiffusersEngine) -> None:
        before = state(engine)
        cancel = Cancel()
        with pytest.raises(Cancelled):
            for event in engine.run([recipe(engine, steps=5)], {}, cancel=cancel):
                if isinstance(event, Progress):
                    assert state(engine)[0] is not before[0]
                    cancel.set()
        assert before == state(engine)

    def test_after_explaining(self, engine: DiffusersEngine) -> None:
        before = state(engine)
        engine.explain(photo(), PromptText(text="a boat"))
        assert before == state(engine)


@pytest.mark.parametrize("text", ["a red boat", "a (red:1.6) boat", "a [boat:cat:2] (sea:0)"])
def test_maps_leave_the_picture_bit_for_bit(engine: DiffusersEngine, text: str) -> None:
    asked = recipe(engine, text, size=(96, 64))
    (told,) = draw(engine, asked, maps=True)
    (plain,) = draw(engine, asked, maps=False)
    assert told.image.tobytes() == plain.image.tobytes()
    assert told.trace is not None and told.trace.maps.max() > 0


def shares(engine: DiffusersEngine, weight: float, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The share of attention that the places of the conditional row give to "boat", by layer."""
    asked = recipe(engine, f"a red (boat:{weight}) on the sea", steps=1)
    assert asked.prompt is not None
    text = Writer(engine.parts()).plan(asked.prompt, 1, 4.0).rows[0][0].text
    place = asked.prompt.text.index("boat")
    columns = [at for at, found in enumerate(text.places) if place <= found < place + 4]
    tokens = text.context.shape[1]
    first = engine.card.family == "flux"
    found: list[float] = []
    stock = torch.nn.functional.scaled_dot_product_attention

    def watched(query: Any, key: Any, value: Any, attn_mask: Any = None) -> Any:
        if query.shape[2] == key.shape[2]:  # the drawing's own, not a concept's
            logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            odds = (logits if attn_mask is None else logits + attn_mask).softmax(-1)
            at = columns if first else [key.shape[2] - tokens + column for column in columns]
            places = slice(tokens, None) if first else slice(0, key.shape[2] - tokens)
            found.append(float(odds[-1, :, places][..., at].sum(-1).mean()))
        return stock(query, key, value, attn_mask=attn_mask)

    monkeypatch.setattr(module, "scaled_dot_product_attention", watched)
    draw(engine, asked)
    monkeypatch.undo()
    return np.array(found)


def test_more_weight_more_attention(
    engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = (0, 0.5, 1, 1.5, 2, 4)
    found = np.array([shares(engine, weight, monkeypatch) for weight in weights])
    assert found.shape[1] == len(engine.parts().network.transformer_blocks) + len(
        getattr(engine.parts().network, "single_transformer_blocks", ())
    )
    assert found[0].max() == pytest.approx(0, abs=1e-6)
    # The first layer sees the same states at every weight; later ones see what it made of them.
    assert np.all(np.diff(found[:, 0]) > 0)
    assert np.all(np.diff(found.mean(axis=1)) > 0)


def test_the_weight_is_the_factor_of_the_odds(
    engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (shares(engine, weight, monkeypatch)[0] for weight in (1, 2))
    # Averaged over places and heads it is no exact factor, but between none and all of it.
    assert one < two < 2 * one


def test_weight_1_is_no_weight(engine: DiffusersEngine) -> None:
    plain, same = draw(engine, [recipe(engine, "a red boat"), recipe(engine, "a (red:1.0) boat")])
    assert plain.image.tobytes() == same.image.tobytes()


def test_a_weight_changes_the_picture(engine: DiffusersEngine) -> None:
    plain, heavy = draw(engine, [recipe(engine, "a red boat"), recipe(engine, "a (red:2) boat")])
    assert plain.image.tobytes() != heavy.image.tobytes()


def test_the_unconditional_row_is_not_steered(sd3_engine: DiffusersEngine) -> None:
    watch = module.JointWatch(record=False, text_first=False, conditions=())
    writer = Writer(sd3_engine.parts())
    plan = writer.plan(PromptText(text="a (red:2) boat", negative="the sea"), 1, 4.0)
    from maquette.engines.diffusers.attention import Aim, log_weights

    texts = [plan.negative, plan.rows[0][0].text]
    context = torch.cat([text.context for text in texts])
    watch.look(Aim(context, 1, log_weights(torch.stack([text.weights for text in texts]))))
    bias = watch.bias(context.shape[1] + 10, torch.float32)
    assert bias is not None and not bias[0].any() and not bias[1, ..., :10].any()
    # "red" stands once among CLIP's tokens and once among T5's.
    assert int((bias[1] > 0).sum()) == 2


class TestMaps:
    def test_words_and_nothing_share_each_place(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "a red boat on the sea"))
        assert picture.trace is not None
        total = picture.trace.maps.sum(axis=0)
        assert total.min() > 0 and total.max() < 1

    def test_one_word_is_not_everywhere(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "boat"))
        assert picture.trace is not None and picture.trace.maps.shape[0] == 1
        assert 0 < picture.trace.maps.max() < 1

    def test_a_word_that_was_never_read_has_zeros(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "a [boat:cat:9]", steps=3))
        assert picture.trace is not None
        assert picture.trace.maps[2].max() == 0 < picture.trace.maps[1].max()

    def test_the_prompt_s_rows_are_the_height(self, engine: DiffusersEngine) -> None:
        (picture,) = draw(engine, recipe(engine, "a boat", size=(96, 64), steps=1))
        assert picture.trace is not None and picture.trace.maps.shape == (2, 8, 12)

    def test_negative_words_are_not_in_the_maps(self, sd3_engine: DiffusersEngine) -> None:
        asked = [recipe(sd3_engine, "a boat", negative=text, steps=1) for text in ("", "the cat")]
        maps = [picture.trace.maps for picture in draw(sd3_engine, asked) if picture.trace]
        np.testing.assert_allclose(maps[0], maps[1], atol=1e-5)

    def test_parts_of_a_prompt_have_maps(self, sd3_engine: DiffusersEngine) -> None:
        (both,) = draw(sd3_engine, recipe(sd3_engine, "a boat AND the moon:0.5", steps=1))
        assert both.trace is not None
        assert [word.text for word in both.trace.words] == ["a", "boat", "the", "moon"]
        assert all(one.max() > 0 for one in both.trace.maps)

    def test_layers_and_steps_are_summed(self) -> None:
        watch = module.JointWatch(record=True, text_first=True, conditions=())
        from maquette.engines.diffusers.attention import Aim

        aim = Aim(torch.zeros(1, 3, 4), 0)
        watch.look(aim)
        scores = torch.zeros(6, 2)
        scores[2, 0] = 1.0
        watch.add_scores(0, scores)
        watch.add_scores(0, scores)
        assert aim.layers == {6: 2} and aim.rows[6][0][2, 0] == 2.0
